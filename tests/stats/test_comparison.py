"""Two arms against scipy and statsmodels; coverage of the intervals, errors of the verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from bench import stats
from tests.stats.coverage import assert_share, counts

PAIRED = stats.Design(n_images=10_000, paired=True, seed=0)
UNPAIRED = replace(PAIRED, paired=False)
FIRST = np.array([9941, 9938, 9945, 9940, 9951, 9947])
SECOND = np.array([9935, 9939, 9938, 9934, 9944, 9945])


def test_paired_effect_is_scipys() -> None:
    found = stats.compare(FIRST, SECOND, PAIRED)
    theirs = oracle.ttest_rel(FIRST, SECOND).confidence_interval(0.95)
    assert found.difference_points == 0.045  # 27 images over six pairs
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((theirs.low / 100, theirs.high / 100))


@pytest.mark.parametrize("n_second", [2, 4, 6])
def test_unpaired_effect_is_welchs(n_second: int) -> None:
    found = stats.compare(FIRST, SECOND[:n_second], UNPAIRED)
    test = oracle.ttest_ind(FIRST, SECOND[:n_second], equal_var=False)
    theirs = test.confidence_interval(0.95)
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((theirs.low / 100, theirs.high / 100))


@pytest.mark.parametrize("margin_points", [0.01, 0.05, 0.2])
def test_equivalence_is_statsmodels(margin_points: float) -> None:
    images = margin_points * 100
    paired = stats.compare(FIRST, SECOND, replace(PAIRED, margin_points=margin_points))
    assert paired.equivalence is not None
    p = ttost_paired(FIRST, SECOND, -images, images)[0]
    assert paired.equivalence.p == pytest.approx(p)
    unpaired = stats.compare(FIRST, SECOND, replace(UNPAIRED, margin_points=margin_points))
    assert unpaired.equivalence is not None
    p = ttost_ind(FIRST, SECOND, -images, images, usevar="unequal")[0]
    assert unpaired.equivalence.p == pytest.approx(p)


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(0, "equivalent"), (30, "different"), (-30, "different"), (5, "undecided")],
)
def test_equivalence_verdicts_of_twelve_pairs(shift: int, verdict: str) -> None:
    first = np.arange(9934, 9946)
    second = first + np.tile([-1, 1], 6) + shift
    found = stats.compare(first, second, PAIRED).equivalence
    assert found is not None
    assert (found.verdict, found.margin_points) == (verdict, 0.05)


def test_arms_at_the_margin_are_called_equivalent_5_times_of_100_at_most() -> None:
    rng = np.random.default_rng(3)
    first = counts(rng, (800, 12))
    for margin_points, least in ((0.05, 0.0), (0.25, 0.05)):
        second = counts(rng, (800, 12), mean=9940 + 100 * margin_points)
        design = replace(UNPAIRED, margin_points=margin_points)
        found = [stats.compare(a, b, design) for a, b in zip(first, second, strict=True)]
        called = [one.equivalence for one in found]
        assert_share(
            [one is not None and one.verdict == "equivalent" for one in called], least, 0.05
        )


@pytest.mark.parametrize("paired", [True, False])
def test_the_difference_lies_in_its_interval_95_times_of_100(paired: bool) -> None:
    rng = np.random.default_rng(4)
    shared = np.rint(rng.normal(0, 8, (1500, 6))) * paired
    first, second = counts(rng, (1500, 6)) + shared, counts(rng, (1500, 6), mean=9930) + shared
    second = second if paired else second[:, :4]
    design = replace(PAIRED, paired=paired)
    found = [stats.compare(a, b, design).interval for a, b in zip(first, second, strict=True)]
    assert_share([one is not None and 0.10 in one for one in found], 0.945, 0.96)


def test_pairs_are_the_sharper_design() -> None:
    rng = np.random.default_rng(5)
    shared = rng.normal(0, 8, 10)
    first, second = (np.rint(9940 + shift + shared + rng.normal(0, 1, 10)) for shift in (0, -5))
    paired, unpaired = (stats.compare(first, second, one) for one in (PAIRED, UNPAIRED))
    assert paired.interval is not None
    assert unpaired.interval is not None
    assert 0 not in paired.interval
    assert 0 in unpaired.interval


@given(
    st.lists(st.integers(9930, 9950), min_size=3, max_size=12),
    st.lists(st.integers(9930, 9950), min_size=3, max_size=12),
)
def test_probability_of_improvement_counts_every_pair(first: list[int], second: list[int]) -> None:
    found = stats.probability_of_improvement(first, second, paired=False, seed=0)
    u = oracle.mannwhitneyu(first, second, method="asymptotic").statistic
    assert found is not None
    assert found.probability == pytest.approx(u / (len(first) * len(second)))
    assert found.interval is not None
    assert found.probability in found.interval
    assert 0 <= found.interval.low <= found.interval.high <= 1


def test_probability_of_improvement_is_statsmodels() -> None:
    found = stats.compare(FIRST, SECOND, UNPAIRED).improvement
    assert found is not None
    assert found.probability == pytest.approx(rank_compare_2indep(FIRST, SECOND).prob1)


def test_arms_that_do_not_overlap_leave_a_doubt() -> None:
    """The bootstrap would say [1, 1]. The bound solves Newcombe's equation, by hand here."""
    better, worse = [6, 7, 8, 9, 10], [1, 2, 3, 4, 5]
    found = stats.probability_of_improvement(better, worse, paired=False, seed=0)
    assert found is not None
    assert found.interval is not None
    assert (found.probability, found.interval.high) == (1.0, 1.0)
    low = found.interval.low
    variance = low * (1 - low) * (9 - 12 / ((2 - low) * (1 + low))) / 25
    assert (1 - low) ** 2 == pytest.approx(1.959964**2 * variance)
    assert low == pytest.approx(0.643, abs=0.001)


