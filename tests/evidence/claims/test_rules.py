"""The rules: rounding, intervals against scipy, rates, comparisons, and too little evidence."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy import stats as scipy_stats

from bench.evidence.claims import Objectives, rules
from bench.evidence.claims.gather import Evidence, Exact, arranged
from bench.evidence.claims.ledger import as_json, ledger
from bench.records.protocol import Protocol, Sweep, arm_key
from bench.spec import Claim, Foreign, Objective, RunRecord
from bench.stats.outcomes import sustained
from bench.stats.planning import seeds_for_difference
from tests import factories
from tests.evidence.claims.evidences import (
    OTHER,
    OUR_COUNTS,
    SUBJECT,
    claim,
    evidence,
    held,
    judge,
    portrait,
)
from tests.factories import runs


@pytest.mark.parametrize(
    "metric",
    ["selected_validation_accuracy_percent", "best_validation_epoch", "last_validation_loss"],
)
def test_no_seed_decides_a_claim_about_validation_images_that_are_not_there(metric: str) -> None:
    made = runs(SUBJECT, OUR_COUNTS)
    none = replace(made[0].dataset, n_validation=0)
    found = evidence(runs=[replace(run, dataset=none) for run in made])
    judged = judge(claim(metric, 2.0), found)
    assert (judged.verdict, judged.rule) == (
        "not comparable",
        "the data set 'mnist' has no validation images",
    )


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
        (low - 0.01, "not consistent"),
        (low + 0.01, "consistent"),
        (high - 0.01, "consistent"),
        (high + 0.01, "not consistent"),
    ):
        said = claim("last_test_accuracy_percent", round(number, 4))
        found = judge(said, evidence(said))
        assert found.verdict == verdict
        assert f"interval of one more run, {low:.3f} to {high:.3f}; the number is " in found.rule
        place = found.rule.partition("the number is ")[2]
        lower = sum(count < round(number, 4) * 100 for count in counts)
        assert place == {0: f"lower than all {n} runs", n: f"higher than all {n} runs"}[lower]
        assert found.measured == Fraction(sum(OUR_COUNTS), 100 * n)


def of_counts(said: Claim, *counts: int | None, **changes: Any) -> rules.Judgement:
    return judge(said, evidence(said, runs=runs(SUBJECT, counts), **changes))


@pytest.mark.parametrize(("counts", "more"), [((9940,), 2), ((9940, 9941), 1), ((9940,) * 5, 1)])
def test_too_few_or_equal_runs_place_nothing(counts: tuple[int, ...], more: int) -> None:
    found = of_counts(claim("last_test_accuracy_percent", 99.39), *counts)
    assert (found.verdict, found.seeds_needed, found.n) == ("undecided", more, len(counts))
    assert f"needs at least {more} more seed" in found.rule
    assert found.rule.startswith(f"{len(counts)} run")


def test_a_mean_of_two_runs_has_no_interval() -> None:
    said = claim("mean_test_accuracy_percent", 90.0, relation="above")
    found = of_counts(said, 9940, 9941)
    assert (found.verdict, found.seeds_needed) == ("undecided", 1)
    assert of_counts(said, 9940, 9941, 9942).verdict == "confirmed"


@given(
    st.lists(st.integers(9800, 10000), min_size=3, max_size=12),
    st.floats(98, 100).map(lambda value: round(value, 2)),
)
def test_a_single_runs_number_is_never_confirmed_nor_refuted(
    counts: list[int], published: float
) -> None:
    found = of_counts(claim("last_test_accuracy_percent", published), *counts)
    assert found.verdict in ("consistent", "not consistent", "undecided")
    if found.verdict != "undecided":  # inside scipy's interval, which ends at 100 %
        n, sd = len(counts), float(np.std(counts, ddof=1))
        half = scipy_stats.t.ppf(0.975, n - 1) * sd * (1 + 1 / n) ** 0.5 / 100
        mean = sum(counts) / n / 100
        inside = mean - half <= published <= min(mean + half, 100)
        near = min(abs(abs(published - mean) - half), abs(published - 100)) < 1e-9
        assert near or (found.verdict == "consistent") == inside


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


@pytest.mark.parametrize(("n", "verdict"), [(4, "undecided"), (5, "confirmed")])
def test_consistently_is_what_the_claim_s_own_document_asks(n: int, verdict: str) -> None:
    """Of a half: all of four runs have the lower bound 0.05^(1/4) = 0.47, all of five 0.55."""
    other = factories.DOCUMENT
    half = replace(other.objective or Objective(), rate=0.5)
    own = replace(other, name="mine", objective=half)
    said = claim("consistent_test_accuracy_percent", 99.4)
    made = held(runs=runs(SUBJECT, [9940] * n))
    found = arranged([made], [said], objectives=Objectives((other, own)))
    assert judge(said, found).verdict == verdict


def test_a_rate_is_worded_as_a_count_and_a_share_in_json() -> None:
    said = claim("consistent_test_accuracy_percent", 99.4)
    (entry,) = ledger([said], evidence(said, runs=runs(SUBJECT, [9940] * 8 + [9939, None])))
    assert (entry.published_words, entry.measured_words) == ("99.4", "8 of 10")
    assert json.loads(as_json([entry]))[0]["measured"] == 0.8


DECLARED = Protocol(rate=0.9, target=99.4, cap=200, alpha=0.05)


@pytest.mark.parametrize("protocol", [None, DECLARED])
@pytest.mark.parametrize(
    ("relation", "count", "reached"),
    [("equals", 9940, 40), ("at_least", 9940, 40), ("above", 9940, 0), ("above", 9941, 40)],
)
def test_above_is_strict(
    protocol: Protocol | None, relation: Any, count: int, reached: int
) -> None:
    said = claim("consistent_test_accuracy_percent", 99.4, relation=relation)
    found = of_counts(said, *[count] * 40, protocol=protocol)
    assert found.measured_words == f"{reached} of 40"
    assert f"runs {'exceed' if relation == 'above' else 'reach'} it" in found.rule


@pytest.mark.parametrize("relation", ["equals", "above"])
def test_a_published_number_between_two_counts_needs_the_upper_one(relation: Any) -> None:
    said = claim("consistent_test_accuracy_percent", 99.405, relation=relation)  # 9,940.5 images
    assert of_counts(said, 9940, 9941, 9941).measured_words == "2 of 3"


def test_runs_until_decided_are_judged_by_their_sequence() -> None:
    said = claim("consistent_test_accuracy_percent", 99.4)
    found = of_counts(said, *[9940] * 29, protocol=DECLARED)
    assert found.verdict == "undecided"  # 29 of 29 confirm a fixed number of runs only
    assert "confidence sequence" in found.rule


CURVES = (  # counts after each epoch, whether the last three reach 9,940
    ((9000, 9940, 9941, 9940), True),
    ((9999, 9939, 9940, 9940), False),
    ((9999, 9940, 9939, 9940), False),
    ((9999, 9940, 9940, 9939), False),
    ((9940, 9940, 9940), True),
)


def with_curve(run: RunRecord, curve: tuple[int, ...]) -> RunRecord:
    epochs = [msgspec.structs.replace(run.epochs[0], test_correct=count) for count in curve]
    return msgspec.structs.replace(run, epochs=epochs)


@pytest.mark.parametrize("protocol", [None, DECLARED])
@pytest.mark.parametrize(("curve", "holds"), CURVES)
def test_sustained_is_met_by_the_last_three_epochs_all(
    protocol: Protocol | None, curve: tuple[int, ...], holds: bool
) -> None:
    said = claim("sustained_test_accuracy_percent", 99.4)
    ours = [with_curve(run, curve) for run in runs(SUBJECT, [9940] * 2)]
    found = judge(said, evidence(said, runs=ours, protocol=protocol))
    assert found.measured_words == ("2 of 2" if holds else "0 of 2")
    assert sustained([curve], 9940).tolist() == [holds]
    assert "lowest of the last 3 epochs" in found.rule


def test_two_epochs_or_a_run_that_diverged_sustain_nothing() -> None:
    said = claim("sustained_test_accuracy_percent", 99.4)
    (whole,), (diverged,) = runs(SUBJECT, [9940]), runs(SUBJECT, [None, None])[1:]
    ours = [with_curve(whole, (9940, 9940)), diverged]
    assert judge(said, evidence(said, runs=ours)).measured_words == "0 of 2"


def test_a_best_epoch_is_told_to_be_optimistic() -> None:
    said = claim("selected_validation_accuracy_percent", 99.35)
    found = judge(said, evidence(said))
    assert found.rule.startswith("best epoch, selected on this same split, so it is optimistic")
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
    assert found.rule.startswith(
        "best epoch, selected on the test split itself, so it is optimistic"
    )


def test_a_mean_is_undecided_where_its_interval_holds_the_bound() -> None:
    said = claim("mean_test_accuracy_percent", 99.4, relation="below")
    found = of_counts(said, 9935, 9938, 9940, 9944)
    assert found.verdict == "undecided"
    assert found.seeds_needed is not None
    assert found.seeds_needed > 0
    assert found.measured == pytest.approx(99.3925)
    assert of_counts(said, 9940).verdict == "undecided"
    assert of_counts(said, None, None).verdict == "undecided"


@pytest.mark.parametrize(
    ("relation", "published", "verdict"),
    # Mean 9,943 of 10,000, sd 1, so t(2) = 4.303 gives 99.43 % +- .0248: from 99.405 to 99.455.
    [
        ("below", 99.45, "undecided"),
        ("at_most", 99.45, "confirmed"),  # 99.46 will do
        ("at_most", 99.44, "undecided"),
        ("above", 99.41, "undecided"),
        ("at_least", 99.41, "confirmed"),  # 99.40 will do
    ],
)
def test_a_tolerance_moves_the_bound_of_at_most_and_at_least_alone(
    relation: Any, published: float, verdict: str
) -> None:
    said = claim("mean_test_accuracy_percent", published, relation=relation, tolerance=0.01)
    assert of_counts(said, 9942, 9943, 9944).verdict == verdict


def test_a_standard_deviation_is_judged_by_its_chi_square_interval() -> None:
    """Of 9,934, 9,940 and 9,946 the sd is .06 points: from .06 * .5207 to .06 * 6.285."""
    counts = (9934, 9940, 9946)
    said = claim("test_accuracy_sd_points", 0.06, relation="at_most", tolerance=0.005)
    found = of_counts(said, *counts)
    assert (found.verdict, found.measured) == ("undecided", pytest.approx(0.06))
    assert found.rule.startswith(
        "95% chi-square interval of the standard deviation, 0.031 to 0.377, at most 0.06, give or "
        "take 0.005; it needs at least "
    )
    # Were .06 the true one: of n runs the upper end must fall below .065.
    n = next(
        n
        for n in range(3, 2000)
        if 0.06 * ((n - 1) / scipy_stats.chi2.ppf(0.025, n - 1)) ** 0.5 < 0.065
    )
    assert found.seeds_needed == n - 3
    tight = replace(said, published=0.02, relation="below")
    assert of_counts(tight, *counts).verdict == "refuted"
    assert of_counts(replace(said, published=0.4), *counts).verdict == "confirmed"
    assert (of_counts(said, 9940, 9941).verdict, of_counts(said, *[9940] * 5).verdict) == (
        "undecided",
        "undecided",
    )


def test_the_size_of_a_gain_is_judged_by_the_interval_of_the_difference() -> None:
    """Welch's interval by scipy: of means 9,950 and 9,933, so 0.17 points apart."""
    ours: list[int | None] = [9948, 9950, 9952, 9950]
    theirs: list[int | None] = [9930, 9935, 9932, 9935]

    def found(points: float, relation: str, ours: list[int | None] = ours) -> rules.Judgement:
        said = claim(
            "mean_test_accuracy_gain_points", points, against=OTHER, relation=relation, id="size"
        )
        return judge(said, evidence(said, runs=runs(SUBJECT, ours) + runs(OTHER, theirs)))

    welch = scipy_stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    low, high = welch.low / 100, welch.high / 100
    for points, verdict in (
        (low - 0.001, "confirmed"),
        (low + 0.001, "undecided"),
        (high - 0.001, "undecided"),
        (high + 0.001, "refuted"),
    ):
        assert found(points, "at_least").verdict == verdict
    assert found(high + 0.001, "at_most").verdict == "confirmed"
    judged = found(0.15, "above")
    assert judged.rule.startswith(
        f"95% Welch interval of the difference, {low:.3f} to {high:.3f}, above 0.15"
    )
    assert (judged.measured_words, judged.n, len(judged.stands_on)) == ("0.17", 4, 8)
    few = found(0.15, "above", [9950])
    assert (few.verdict, few.seeds_needed) == ("undecided", 2)


