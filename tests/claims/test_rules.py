"""The rules: rounding, intervals against scipy, rates, comparisons, and too little evidence."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.claims import rules
from bench.claims.evidence import Evidence, Exact, arranged
from bench.claims.metrics import judge
from bench.protocol import Protocol
from bench.spec import Claim
from tests import factories
from tests.claims.evidences import OTHER, OUR_COUNTS, SUBJECT, claim, evidence, held, portrait, runs


@pytest.mark.parametrize(
    ("published", "tolerance", "relation", "agreeing", "others"),
    [
        (9850, 0, "equals", (9850, Fraction(9850)), (9849, 9851)),
        (8500, 50, "equals", (8450, 8549), (8449, 8550)),  # ~8,500
        (99.35, 0.005, "equals", (Fraction("99.345"), Fraction("99.3549")), (Fraction("99.355"),)),
        (0.08, 0, "equals", (0.08,), (0.0800001,)),
        (8000, 0, "below", (7999,), (8000, 8001)),  # "< 8000" is strict
        (15, 0, "at_most", (15, 14), (16,)),
        (0, 0, "above", (1,), (0, -1)),
        (4, 0, "at_least", (4, 5), (3,)),
        (0.07, 0.005, "at_most", (Fraction("0.0749"),), (Fraction("0.075"),)),
        (0.05, 0.005, "at_least", (Fraction("0.045"),), (Fraction("0.0449"),)),
    ],
)
def test_agreement_follows_from_how_a_number_is_written(
    published: float,
    tolerance: float,
    relation: Any,
    agreeing: tuple[Any, ...],
    others: tuple[Any, ...],
) -> None:
    said = claim("n_parameters", published, tolerance=tolerance, relation=relation)
    for verdict, values in (("confirmed", agreeing), ("refuted", others)):
        assert [rules.exact(said, Exact(value, ())).verdict for value in values] == [verdict] * len(
            values
        )


def test_one_runs_number_is_placed_among_the_runs() -> None:
    """The interval of one more run by scipy: mean -+ t sd sqrt(1 + 1/n)."""
    counts = np.array(OUR_COUNTS)
    n = len(counts)
    half = scipy_stats.t.ppf(0.975, n - 1) * counts.std(ddof=1) * (1 + 1 / n) ** 0.5
    low, high = (counts.mean() - half) / 100, (counts.mean() + half) / 100
    for number, verdict in (
        (low - 0.01, "refuted"),
        (low + 0.01, "confirmed"),
        (high - 0.01, "confirmed"),
        (high + 0.01, "refuted"),
    ):
        said = claim("last_test_accuracy_percent", round(number, 4))
        found = judge(said, evidence(said))
        assert found.verdict == verdict
        assert f"{low:.3f} to {high:.3f}" in found.rule
        assert found.measured == Fraction(sum(OUR_COUNTS), 100 * n)


def of_counts(said: Claim, *counts: int | None, **changes: Any) -> rules.Judgement:
    return judge(said, evidence(said, runs=runs(SUBJECT, counts), **changes))


@pytest.mark.parametrize(("counts", "more"), [((9940,), 2), ((9940, 9941), 1), ((9940,) * 5, 1)])
def test_too_few_or_equal_runs_place_nothing(counts: tuple[int, ...], more: int) -> None:
    found = of_counts(claim("last_test_accuracy_percent", 99.39), *counts)
    assert (found.verdict, found.seeds_needed, found.n) == ("undecided", more, len(counts))
    assert f"needs at least {more} more seed" in found.rule


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ([9940] * 29, "confirmed"),  # the protocol's 29 of 29
        ([9940] * 28, "undecided"),
        ([9940] * 5, "undecided"),
        ([9939] * 2, "refuted"),  # 0 of 2: an upper bound of 0.776
        ([9940, None], "undecided"),
        ([9940] * 28 + [None], "undecided"),  # a run that diverged is a miss
    ],
)
def test_consistently_is_a_rate_over_all_runs(counts: list[int | None], verdict: str) -> None:
    found = of_counts(claim("consistent_test_accuracy_percent", 99.4), *counts)
    assert (found.verdict, found.n) == (verdict, len(counts))
    reached = sum(count == 9940 for count in counts)
    assert found.measured == Fraction(reached, len(counts))
    assert f"{reached} of {len(counts)} runs reach it" in found.rule


def test_runs_until_decided_are_judged_by_their_sequence() -> None:
    said = claim("consistent_test_accuracy_percent", 99.4)
    declared = Protocol(rate=0.9, target=99.4, cap=200, alpha=0.05)
    found = of_counts(said, *[9940] * 29, protocol=declared)
    assert found.verdict == "undecided"  # 29 of 29 confirm a fixed number of runs only
    assert "confidence sequence" in found.rule


def test_a_best_epoch_is_told_to_be_optimistic() -> None:
    said = claim("selected_validation_accuracy_percent", 99.35)
    found = judge(said, evidence(said))
    assert found.rule.startswith("best epoch, selected on this same split and so optimistic")
    best = [max(e.validation_correct for e in run.epochs) for run in runs(SUBJECT, OUR_COUNTS)]
    assert found.measured == Fraction(100 * sum(best), 6000 * len(best))


def test_the_best_epoch_on_the_test_split_is_not_the_last_one() -> None:
    whole = runs(SUBJECT, (9900, 9902))
    curves = ((9899, 9941, 9900), (9897, 9901, 9943))  # by hand: 9,941 and 9,943
    ours = [
        msgspec.structs.replace(
            run, epochs=[msgspec.structs.replace(run.epochs[0], test_correct=n) for n in curve]
        )
        for run, curve in zip(whole, curves, strict=True)
    ]
    said = claim("best_test_accuracy_percent", 99.42)
    found = judge(said, evidence(said, runs=ours))
    assert found.measured == Fraction(9942, 100)
    assert found.rule.startswith("best epoch, selected on the test split itself and so optimistic")


def test_a_mean_is_undecided_where_its_interval_holds_the_bound() -> None:
    said = claim("mean_test_accuracy_percent", 99.4, relation="below")
    found = of_counts(said, 9935, 9938, 9940, 9944)
    assert found.verdict == "undecided"
    assert found.seeds_needed is not None
    assert found.seeds_needed > 0
    assert found.measured == pytest.approx(99.3925)
    assert of_counts(said, 9940).verdict == "undecided"
    assert of_counts(said, None, None).verdict == "undecided"


def gained(ours: list[int | None], theirs: list[int | None], **keys: Any) -> rules.Judgement:
    said = claim("accuracy_gain_points", against=OTHER, **keys)
    both = runs(SUBJECT, ours) + runs(OTHER, theirs)
    return judge(said, evidence(said, runs=both))


def test_a_technique_is_judged_against_the_network_without_it() -> None:
    base: list[int | None] = [9930, 9935, 9932, 9938, 9931, 9934]
    better = [count + 9 + seed for seed, count in enumerate(base) if count]
    assert gained([*better], base).verdict == "confirmed"
    assert gained(base, [*better]).verdict == "refuted"
    found = gained(base, [*better])
    assert "paired exact test" in found.rule
    assert len(found.stands_on) == 12
    assert found.n == 6


def test_five_pairs_can_decide_nothing_by_the_exact_test() -> None:
    base: list[int | None] = [9930, 9935, 9932, 9938, 9931]
    found = gained([9940, 9946, 9944, 9951, 9945], base)
    assert found.verdict == "undecided"  # p = 1/16, two-sided, is the least of five pairs
    assert "p 0.062" in found.rule
    assert found.seeds_needed is not None


def test_networks_that_are_the_same_within_the_margin_refute_a_gain() -> None:
    base: list[int | None] = [9930 + seed % 4 for seed in range(12)]
    same = [count + (-1) ** seed for seed, count in enumerate(base) if count]
    found = gained([*same], base)
    assert found.verdict == "refuted"
    assert "the same within 0.05 points" in found.rule


def test_other_seeds_are_compared_unpaired() -> None:
    said = claim("accuracy_gain_points", against=OTHER)
    both = runs(SUBJECT, [9940, 9942, 9943]) + runs(OTHER, [9930, 9931, 9932, 9934])
    found = judge(said, evidence(said, runs=both))
    assert "unpaired exact test" in found.rule


def test_runs_on_another_data_set_compare_with_nothing() -> None:
    said = claim("last_test_accuracy_percent", 99.39)
    small = [factories.record(SUBJECT, seed, dataset=factories.MNIST5K) for seed in range(5)]
    found = judge(said, evidence(said, runs=small))
    assert (found.verdict, found.rule) == ("not comparable", "runs of mnist5k, claim of mnist")
    own = claim("last_test_accuracy_percent", 99.39, dataset="mnist5k")
    assert judge(own, evidence(own, runs=small)).verdict != "not comparable"
    structure = claim("n_parameters", 268)
    assert judge(structure, evidence(structure, runs=small)).verdict == "confirmed"


def test_runs_of_another_recipe_compare_with_nothing() -> None:
    said = claim("last_test_accuracy_percent", 99.39)
    short = [factories.record(SUBJECT, seed, recipe=factories.recipe(1)) for seed in range(5)]
    found = judge(said, evidence(said, runs=short))
    assert found.verdict == "not comparable"
    assert "another recipe" in found.rule


def test_nothing_at_all_leaves_a_claim_undecided_with_the_remedy() -> None:
    empty: dict[str, Any] = {"runs": [], "portraits": []}
    accuracy, structure = claim("last_test_accuracy_percent", 99.39), claim("n_parameters", 268)
    found = judge(accuracy, evidence(accuracy, **empty))
    assert (found.verdict, found.measured, found.n) == ("undecided", None, None)
    assert found.rule == "no runs of 'model_1': python -m bench train --arch model_1"
    found = judge(structure, evidence(structure, **empty))
    assert (found.verdict, found.stands_on) == ("undecided", ())
    assert "python -m bench measure --arch model_1" in found.rule


@pytest.mark.parametrize("layer", ["Conv2d 4", "Conv2d 0", "convx", "Linear 1"])
def test_a_layer_that_is_not_there_decides_nothing(layer: str) -> None:
    said = claim("groups", 8, layers=(layer,))
    found = judge(said, evidence(said))
    assert found.verdict == "undecided"
    assert f"no layer '{layer}'" in found.rule


def two_versions(**current: str) -> Evidence:
    measures = portrait().measures
    other = msgspec.structs.replace(measures["parameters"], values={"n_parameters": 999})
    versions = [
        portrait(architecture_digest="d" * 64, measures={**measures, "parameters": other}),
        portrait(architecture_digest="f" * 64),
    ]
    return arranged([held(portraits=versions, runs=[])], [], current)


def test_versions_that_differ_decide_nothing_unless_one_is_at_hand() -> None:
    said = claim("n_parameters", 268)
    found = judge(said, two_versions())
    assert found.verdict == "undecided"
    assert "2 versions of 'model_1' that differ" in found.rule
    assert judge(said, two_versions(model_1="f" * 64)).verdict == "confirmed"
    assert judge(said, two_versions(model_1="d" * 64)).verdict == "refuted"


def test_a_measure_that_failed_decides_nothing_and_says_why() -> None:
    broken = type(portrait().measures["parameters"])(fields=(), values={}, error="it broke")
    said = claim("n_parameters", 268)
    found = judge(said, evidence(said, portraits=[portrait(measures={"parameters": broken})]))
    assert (found.verdict, found.rule) == ("undecided", "it broke")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9850.0, "9,850"),
        (99.35, "99.35"),
        (-482, "-482"),
        (3e-05, "0.00003"),
        (Fraction(2, 3), "0.667"),
        (Fraction(2, 5), "0.4"),
        (Fraction(993925, 10000), "99.393"),  # half up, where a float would give 99.392
        (Fraction(-1, 2000), "-0.001"),
        (Fraction(39999, 40000), "1"),
        ("28x28x6", "28x28x6"),
    ],
)
def test_numbers_are_worded_as_they_are_written(value: Any, words: str) -> None:
    assert rules.number(value) == words