@pytest.mark.parametrize("n", [5, 20])
@pytest.mark.parametrize("gap", [0.0, 1.0, 2.0])
def test_improvement_lies_in_its_score_interval_95_times_of_100(n: int, gap: float) -> None:
    rng = np.random.default_rng(6)
    first, second = (np.rint(rng.normal(mean, 80, (1000, n))) for mean in (9000 + 80 * gap, 9000))
    truth = oracle.norm.cdf(gap / 2**0.5)
    found = [
        stats.probability_of_improvement(a, b, paired=False, seed=0, n_resamples=2)
        for a, b in zip(first, second, strict=True)
    ]
    assert_share([one and one.interval and truth in one.interval for one in found], 0.94, 0.97)


def test_improvements_bootstrap_covers_too_little_where_arms_are_far_apart() -> None:
    """Why it only stands beside the score interval."""
    rng = np.random.default_rng(7)
    first, second = (np.rint(rng.normal(mean, 80, (600, 20))) for mean in (9160, 9000))
    truth = oracle.norm.cdf(2 / 2**0.5)
    found = [
        stats.probability_of_improvement(a, b, paired=False, seed=at, n_resamples=400)
        for at, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    covered = [bool(one and one.bootstrap and truth in one.bootstrap) for one in found]
    assert_share(covered, 0.88, 0.93)


def test_improvements_bootstrap_belongs_to_its_seed_and_to_twenty_runs() -> None:
    first, second = np.arange(9930, 9950), np.arange(9925, 9945)

    def bootstrap(seed: int, n: int = 20, paired: bool = False) -> stats.Interval | None:
        found = stats.probability_of_improvement(first[:n], second[:n], paired=paired, seed=seed)
        assert found is not None
        return found.bootstrap

    assert bootstrap(0) == bootstrap(0)
    assert bootstrap(0) != bootstrap(0, paired=True)
    assert bootstrap(0, n=19) is None


def test_a_failed_run_loses_and_is_told() -> None:
    """Ranked below every count; means and p stand on the pairs that are left."""
    first, second = [9941, stats.MISSING, 9945], [9935, 9939, 9938]
    found = stats.compare(first, second, PAIRED)
    assert (found.n_first, found.n_second, found.n_missing) == (3, 3, 1)
    assert found.difference_points == 0.065  # (6 + 7) / 2 images
    assert found.improvement is not None
    assert found.improvement.probability == pytest.approx(6 / 9)
    unpaired = stats.compare(first, second, UNPAIRED)
    assert unpaired.difference_points == pytest.approx((9943 - 29_812 / 3) / 100)
    assert unpaired.test is not None
    assert unpaired.test.smallest_p == pytest.approx(1 / 10)


def test_arms_of_no_runs_one_run_and_equal_runs_claim_nothing() -> None:
    none = stats.compare([], [], PAIRED)
    assert (none.difference_points, none.interval, none.improvement, none.test) == (None,) * 4
    assert not none.can_reach_alpha
    one = stats.compare([9941], [9939], UNPAIRED)
    assert (one.difference_points, one.interval, one.equivalence) == (0.02, None, None)
    assert one.improvement is not None
    assert (one.improvement.probability, one.improvement.interval) == (1.0, None)
    equal = stats.compare([9940] * 5, [9940] * 5, PAIRED)
    assert (equal.difference_points, equal.interval, equal.equivalence) == (0.0, None, None)
    assert equal.test is not None
    assert equal.test.p == 1.0
    failed = stats.compare([stats.MISSING] * 3, [9940] * 3, PAIRED)
    assert (failed.difference_points, failed.n_missing) == (None, 3)


@pytest.mark.parametrize(("n", "can"), [(5, False), (6, True)])
def test_five_pairs_cannot_reach_alpha(n: int, can: bool) -> None:
    first = np.arange(9930, 9930 + n)
    assert stats.compare(first, first - 1 - np.arange(n), PAIRED).can_reach_alpha is can


def test_pairs_of_other_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long, not 2 and 1"):
        stats.compare([1, 2], [1], PAIRED)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
@settings(max_examples=15)  # multipletests collects garbage on every call
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert stats.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_passes_over_what_could_not_be_tested() -> None:
    assert stats.holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert stats.holm([]) == []


def test_all_pairs_are_corrected_together() -> None:
    arms = {"a": FIRST, "b": SECOND, "c": FIRST - np.array([20, 21, 22, 23, 24, 30])}
    found = stats.compare_all(arms, PAIRED)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    p_values = [one.test.p for one in found.values() if one.test]
    assert [one.holm_p for one in found.values()] == stats.holm(p_values)
    # Six pairs reach 0.03125, of which Holm leaves three times as much for three pairs of arms.
    assert [one.smallest_holm_p for one in found.values()] == [3 / 32] * 3
    assert not any(one.can_reach_alpha for one in found.values())
