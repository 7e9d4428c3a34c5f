"""METRICS: what a claim can speak of, how that is found, and by which rule it is judged.

A name that ends in `.*` stands for a family: what follows the dot is its argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from operator import itemgetter
from typing import Any

from bench.evidence.claims import lookup, rules
from bench.evidence.claims.gather import Evidence, NoEvidence
from bench.evidence.claims.rules import Gain, Judgement
from bench.spec import Claim

NUMBER = ("published",)
NUMBERS = ("published", "numbers")
TERMS = ("published", "terms")
LAYER_NUMBER = ("published", "layers")


@dataclass(frozen=True)
class Metric:
    """One entry of the table.

    Attributes:
        about: What it is, with its unit.
        find: From the claim and the evidence to what the rule judges.
        keys: Keys that a claim of this metric must have; "value" is `published` or `text`.
        rule: From the claim and what was found to a judgement.
    """

    about: str
    find: Callable[[Claim, Evidence], Any]
    keys: tuple[str, ...] = NUMBER
    rule: Callable[[Claim, Any], Judgement | Gain] = rules.exact


figure, layers = lookup.figure_or_layers, lookup.of_layers
numbers, terms = lookup.of_numbers, lookup.of_claims
document = rules.consistent

METRICS: Mapping[str, Metric] = {
    # Structure, from portraits. With `layers`, the figure of those layers.
    "n_parameters": Metric("parameters", figure("parameters", "n_parameters", "n_parameters")),
    "n_weights": Metric(
        "parameters that are no biases", figure("parameters", "n_weights", "n_weights")
    ),
    "n_biases": Metric("biases", figure("parameters", "n_biases", "n_biases")),
    "n_parameters.*": Metric("parameters of a component, or total: their sum", lookup.component),
    "n_parameters_by_type.*": Metric(
        "parameters in a type of layer, such as depthwise_convolution", lookup.parameters_by_type
    ),
    "parameters_over_limit": Metric(
        "parameters above 8,000; negative below", lookup.parameters_over_limit
    ),
    "multiply_adds": Metric(
        "multiply-adds an image", figure("multiply_adds", "multiply_adds", "multiply_adds")
    ),
    "receptive_field_pixels": Metric(
        "side of the square of pixels that one position of the last feature map sees, before "
        "everything is pooled; with layers, one position of theirs",
        figure("receptive_field", "receptive_field_pixels", "receptive_field"),
    ),
    "output_shape": Metric(
        "a layer's output as height x width x channels",
        layers("parameters", "output_shape"),
        ("text", "layers"),
    ),
    "kernel_pixels": Metric(
        "side of a layer's kernel", layers("parameters", "kernel"), LAYER_NUMBER
    ),
    "groups": Metric("groups of a convolution", layers("parameters", "groups"), LAYER_NUMBER),
    "dropout_probability": Metric(
        "share that a dropout layer sets to zero",
        layers("dropout", "dropout_probability"),
        LAYER_NUMBER,
    ),
    "n_layers.*": Metric("calls of layers of a kind, such as Conv2d", lookup.calls_of_operation),
    "layer_sequence": Metric(
        "kinds of the layers called from the first to the last of `layers`",
        lookup.sequence_of_calls,
        ("text", "layers"),
    ),
    "parameters_saved_percent": Metric(
        "parameters less than `against` has, in percent of those",
        lookup.saved_percent("parameters", "n_parameters"),
        ("published", "against"),
    ),
    "multiply_adds_saved_percent": Metric(
        "multiply-adds less than `against` has, in percent of those",
        lookup.saved_percent("multiply_adds", "multiply_adds"),
        ("published", "against"),
    ),
    "separable_saved_percent": Metric(
        "weights that a depthwise and a pointwise layer save against one standard layer",
        lookup.separable_saved_percent,
        LAYER_NUMBER,
    ),
    # Training.
    "recipe.*": Metric(
        "a field of the recipe, such as augmentation.translate", lookup.recipe_field, ("value",)
    ),
    "validation_share_percent": Metric(
        "training images that are validated on", lookup.validation_share_percent
    ),
    # Accuracies, from records: one run, the mean of runs, how often, and one network or another.
    "last_test_accuracy_percent": Metric(
        "a single run's test accuracy after the last epoch",
        lookup.last_test_counts,
        rule=rules.placed,
    ),
    "selected_validation_accuracy_percent": Metric(
        "a single run's validation accuracy after its best epoch",
        lookup.best_validation_counts,
        rule=rules.placed,
    ),
    "best_test_accuracy_percent": Metric(
        "a single run's test accuracy after the epoch where it is best",
        lookup.best_test_counts,
        rule=rules.placed,
    ),
    "mean_test_accuracy_percent": Metric(
        "the mean over runs after the last epoch",
        lookup.last_test_counts,
        ("published", "relation"),
        rule=rules.mean,
    ),
    "mean_test_shortfall_points": Metric(
        "99.40 less the mean over runs",
        lookup.last_test_counts,
        ("published", "relation"),
        rule=rules.mean_shortfall,
    ),
    "consistent_test_accuracy_percent": Metric(
        "an accuracy that nine runs of ten reach after the last epoch",
        lookup.last_test_counts,
        rule=rules.rate,
    ),
    "sustained_test_accuracy_percent": Metric(
        "an accuracy that nine runs of ten reach after each of the last three epochs",
        lookup.sustained_test_counts,
        rule=rules.rate,
    ),
    "accuracy_gain_points": Metric(
        "whether the subject's accuracy is above that of `against`",
        lookup.two_arms,
        ("against",),
        rule=rules.gain,
    ),
    # The document's own arithmetic.
    "product": Metric("product of `numbers`", numbers(prod), NUMBERS),
    "sum": Metric("sum of `numbers`", numbers(sum), NUMBERS),
    "saved_percent": Metric(
        "how much less the second of two `numbers` is than the first",
        numbers(lookup.saved_of_numbers),
        NUMBERS,
    ),
    "target_shortfall_points": Metric(
        "99.40 less the accuracy that the claim in `terms` publishes",
        terms(lookup.published_shortfall),
        TERMS,
    ),
    # The document against itself: a contradiction is "inconsistent".
    "sum_of_claims": Metric(
        "sum of the numbers of the claims in `terms`",
        terms(sum, rounded=True),
        TERMS,
        rule=document,
    ),
    "same_as_claim": Metric(
        "the number of the claim in `terms`",
        terms(itemgetter(0), rounded=True),
        TERMS,
        rule=document,
    ),
    "largest_of_claims": Metric(
        "the largest number of the claims in `terms`", terms(max), TERMS, rule=document
    ),
    "smallest_of_claims": Metric(
        "the smallest number of the claims in `terms`", terms(min), TERMS, rule=document
    ),
    "not_checkable": Metric(
        "words that no measurement can meet", lookup.nothing, ("reason",), rule=rules.not_checkable
    ),
}


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
    name = entry(claim.metric)
    assert name is not None, f"unknown metric '{claim.metric}' in a checked claim"
    metric = METRICS[name]
    try:
        return metric.rule(claim, metric.find(claim, evidence))
    except NoEvidence as error:
        return Judgement(error.verdict, error.why)