def test_two_attempts_are_judged_together_and_one_alone() -> None:
    made = runs(SUBJECT, [9940] * 29)
    own = {"dataset": "mnist", "seeds": ((0, 28),)}
    ours = Sweep(arm=arm_key(made[0]), architecture=SUBJECT, **own)  # type: ignore[arg-type]
    other = Sweep(arm="0" * 64, architecture=OTHER, **own)  # type: ignore[arg-type]
    declared = replace(DECLARED, rule="declared", cap=None, sweeps=(ours, other))
    said = claim("consistent_test_accuracy_percent", 99.4)

    def found(*attempts: str) -> rules.Judgement:
        return judge(said, evidence(said, runs=made, protocol=replace(declared, attempts=attempts)))

    alone, both = found(ours.arm), found(ours.arm, other.arm)
    # 29 of 29: .05^(1/29) = .902 and .025^(1/29) = .881.
    assert (alone.verdict, both.verdict) == ("confirmed", "undecided")
    assert "0.902 and 1.000" in alone.rule
    assert "without this correction" not in alone.rule
    assert "corrected for 2 attempts, of the rate 0.881 and 1.000 against 0.90" in both.rule
    assert "; without this correction: confirmed" in both.rule


def test_runs_that_learned_nothing_ask_for_ten_million_seeds_at_least() -> None:
    counts = (0, 9900, 9900)  # the spread is some 57 points
    said = claim("mean_test_accuracy_percent", 66.0, relation="above")
    found = of_counts(said, *counts)
    assert (found.verdict, found.seeds_needed) == ("undecided", 10**7 - 3)
    assert found.rule.endswith("needs at least 9,999,997 more seeds")
    found = gained([0, 9900, 9900], [9900, 9910, 9905])
    assert (found.verdict, found.seeds_needed) == ("undecided", 10**7 - 3)


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
    assert found.rule.startswith("permutation test, p 0.002")  # no overlap: two of 924 deals
    assert len(found.stands_on) == 12
    assert found.n == 6


