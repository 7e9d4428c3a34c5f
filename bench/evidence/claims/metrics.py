"""METRICS: what a claim can speak of, how that is found, and by which rule it is judged.

A name that ends in `.*` stands for a family: what follows the dot is its argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from operator import itemgetter
from typing import Any, Literal

from bench.evidence.claims import lookup, rules
from bench.evidence.claims.gather import Evidence, NoEvidence
from bench.evidence.claims.rules import Gain, Judgement
from bench.spec import Claim

# What a claim rests on. Settings are constants of the rebuild that no count depends on: they were
# typed from the document, so that they agree with it is no evidence for it.
Kind = Literal["runs", "structure", "document", "words", "settings"]
NUMBER = ("published",)
NUMBERS = ("published", "numbers")
TERMS = ("published", "terms")
LAYER_NUMBER = ("published", "layers")


@dataclass(frozen=True)
class Metric:
    """One entry of the table.

    Attributes:
        about: What it is, with its unit.
        kind: What a claim of this metric rests on.
        find: From the claim and the evidence to what the rule judges.
        keys: Keys that a claim of this metric must have; "value" is `published` or `text`.
        rule: From the claim and what was found to a judgement.
        beside: Keys that a claim may have beside these; they are no value then.
    """

    about: str
    kind: Kind
    find: Callable[[Claim, Evidence], Any]
    keys: tuple[str, ...] = NUMBER
    rule: Callable[[Claim, Any], Judgement | Gain] = rules.exact
    beside: tuple[str, ...] = ()


figure, layers = lookup.figure_or_layers, lookup.of_layers
numbers, terms = lookup.of_numbers, lookup.of_claims
accuracies, shortfalls = lookup.accuracies, lookup.shortfalls
itself = rules.consistent
BOUND = ("published", "relation")

METRICS: Mapping[str, Metric] = {
    # From portraits. With `layers`, the figure of those layers.
    "n_parameters": Metric(
        "parameters", "structure", figure("parameters", "n_parameters", "n_parameters")
    ),
    "n_weights": Metric(
        "parameters without the biases", "structure", figure("parameters", "n_weights", "n_weights")
    ),
    "n_biases": Metric("biases", "structure", figure("parameters", "n_biases", "n_biases")),
    "n_non_trainable_parameters": Metric(
        "parameters that training does not change; buffers do not count",
        "structure",
        lookup.non_trainable_parameters,
    ),
    "n_parameters.*": Metric(
        "parameters of a component, or total: their sum",
        "structure",
        lookup.component("parameters"),
    ),
    "parameters_share_percent": Metric(
        "parameters of `layers`, in percent of the network's parameters",
        "structure",
        lookup.layers_share("parameters", "n_parameters"),
        LAYER_NUMBER,
    ),
    "parameters_share_percent.*": Metric(
        "parameters of a component, in percent of the network's parameters",
        "structure",
        lookup.component_share("parameters"),
    ),
    "n_parameters_by_type.*": Metric(
        "parameters in a type of layer, such as depthwise_convolution",
        "structure",
        lookup.parameters_by_type,
    ),
    "parameters_over_limit": Metric(
        "parameters above the document's limit; negative below",
        "structure",
        lookup.parameters_over_limit,
    ),
    "weights_bytes": Metric(
        "bytes of the parameters and buffers in float32, without a file's header",
        "structure",
        lookup.figure("cost", "fp32_bytes"),
    ),
    "multiply_adds": Metric(
        "multiply-adds for one image",
        "structure",
        figure("multiply_adds", "multiply_adds", "multiply_adds"),
    ),
    "multiply_adds.*": Metric(
        "multiply-adds of a component, or total: their sum",
        "structure",
        lookup.component("multiply_adds"),
    ),
    "multiply_adds_share_percent": Metric(
        "multiply-adds of `layers`, in percent of the network's multiply-adds",
        "structure",
        lookup.layers_share("multiply_adds", "multiply_adds"),
        LAYER_NUMBER,
    ),
    "multiply_adds_share_percent.*": Metric(
        "multiply-adds of a component, in percent of the network's multiply-adds",
        "structure",
        lookup.component_share("multiply_adds"),
    ),
    "receptive_field_pixels": Metric(
        "side of the square of pixels that one position of the last feature map sees, before "
        "everything is pooled; with `layers`: one position of these layers",
        "structure",
        figure("receptive_field", "receptive_field_pixels", "receptive_field"),
    ),
    "output_shape": Metric(
        "a layer's output as height x width x channels, such as 28x28x6; `inspect` prints "
        "channels x height x width",
        "structure",
        layers("parameters", "output_shape"),
        ("text", "layers"),
        rules.shape,
    ),
    "kernel_pixels": Metric(
        "side of a layer's kernel", "structure", layers("parameters", "kernel"), LAYER_NUMBER
    ),
    "groups": Metric(
        "groups of a convolution", "structure", layers("parameters", "groups"), LAYER_NUMBER
    ),
    "n_layers.*": Metric(
        "calls of layers of a kind, such as Conv2d", "structure", lookup.calls_of_operation
    ),
    "layer_sequence": Metric(
        "kinds of the layers called from the first to the last of `layers`",
        "structure",
        lookup.sequence_of_calls,
        ("text", "layers"),
    ),
    "parameters_saved_percent": Metric(
        "how many fewer parameters the subject has than `against`, in percent",
        "structure",
        lookup.saved_percent("parameters", "n_parameters"),
        ("published", "against"),
    ),
    "multiply_adds_saved_percent": Metric(
        "how many fewer multiply-adds the subject has than `against`, in percent",
        "structure",
        lookup.saved_percent("multiply_adds", "multiply_adds"),
        ("published", "against"),
    ),
    "separable_saved_percent": Metric(
        "weights that a depthwise and a pointwise layer save against one standard layer",
        "structure",
        lookup.separable_saved_percent,
        LAYER_NUMBER,
    ),
    "recipe.*": Metric(
        "a field of the recipe, such as augmentation.translate",
        "settings",
        lookup.recipe_field,
        ("value",),
    ),
    "step_size_epochs": Metric(
        "epochs between two falls of the learning rate, StepLR's step_size",
        "settings",
        lookup.step_size_epochs,
    ),
    "dropout_probability": Metric(
        "share that a dropout layer sets to zero",
        "settings",
        layers("dropout", "dropout_probability"),
        LAYER_NUMBER,
    ),
    "validation_share_percent": Metric(
        "training images that are validated on", "settings", lookup.validation_share_percent
    ),
    # From records: a single run's number, the mean of runs, how often, one network or another.
    "last_test_accuracy_percent": Metric(
        "a single run's test accuracy after the last epoch",
        "runs",
        accuracies(lookup.last_test_counts),
        rule=rules.placed,
    ),
    "selected_validation_accuracy_percent": Metric(
        "a single run's validation accuracy after its best epoch",
        "runs",
        accuracies(lookup.best_validation_counts),
        rule=rules.placed,
    ),
    "best_test_accuracy_percent": Metric(
        "a single run's test accuracy after the epoch where it is best",
        "runs",
        accuracies(lookup.best_test_counts),
        rule=rules.placed,
    ),
    "last_train_accuracy_percent": Metric(
        "a single run's accuracy on the augmented training images during the last epoch",
        "runs",
        lookup.train_accuracies,
        rule=rules.placed,
    ),
    "best_validation_epoch": Metric(
        "the number of a single run's epoch that is best on the validation split",
        "runs",
        lookup.of_validation(lookup.best_epochs("validation")),
        rule=rules.placed,
    ),
    "best_test_epoch": Metric(
        "the number of a single run's epoch that is best on the test split",
        "runs",
        lookup.best_epochs("test"),
        rule=rules.placed,
    ),
    "last_train_loss": Metric(
        "a single run's cross-entropy on the augmented training images during the last epoch",
        "runs",
        lookup.train_losses,
        rule=rules.placed,
    ),
    "last_validation_loss": Metric(
        "a single run's cross-entropy on the validation split after the last epoch",
        "runs",
        lookup.validation_losses,
        rule=rules.placed,
    ),
    "last_test_loss": Metric(
        "a single run's cross-entropy on the test split after the last epoch",
        "runs",
        lookup.test_losses,
        rule=rules.placed,
    ),
    "mean_test_accuracy_percent": Metric(
        "the mean over runs after the last epoch",
        "runs",
        accuracies(lookup.last_test_counts),
        BOUND,
        rules.mean,
    ),
    "test_accuracy_sd_points": Metric(
        "the standard deviation over runs of the test accuracy after the last epoch, such as the "
        "0.06 of 92.40 ± 0.06",
        "runs",
        accuracies(lookup.last_test_counts),
        BOUND,
        rules.deviation,
    ),
    "mean_test_shortfall_points": Metric(
        "the document's target minus the mean over runs",
        "runs",
        shortfalls(lookup.last_test_counts),
        BOUND,
        rules.mean,
    ),
    "mean_best_validation_accuracy_percent": Metric(
        "the mean over runs of the validation accuracy after the best epoch",
        "runs",
        accuracies(lookup.best_validation_counts),
        BOUND,
        rules.mean,
    ),
    "mean_best_validation_shortfall_points": Metric(
        "the document's target minus the mean over runs of the validation accuracy after the best "
        "epoch",
        "runs",
        shortfalls(lookup.best_validation_counts),
        BOUND,
        rules.mean,
    ),
    "mean_train_accuracy_percent": Metric(
        "the mean over runs on the augmented training images during the last epoch",
        "runs",
        lookup.train_accuracies,
        BOUND,
        rules.mean,
    ),
    "mean_test_loss": Metric(
        "the mean over runs of the cross-entropy on the test split after the last epoch",
        "runs",
        lookup.test_losses,
        BOUND,
        rules.mean,
    ),
    "consistent_test_accuracy_percent": Metric(
        "an accuracy that the document's share of runs reaches after the last epoch; without a "
        "rate the share is 0.90",
        "runs",
        lookup.last_test_counts,
        rule=rules.rate,
    ),
    "sustained_test_accuracy_percent": Metric(
        "an accuracy that the same share of runs reaches after each of the last three epochs",
        "runs",
        lookup.sustained_test_counts,
        rule=rules.rate,
    ),
    "accuracy_gain_points": Metric(
        "whether the subject's accuracy is above the accuracy of `against`",
        "runs",
        lookup.two_arms,
        ("against",),
        rules.gain,
    ),
    "mean_test_accuracy_gain_points": Metric(
        "by how many points the mean of the subject's runs is above the mean of `against`",
        "runs",
        lookup.two_arms,
        (*BOUND, "against"),
        rules.difference,
    ),
    # From records of given weights.
    "published_weights_test_accuracy_percent": Metric(
        "the test accuracy of a published file of weights; `text` names its SHA-256, which one "
        "file alone does not need",
        "runs",
        lookup.scored_weights,
        rule=rules.scored,
        beside=("text",),
    ),
    # The document's own arithmetic.
    "product": Metric("product of `numbers`", "document", numbers(prod), NUMBERS),
    "sum": Metric("sum of `numbers`", "document", numbers(sum), NUMBERS),
    "saved_percent": Metric(
        "how much less the second of two `numbers` is than the first",
        "document",
        numbers(lookup.saved_of_numbers),
        NUMBERS,
    ),
    "target_shortfall_points": Metric(
        "the document's target minus the accuracy that the claim in `terms` publishes",
        "document",
        lookup.published_shortfall,
        TERMS,
    ),
    # The document against itself: a contradiction is "inconsistent".
    "sum_of_claims": Metric(
        "sum of the numbers of the claims in `terms`",
        "document",
        terms(sum, rounded=True),
        TERMS,
        itself,
    ),
    "same_as_claim": Metric(
        "the number of the claim in `terms`",
        "document",
        terms(itemgetter(0), rounded=True),
        TERMS,
        itself,
    ),
    "largest_of_claims": Metric(
        "the largest number of the claims in `terms`", "document", terms(max), TERMS, itself
    ),
    "smallest_of_claims": Metric(
        "the smallest number of the claims in `terms`", "document", terms(min), TERMS, itself
    ),
    "not_checkable": Metric(
        "words that no measurement can meet",
        "words",
        lookup.nothing,
        ("reason",),
        rules.not_checkable,
    ),
}


def of(claim: Claim) -> Metric:
    """The metric of a claim whose file was checked when it was loaded."""
    name = entry(claim.metric)
    assert name is not None, f"unknown metric '{claim.metric}' in a checked claim"
    return METRICS[name]


def kind(claim: Claim) -> Kind:
    """What a claim rests on, by its metric."""
    return of(claim).kind


def entry(metric: str) -> str | None:
    """The table's name for a claim's metric: itself or its family; None for an unknown one."""
    if metric in METRICS and not metric.endswith(".*"):
        return metric
    head, dot, argument = metric.partition(".")
    family = f"{head}.*"
    return family if dot and argument and family in METRICS else None


def judge(claim: Claim, evidence: Evidence) -> Judgement | Gain:
    """The verdict on a claim whose file was checked when it was loaded, or why there is none.

    A gain waits for the others of its file.
    """
    metric = of(claim)
    try:
        return metric.rule(claim, metric.find(claim, evidence))
    except NoEvidence as error:
        return Judgement(error.verdict, error.why)
