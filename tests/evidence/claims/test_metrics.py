"""Every metric: what it finds, worked by hand, and that another value gives another verdict."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from bench.evidence.claims.metrics import METRICS, entry
from bench.spec import Claim
from tests.evidence.claims.evidences import claim, evidence, judge

TERMS = (
    claim("last_test_accuracy_percent", 99.35, tolerance=0.005, id="accuracy"),
    claim("n_parameters", 8500, tolerance=50, id="convolutions"),
    claim("n_parameters", 68, tolerance=0.5, id="norms"),
)
PAIR = ("deep", "point")

# entry of the table, metric, a number that is confirmed, what is measured, other keys
NUMBERS: tuple[tuple[str, str, float, Any, dict[str, Any]], ...] = (
    ("n_parameters", "n_parameters", 268, 268, {}),
    ("n_parameters", "n_parameters", 188, 188, {"layers": PAIR}),
    ("n_weights", "n_weights", 168, 168, {"layers": PAIR}),
    ("n_weights", "n_weights", 240, 240, {}),
    ("n_biases", "n_biases", 28, 28, {}),
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
    ("last_test_accuracy_percent", 99.44, "confirmed", {}),
    ("last_test_accuracy_percent", 99.10, "refuted", {}),
    ("selected_validation_accuracy_percent", 90.0, "refuted", {}),
    ("best_test_accuracy_percent", 99.44, "confirmed", {}),
    ("best_test_accuracy_percent", 99.10, "refuted", {}),
    ("mean_test_accuracy_percent", 99.40, "confirmed", {"relation": "above"}),
    ("mean_test_accuracy_percent", 99.40, "refuted", {"relation": "below"}),
    ("mean_test_shortfall_points", 0.05, "refuted", {"relation": "at_least"}),
    ("mean_test_shortfall_points", 0.07, "confirmed", {"relation": "at_most"}),
    ("consistent_test_accuracy_percent", 99.60, "refuted", {}),
    ("consistent_test_accuracy_percent", 99.40, "undecided", {}),
    ("sustained_test_accuracy_percent", 99.60, "refuted", {}),
    ("sustained_test_accuracy_percent", 90.00, "undecided", {}),
    ("accuracy_gain_points", 0, "confirmed", {"against": "model_2"}),
    ("not_checkable", 0, "not checkable", {"reason": "elegance"}),
)


def test_every_metric_has_a_test() -> None:
    assert {row[0] for row in (*NUMBERS, *WORDS, *OVER_RUNS)} == set(METRICS)


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
        assert found.n == 6
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