def test_three_runs_each_can_decide_nothing_by_the_permutation_test() -> None:
    found = gained([9945, 9951, 9948], [9930, 9935, 9932])
    assert found.verdict == "undecided"  # two of 20 deals are the most extreme
    assert "p 0.100" in found.rule
    assert found.seeds_needed is not None


def test_networks_that_are_the_same_within_the_margin_refute_a_gain() -> None:
    base: list[int | None] = [9930 + seed % 4 for seed in range(12)]
    same = [count + (-1) ** seed for seed, count in enumerate(base) if count]
    found = gained([*same], base)
    assert found.verdict == "refuted"
    assert "the same within 0.05 points" in found.rule


THIRD = "model_3"
LOW: list[int | None] = [9930, 9935, 9932, 9938]
HIGH: list[int | None] = [9941, 9945, 9944, 9950]  # no overlap: two of 70 deals, p = 0.0286
GAINS = {
    "one": claim("accuracy_gain_points", against=OTHER, id="one"),
    "two": claim("accuracy_gain_points", against=THIRD, id="two"),
}


def gained_together(*said: Claim, third: list[int | None]) -> dict[str, rules.Judgement]:
    every = runs(SUBJECT, HIGH) + runs(OTHER, LOW) + runs(THIRD, third)
    return {each.claim.id: each.judged for each in ledger(said, evidence(*said, runs=every))}


