"""Every metric: what it finds, worked by hand, and that another value gives another verdict."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from bench.evidence.claims.metrics import METRICS, Kind, entry, kind
from bench.spec import Claim, Recipe, RunRecord
from tests import factories
from tests.evidence.claims.evidences import (
    OUR_COUNTS,
    SUBJECT,
    claim,
    evidence,
    judge,
    portrait,
)
from tests.factories import runs

TERMS = (
    claim("last_test_accuracy_percent", 99.35, tolerance=0.005, id="accuracy"),
    claim("n_parameters", 8500, tolerance=50, id="convolutions"),
    claim("n_parameters", 68, tolerance=0.5, id="norms"),
)
PAIR = ("deep", "point")
OF_WEIGHTS = "published_weights_test_accuracy_percent"  # tested in test_published_weights.py

# entry of the table, metric, a number that is confirmed, what is measured, other keys
NUMBERS: tuple[tuple[str, str, float, Any, dict[str, Any]], ...] = (
    ("n_parameters", "n_parameters", 268, 268, {}),
    ("n_parameters", "n_parameters", 188, 188, {"layers": PAIR}),
    ("n_weights", "n_weights", 168, 168, {"layers": PAIR}),
    ("n_weights", "n_weights", 240, 240, {}),
    ("n_biases", "n_biases", 28, 28, {}),
    ("n_non_trainable_parameters", "n_non_trainable_parameters", 8, 8, {}),
    # 268 parameters and 2 buffers of four bytes
    ("weights_bytes", "weights_bytes", 1080, 1080, {}),
    ("n_parameters.*", "n_parameters.skip_connections", 68, 68, {}),
    ("n_parameters.*", "n_parameters.total", 268, 268, {}),
    ("n_parameters_by_type.*", "n_parameters_by_type.depthwise_convolution", 80, 80, {}),
    ("n_parameters_by_type.*", "n_parameters_by_type.linear", 0, 0, {}),
    ("parameters_over_limit", "parameters_over_limit", -7732, -7732, {}),
    ("multiply_adds", "multiply_adds", 188160, 188160, {}),
    ("receptive_field_pixels", "receptive_field_pixels", 5, 5, {}),
    ("receptive_field_pixels", "receptive_field_pixels", 3, 3, {"layers": ("Conv2d 1",)}),
    ("kernel_pixels", "kernel_pixels", 1, 1, {"layers": ("Conv2d 3",)}),
    ("groups", "groups", 8, 8, {"layers": ("Conv2d 2",)}),
    ("dropout_probability", "dropout_probability", 0.25, 0.25, {"layers": ("Dropout 2",)}),
    ("n_layers.*", "n_layers.Conv2d", 3, 3, {}),
    # 268 of 1,072 is a quarter
    ("parameters_saved_percent", "parameters_saved_percent", 75, 75, {"against": "model_2"}),
    (
        "multiply_adds_saved_percent",
        "multiply_adds_saved_percent",
        0,
        0,
        {"against": "model_2"},
    ),
    # (72 + 96) instead of 72 * 12 = 864
    (
        "separable_saved_percent",
        "separable_saved_percent",
        80.6,
        Fraction(725, 9),
        {"layers": PAIR, "tolerance": 0.05},
    ),
    # 75,264 of 188,160 multiply-adds; 108 and 68 of 268 parameters
    *(
        (share, f"{share}", published, exact, {"layers": layers, "tolerance": 0.05})
        for share, published, exact, layers in (
            ("multiply_adds_share_percent", 40, 40, ("point",)),
            ("multiply_adds_share_percent", 70, 70, ("deep", "point")),
            ("parameters_share_percent", 40.3, Fraction(2700, 67), ("point",)),
        )
    ),
    *(
        (f"{name}.*", f"{name}.skip_connections", published, exact, {"tolerance": 0.05})
        for name, published, exact in (
            ("multiply_adds_share_percent", 25, 25),
            ("parameters_share_percent", 25.4, Fraction(1700, 67)),
        )
    ),
    ("multiply_adds.*", "multiply_adds.conv_layers", 141120, 141120, {}),
    ("multiply_adds.*", "multiply_adds.total", 188160, 188160, {}),
    ("recipe.*", "recipe.batch_size", 128, 128, {}),
    ("recipe.*", "recipe.augmentation.translate", 0.08, 0.08, {}),
    ("validation_share_percent", "validation_share_percent", 10, 10, {}),
    ("product", "product", 576, 576, {"numbers": (8, 3, 3, 8)}),
    ("sum", "sum", 768, 768, {"numbers": (672, 96)}),
    # 96 of 864 is one ninth
    (
        "saved_percent",
        "saved_percent",
        11,
        Fraction(100, 9),
        {"numbers": (864, 768), "tolerance": 0.5},
    ),
    ("target_shortfall_points", "target_shortfall_points", 0.05, 0.05, {"terms": ("accuracy",)}),
    ("sum_of_claims", "sum_of_claims", 8600, 8568, {"terms": ("convolutions", "norms")}),
    ("same_as_claim", "same_as_claim", 8530, 8500, {"terms": ("convolutions",)}),
    ("largest_of_claims", "largest_of_claims", 8500, 8500, {"terms": ("convolutions", "norms")}),
    ("smallest_of_claims", "smallest_of_claims", 68, 68, {"terms": ("convolutions", "norms")}),
)
WORDS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("output_shape", "output_shape", "28x28x12", {"layers": ("point",)}),
    ("layer_sequence", "layer_sequence", "Conv2d, Conv2d", {"layers": PAIR}),
    ("layer_sequence", "layer_sequence", "Conv2d, Conv2d, Dropout", {"layers": ("drop", "deep")}),
    ("recipe.*", "recipe.optimizer", "adam", {}),
)
# entry, metric, published, verdict, measured, other keys; counts stand in `evidences`
OVER_RUNS: tuple[tuple[str, float, str, dict[str, Any]], ...] = (
    ("last_test_accuracy_percent", 99.44, "consistent", {}),
    ("last_test_accuracy_percent", 99.10, "not consistent", {}),
    # "above" asks for one more run that could be above it, not for one beside it
    ("last_test_accuracy_percent", 99.10, "consistent", {"relation": "above"}),
    ("last_test_accuracy_percent", 99.10, "not consistent", {"relation": "at_most"}),
    ("last_test_accuracy_percent", 99.60, "not consistent", {"relation": "at_least"}),
    ("last_test_accuracy_percent", 99.60, "consistent", {"relation": "below"}),
    ("selected_validation_accuracy_percent", 90.0, "not consistent", {}),
    ("best_test_accuracy_percent", 99.44, "consistent", {}),
    ("best_test_accuracy_percent", 99.10, "not consistent", {}),
    ("mean_test_accuracy_percent", 99.40, "confirmed", {"relation": "above"}),
    ("mean_test_accuracy_percent", 99.40, "refuted", {"relation": "below"}),
    # the sd of 6 runs is .0320 points: from .0200 to .0786
    ("test_accuracy_sd_points", 0.08, "confirmed", {"relation": "at_most"}),
    ("test_accuracy_sd_points", 0.06, "undecided", {"relation": "at_most"}),
    ("test_accuracy_sd_points", 0.01, "refuted", {"relation": "at_most", "tolerance": 0.005}),
    (
        "mean_test_accuracy_gain_points",
        0.03,
        "confirmed",
        {"relation": "at_least", "against": "model_2"},
    ),
    (
        "mean_test_accuracy_gain_points",
        0.3,
        "refuted",
        {"relation": "at_least", "against": "model_2"},
    ),
    ("mean_test_shortfall_points", 0.05, "refuted", {"relation": "at_least"}),
    ("mean_test_shortfall_points", 0.07, "confirmed", {"relation": "at_most"}),
    ("consistent_test_accuracy_percent", 99.60, "refuted", {}),
    ("consistent_test_accuracy_percent", 99.40, "undecided", {}),
    ("sustained_test_accuracy_percent", 99.60, "refuted", {}),
    ("sustained_test_accuracy_percent", 90.00, "undecided", {}),
    ("accuracy_gain_points", 0, "confirmed", {"against": "model_2"}),
    ("not_checkable", 0, "not checkable", {"reason": "elegance"}),
)


# Metric, the field of the epochs, its values in run 1, 2 and 3 (the others stay), the mean by hand,
# a number that fits.
TRAINED = ((9, 9, 9, 53460), (9, 9, 9, 53514), (9, 9, 9, 53406))  # 99.0, 99.1, 98.9 % of 54,000
# The best of each: 5,964, 5,958 and 5,961 of 6,000 are 99.40, 99.30 and 99.35 %.
VALIDATED = ((5, 5964, 7, 8), (5, 8, 9, 5958), (5961, 6, 9, 9))
LOSSES = ((9, 9, 9, 0.5), (9, 9, 9, 0.75), (9, 9, 9, 1))
LATER = ((5, 9, 7, 8), (5, 8, 9, 7), (5, 6, 9, 9))  # the best epochs: 2, 3, 3 (the first of equals)
SOONER = ((5, 9, 7, 8), (9, 8, 7, 7), (5, 6, 9, 9))  # 2, 1, 3
Curves = tuple[tuple[float, ...], ...]
CURVES: tuple[tuple[str, str, Curves, Fraction, float], ...] = (
    ("last_train_accuracy_percent", "train_correct", TRAINED, Fraction(99), 99.05),
    ("mean_train_accuracy_percent", "train_correct", TRAINED, Fraction(99), 98),
    ("best_validation_epoch", "validation_correct", LATER, Fraction(8, 3), 2),
    ("best_test_epoch", "test_correct", SOONER, Fraction(2), 2),
    (
        "mean_best_validation_accuracy_percent",
        "validation_correct",
        VALIDATED,
        Fraction("99.35"),
        99,
    ),
    (
        "mean_best_validation_shortfall_points",
        "validation_correct",
        VALIDATED,
        Fraction("0.05"),
        -1,
    ),
    ("last_train_loss", "train_loss", LOSSES, Fraction(3, 4), 0.8),
    ("last_validation_loss", "validation_loss", LOSSES, Fraction(3, 4), 0.8),
    ("last_test_loss", "test_loss", LOSSES, Fraction(3, 4), 0.8),
    ("mean_test_loss", "test_loss", LOSSES, Fraction(3, 4), 0.1),
)


def with_curve(run: RunRecord, field: str, curve: tuple[float, ...]) -> RunRecord:
    epochs = [replace(e, **{field: value}) for e, value in zip(run.epochs, curve, strict=False)]
    return replace(run, epochs=epochs)


def test_every_metric_has_a_test() -> None:
    tested = {row[0] for row in (*NUMBERS, *WORDS, *OVER_RUNS, *CURVES)} | {"step_size_epochs"}
    assert tested | {OF_WEIGHTS} == set(METRICS)


def test_every_metric_rests_on_something() -> None:
    """Whatever is judged by a rule over runs is of the kind `runs`."""
    assert {metric.kind for metric in METRICS.values()} == set(get_args(Kind))
    over_runs = {row[0] for row in (*OVER_RUNS, *CURVES)} - {"not_checkable"}
    over_runs |= {OF_WEIGHTS}
    assert {name for name, metric in METRICS.items() if metric.kind == "runs"} == over_runs
    typed = {name for name, metric in METRICS.items() if metric.kind == "settings"}
    assert typed == {
        *("recipe.*", "step_size_epochs", "dropout_probability", "validation_share_percent"),
    }
    assert kind(claim("recipe.epochs", 15)) == "settings"


@pytest.mark.parametrize(("metric", "field", "curves", "measured", "published"), CURVES)
def test_what_the_epochs_hold(
    metric: str,
    field: str,
    curves: Curves,
    measured: Fraction,
    published: float,
) -> None:
    whole = runs(SUBJECT, [9940] * 3)
    ours = [with_curve(run, field, curve) for run, curve in zip(whole, curves, strict=True)]
    keys: dict[str, Any] = {"relation": "above"} if metric.startswith("mean") else {}
    verdict = "confirmed" if keys else "consistent"
    said = claim(metric, published, **keys)
    found = judge(said, evidence(said, runs=ours))
    assert (found.verdict, found.n) == (verdict, 3)
    assert found.measured == pytest.approx(measured, abs=1e-12)
    other = claim(metric, published + 100, **keys)
    assert judge(other, evidence(other, runs=ours)).verdict in ("refuted", "not consistent")


def test_a_loss_is_shown_to_four_digits_and_an_interval_ends_where_values_end() -> None:
    whole = runs(SUBJECT, [9940] * 3)
    ours = [
        with_curve(run, "test_loss", (0.0, 0.0, 0.0, loss))
        for run, loss in zip(whole, (0.0102, 0.0306, 0.0204), strict=True)
    ]
    said = claim("last_test_loss", 0.02)
    found = judge(said, evidence(said, runs=ours))
    # 0.0204 -+ 4.3027 * 0.0102 * sqrt(4 / 3): from -0.0303 to 0.0711, and no loss is below 0
    assert "0.0000 to 0.0711" in found.rule
    assert found.measured_words == "0.0204"
    # 14.5 -+ 4.3: no epoch comes after the last of 15
    late = [
        with_curve(run, "validation_correct", (5,) * (at - 1) + (9,) + (6,) * (15 - at))
        for run, at in zip(whole, (15, 14, 15), strict=True)
    ]
    said = claim("best_validation_epoch", 14)
    assert (
        "to 15.000; the number is equal to 1 of 3 runs, lower than the others"
        in judge(said, evidence(said, runs=late)).rule
    )


COLOURS = {"pixel_mean": (0.49139968, 0.5, 0.4465), "pixel_std": 0.25}
FALLS = {"schedule": "step", "step_epochs": (15, 25), "nesterov": False, "optimizer": "sgd"}
FIELDS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("pixel_mean", "0.49139968, 0.5, 0.4465", "0.5, 0.49139968, 0.4465", COLOURS),
    ("pixel_std", "0.25, 0.25, 0.25", "0.25, 0.25, 0.24", COLOURS),  # one number for each channel
    ("step_epochs", "15, 25", "15", FALLS),
    ("nesterov", "false", "true", FALLS),
)


@pytest.mark.parametrize(("name", "text", "other", "changes"), FIELDS)
def test_a_field_of_several_numbers_or_of_yes_and_no_is_a_text(
    name: str, text: str, other: str, changes: dict[str, Any]
) -> None:
    recipe = Recipe(peak_learning_rate=0.01, warmup_fraction=0.0, **changes)
    verdicts = []
    for words in (text, other):
        said = claim(f"recipe.{name}", text=words)
        found = judge(said, evidence(said, portraits=[portrait(recipe=recipe)], runs=[]))
        verdicts.append((found.verdict, found.measured))
    assert verdicts == [("confirmed", text), ("refuted", text)]


def test_a_recipe_whose_falls_are_told_otherwise_is_not_comparable() -> None:
    said = claim("recipe.step_epochs", text="8")
    found = judge(said, evidence(said, portraits=[portrait(recipe=stepped(0.5))], runs=[]))
    assert (found.verdict, found.rule) == (
        "not comparable",
        "the recipe of 'model_1' gives no step_epochs",
    )


def test_a_default_that_does_not_act_agrees_with_nothing() -> None:
    """Adam knows no Nesterov momentum, whatever the field says; no cutout is no cutout."""
    found = [portrait(recipe=factories.recipe())]
    said = claim("recipe.nesterov", text="true")
    judged = judge(said, evidence(said, portraits=found, runs=[]))
    assert judged.verdict == "not comparable"
    assert "nesterov has no effect in the recipe of 'model_1': it needs optimizer" in judged.rule
    said = claim("recipe.augmentation.cutout_pixels", 0, relation="above")
    assert judge(said, evidence(said, portraits=found, runs=[])).verdict == "refuted"


def stepped(*fractions: float, **changes: Any) -> Recipe:
    keys: dict[str, Any] = {"schedule": "step", "step_fractions": fractions, **changes}
    return Recipe(peak_learning_rate=0.01, warmup_fraction=0.0, **keys)


def step_size(recipe: Recipe, published: float) -> Any:
    said = claim("step_size_epochs", published)
    return judge(said, evidence(said, portraits=[portrait(recipe=recipe)], runs=[]))


@pytest.mark.parametrize(
    ("recipe", "epochs"),
    [
        (stepped(8 / 15), 8),  # one fall: the next would come after epoch 16
        (stepped(5 / 15, 10 / 15), 5),  # a third, after epoch 15, would change nothing
        (stepped(6 / 20, 12 / 20, 18 / 20, epochs=20), 6),
        (replace(stepped(0.5), step_fractions=(), step_size_epochs=6), 6),
        (replace(stepped(0.5), step_fractions=(), step_epochs=(8,)), 8),
    ],
)
def test_the_step_is_told_in_epochs(recipe: Recipe, epochs: int) -> None:
    found = step_size(recipe, epochs)
    assert (found.verdict, found.measured) == ("confirmed", epochs)
    assert step_size(recipe, epochs + 1).verdict == "refuted"


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (factories.recipe(), "has no steps: its schedule is one_cycle"),
        (stepped(0.5, 0.75), "does not fall in equal steps"),
        (stepped(3 / 15), "does not fall in equal steps"),  # StepLR would fall four times
    ],
)
def test_another_schedule_has_no_step(recipe: Recipe, why: str) -> None:
    found = step_size(recipe, 8)
    assert found.verdict == "not comparable"
    assert why in found.rule


def test_a_portrait_without_the_measure_names_the_remedy() -> None:
    measured = portrait().measures
    old = replace(measured["parameters"], values={"n_parameters": 268})
    found = [portrait(measures={"parameters": old})]
    for metric in ("n_non_trainable_parameters", "weights_bytes"):
        said = claim(metric, 0)
        judged = judge(said, evidence(said, portraits=found))
        assert judged.verdict == "undecided"
        assert judged.rule.endswith("python -m bench measure")


def test_a_run_that_diverged_has_no_number() -> None:
    said = claim("mean_train_accuracy_percent", 90, relation="above")
    found = judge(said, evidence(said, runs=runs(SUBJECT, [*OUR_COUNTS, None])))
    assert found.n == 7
    assert found.rule.endswith("; 1 without a value")


def judged(each: Claim) -> Any:
    return judge(each, evidence(*TERMS, each))


@pytest.mark.parametrize(("name", "metric", "published", "measured", "keys"), NUMBERS)
def test_a_number_is_found_and_another_is_refuted(
    name: str, metric: str, published: float, measured: Any, keys: dict[str, Any]
) -> None:
    assert entry(metric) == name
    found = judged(claim(metric, published, **keys))
    assert (found.verdict, found.n) == ("confirmed", None)
    assert found.measured == pytest.approx(measured, abs=1e-12)
    assert found.stands_on
    other = judged(claim(metric, published + 1000, **keys))
    assert other.verdict in ("refuted", "inconsistent")
    assert other.measured == found.measured


@pytest.mark.parametrize(("name", "metric", "text", "keys"), WORDS)
def test_a_word_is_found_and_another_is_refuted(
    name: str, metric: str, text: str, keys: dict[str, Any]
) -> None:
    assert entry(metric) == name
    assert judged(claim(metric, text=text, **keys)).verdict == "confirmed"
    other = judged(claim(metric, text=f"{text}x", **keys))
    assert (other.verdict, other.measured) == ("refuted", text)


@pytest.mark.parametrize(("metric", "published", "verdict", "keys"), OVER_RUNS)
def test_what_runs_decide(
    metric: str, published: float, verdict: str, keys: dict[str, Any]
) -> None:
    found = judged(claim(metric, published, **keys))
    assert found.verdict == verdict
    if metric != "not_checkable":
        assert found.n == len(OUR_COUNTS)
        assert found.stands_on[0].startswith("local/mnist/model_1/seed-0000-")


def test_the_documents_own_contradictions_are_told_apart() -> None:
    for metric in ("sum_of_claims", "same_as_claim", "largest_of_claims", "smallest_of_claims"):
        found = judged(claim(metric, 1, terms=("convolutions", "norms")))
        assert found.verdict == "inconsistent"
        assert found.stands_on[0] == "mine:3 convolutions"


def test_a_sum_agrees_within_the_rounding_of_its_terms() -> None:
    terms = ("convolutions", "norms")  # 8,568, give or take 50.5
    for total, verdict in ((8618, "confirmed"), (8619, "inconsistent"), (8517, "inconsistent")):
        assert judged(claim("sum_of_claims", total, terms=terms)).verdict == verdict


def test_a_family_needs_its_argument() -> None:
    assert entry("recipe.epochs") == "recipe.*"
    assert [entry(name) for name in ("recipe", "recipe.", "recipe.*x*", "nothing.x")] == [
        None,
        None,
        "recipe.*",
        None,
    ]


def test_a_shape_with_its_channels_first_is_told_the_order() -> None:
    order = "a shape is written height x width x channels, such as 28x28x6"
    swapped = judge(claim("output_shape", text="12x28x28", layers=("point",)), evidence())
    assert (swapped.verdict, swapped.measured) == ("refuted", "28x28x12")
    assert swapped.rule.endswith(order)
    wrong = judge(claim("output_shape", text="13x28x28", layers=("point",)), evidence())
    assert (wrong.verdict, order in wrong.rule) == ("refuted", False)