def test_gains_of_one_file_are_corrected_together() -> None:
    alone = gained_together(GAINS["one"], third=LOW)["one"]
    assert alone.verdict == "confirmed"
    assert "p 0.029, 0.029 corrected by Holm for 1 comparison of this document," in alone.rule
    both = gained_together(*GAINS.values(), third=LOW)
    assert {each.verdict for each in both.values()} == {"undecided"}  # 2 * 0.0286
    family = "corrected by Holm for 2 comparisons of this document"
    assert all(f"p 0.029, 0.057 {family}, " in each.rule for each in both.values())
    for each in both.values():  # two p are corrected, so both are planned for
        sd = np.sqrt((np.var(HIGH, ddof=1) + np.var(LOW, ddof=1)) / 2) / 100
        assert each.seeds_needed == seeds_for_difference(sd, 0.05, 2) - 4
        assert each.rule.endswith(
            f"{each.seeds_needed} more seeds of each network to see 0.05 points"
        )


def test_gains_of_two_files_are_not_corrected_together() -> None:
    elsewhere = msgspec.structs.replace(GAINS["two"], file="other")
    found = gained_together(GAINS["one"], elsewhere, third=LOW)
    assert [each.verdict for each in found.values()] == ["confirmed", "confirmed"]
    assert "Holm for 1 comparison of this document," in found["two"].rule


def test_a_gain_without_runs_corrects_nothing() -> None:
    found = gained_together(*GAINS.values(), third=[])
    assert "no runs of 'model_3'" in found["two"].rule
    assert found["one"].verdict == "confirmed"


def test_the_largest_p_is_not_corrected_and_equivalence_refutes_as_before() -> None:
    high: list[int | None] = [9944, 9945, 9945, 9944]
    both = runs(SUBJECT, high) + runs(OTHER, LOW) + runs(THIRD, [9945, 9944, 9944, 9945])
    rows = ledger(GAINS.values(), evidence(*GAINS.values(), runs=both))
    found = {each.claim.id: each.judged for each in rows}
    assert found["one"].verdict == "undecided"  # 2 * 0.0286
    assert found["two"].verdict == "refuted"
    assert (
        "p 1.000, 1.000 corrected by Holm for 2 comparisons of this document" in found["two"].rule
    )
    assert "the same within 0.05 points" in found["two"].rule


def test_runs_on_another_data_set_compare_with_nothing() -> None:
    said = claim("last_test_accuracy_percent", 99.39)
    small = [factories.record(SUBJECT, seed, dataset=factories.MNIST5K) for seed in range(5)]
    found = judge(said, evidence(said, runs=small))
    assert (found.verdict, found.rule) == (
        "not comparable",
        "the runs are on mnist5k, the claim is on mnist",
    )
    own = claim("last_test_accuracy_percent", 99.39, dataset="mnist5k")
    assert judge(own, evidence(own, runs=small)).verdict != "not comparable"
    structure = claim("n_parameters", 268)
    assert judge(structure, evidence(structure, runs=small)).verdict == "confirmed"


def test_runs_of_another_recipe_compare_with_nothing() -> None:
    said = claim("last_test_accuracy_percent", 99.39)
    short = [factories.record(SUBJECT, seed, recipe=factories.recipe(1)) for seed in range(5)]
    found = judge(said, evidence(said, runs=short))
    assert found.verdict == "not comparable"
    epochs = factories.recipe().epochs
    assert (
        found.rule == f"the runs of 'model_1' have another recipe: epochs 1, in the file {epochs}"
    )
    other = [factories.record(SUBJECT, seed, architecture_digest="0" * 64) for seed in range(5)]
    found = judge(said, evidence(said, runs=other))
    assert found.verdict == "not comparable"
    assert found.rule == "the runs of 'model_1' come from another version of its file"


def test_what_a_command_counts_is_not_told_as_our_own_counting() -> None:
    """Its images may be counted after the epoch; and its structure is known to nobody."""
    asked = Foreign(origin="command", command="train", epochs=15)
    runs = [
        msgspec.structs.replace(factories.record(SUBJECT, seed), foreign=asked, recipe=None)
        for seed in range(5)
    ]
    said, structure = claim("last_train_accuracy_percent", 99), claim("n_parameters", 9850)
    found = judge(said, evidence(said, runs=runs, portraits=[]))
    assert "counted while training" not in found.rule
    found = judge(structure, evidence(structure, runs=runs, portraits=[]))
    assert found.rule.startswith(
        "the runs of 'model_1' come from an own command: its structure and"
    )


def test_nothing_at_all_leaves_a_claim_undecided_with_the_remedy() -> None:
    empty: dict[str, Any] = {"runs": [], "portraits": []}
    accuracy, structure = claim("last_test_accuracy_percent", 99.39), claim("n_parameters", 268)
    found = judge(accuracy, evidence(accuracy, **empty))
    assert (found.verdict, found.measured, found.n) == ("undecided", None, None)
    train = "python -m bench train --arch model_1 --dataset mnist"
    assert found.rule == f"no runs of 'model_1': {train}"
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
    assert "2 different versions of 'model_1'" in found.rule
    assert judge(said, two_versions(model_1="f" * 64)).verdict == "confirmed"
    assert judge(said, two_versions(model_1="d" * 64)).verdict == "refuted"


def test_a_measure_that_failed_decides_nothing_and_says_why() -> None:
    broken = type(portrait().measures["parameters"])(fields=(), values={}, error="it broke")
    said = claim("n_parameters", 268)
    found = judge(said, evidence(said, portraits=[portrait(measures={"parameters": broken})]))
    assert (found.verdict, found.rule) == ("undecided", "it broke")
