"""Two arms against scipy and statsmodels; coverage and false alarms are in docs/protocol.md."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.weightstats import ttost_ind

from bench.stats.comparison import (
    Design,
    compare,
    corrected,
    holm,
    probability_of_improvement,
    runs_to_reach,
)
from bench.stats.values import MISSING, Interval
from tests.stats.coverage import assert_share

DESIGN = Design(n_images=10_000)
FIRST = np.array([9941, 9938, 9945, 9940, 9951, 9947])
SECOND = np.array([9935, 9939, 9938, 9934, 9944, 9945])


@pytest.mark.parametrize("n_second", [3, 4, 6])
def test_the_effect_is_welchs(n_second: int) -> None:
    found = compare(FIRST, SECOND[:n_second], DESIGN)
    test = oracle.ttest_ind(FIRST, SECOND[:n_second], equal_var=False)
    theirs = test.confidence_interval(0.95)
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((theirs.low / 100, theirs.high / 100))


@pytest.mark.parametrize("margin_points", [0.01, 0.05, 0.2])
def test_equivalence_is_statsmodels(margin_points: float) -> None:
    images = margin_points * 100
    found = compare(FIRST, SECOND, replace(DESIGN, margin_points=margin_points))
    assert found.equivalence is not None
    p = ttost_ind(FIRST, SECOND, -images, images, usevar="unequal")[0]
    assert found.equivalence.p == pytest.approx(p)


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(0, "equivalent"), (30, "different"), (-30, "different"), (5, "undecided")],
)
def test_equivalence_verdicts_of_twelve_runs_each(shift: int, verdict: str) -> None:
    first = np.arange(9934, 9946)
    found = compare(first, first + shift, DESIGN).equivalence
    assert found is not None
    assert (found.verdict, found.margin_points) == (verdict, 0.05)


@given(
    st.lists(st.integers(9930, 9950), min_size=3, max_size=12),
    st.lists(st.integers(9930, 9950), min_size=3, max_size=12),
)
def test_probability_of_improvement_counts_every_pair(first: list[int], second: list[int]) -> None:
    found = probability_of_improvement(first, second, seed=0)
    u = oracle.mannwhitneyu(first, second, method="asymptotic").statistic
    assert found is not None
    assert found.probability == pytest.approx(u / (len(first) * len(second)))
    assert found.interval is not None
    assert found.probability in found.interval
    assert 0 <= found.interval.low <= found.interval.high <= 1


def test_probability_of_improvement_is_statsmodels() -> None:
    found = compare(FIRST, SECOND, DESIGN).improvement
    assert found is not None
    assert found.probability == pytest.approx(rank_compare_2indep(FIRST, SECOND).prob1)


def test_arms_that_do_not_overlap_leave_a_doubt() -> None:
    """The bootstrap would say [1, 1]. The bound solves Newcombe's equation, by hand here."""
    better, worse = [6, 7, 8, 9, 10], [1, 2, 3, 4, 5]
    found = probability_of_improvement(better, worse, seed=0)
    assert found is not None
    assert found.interval is not None
    assert (found.probability, found.interval.high) == (1.0, 1.0)
    low = found.interval.low
    variance = low * (1 - low) * (9 - 12 / ((2 - low) * (1 + low))) / 25
    assert (1 - low) ** 2 == pytest.approx(1.959964**2 * variance)
    assert low == pytest.approx(0.643, abs=0.001)


def test_improvements_bootstrap_covers_too_little_where_arms_are_far_apart() -> None:
    """Why it only stands beside the score interval."""
    rng = np.random.default_rng(7)
    first, second = (np.rint(rng.normal(mean, 80, (600, 30))) for mean in (9160, 9000))
    truth = oracle.norm.cdf(2 / 2**0.5)
    found = [
        probability_of_improvement(a, b, seed=at, n_resamples=400)
        for at, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    covered = [bool(one and one.bootstrap and truth in one.bootstrap) for one in found]
    assert_share(covered, 0.88, 0.94)


def test_improvements_bootstrap_belongs_to_its_seed_and_to_thirty_runs() -> None:
    first, second = np.arange(9930, 9960), np.arange(9925, 9955)

    def bootstrap(seed: int, n: int = 30) -> Interval | None:
        found = probability_of_improvement(first[:n], second[:n], seed=seed)
        assert found is not None
        return found.bootstrap

    assert bootstrap(0) == bootstrap(0)
    assert bootstrap(0) != bootstrap(1)
    assert bootstrap(0, n=29) is None


def test_no_difference_leaves_what_two_accuracies_can_be_apart() -> None:
    """Of 10 images: 0, 1, 2 against 8, 9, 10 are 80 points apart, +- t(4) 2.776 sqrt(2 / 3) 10."""
    found = compare([0, 1, 2], [8, 9, 10], Design(n_images=10))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (-100.0, pytest.approx(-57.331, abs=1e-3))


def test_a_failed_run_loses_and_is_told() -> None:
    """Ranked below every count; means and p use the runs that are left."""
    found = compare([9941, MISSING, 9945], [9935, 9939, 9938], DESIGN)
    assert (found.n_first, found.n_second, found.n_missing) == (3, 3, 1)
    assert found.difference_points == pytest.approx((9943 - 29_812 / 3) / 100)
    assert found.improvement is not None
    assert found.improvement.probability == pytest.approx(6 / 9)
    assert found.test is not None
    assert found.test.smallest_p == pytest.approx(1 / 10)


def test_arms_of_no_runs_one_run_and_equal_runs_claim_nothing() -> None:
    none = compare([], [], DESIGN)
    assert (none.difference_points, none.interval, none.improvement, none.test) == (None,) * 4
    assert not none.can_reach_alpha
    one = compare([9941], [9939], DESIGN)
    assert (one.difference_points, one.interval, one.equivalence) == (0.02, None, None)
    assert one.improvement is not None
    assert (one.improvement.probability, one.improvement.interval) == (1.0, None)
    two = compare([9941, 9938], SECOND, DESIGN)
    assert (two.interval, two.equivalence) == (None, None)
    assert two.improvement is not None
    assert two.improvement.interval is None
    assert two.test is not None
    equal = compare([9940] * 5, [9940] * 5, DESIGN)
    assert (equal.difference_points, equal.interval, equal.equivalence) == (0.0, None, None)
    assert equal.test is not None
    assert equal.test.p == 1.0
    failed = compare([MISSING] * 3, [9940] * 3, DESIGN)
    assert (failed.difference_points, failed.n_missing) == (None, 3)


@pytest.mark.parametrize(("n", "can"), [(3, False), (4, True)])
def test_three_runs_against_three_cannot_reach_alpha(n: int, can: bool) -> None:
    """Two of 20 deals are the most extreme, p = 0.1; of 70 with four runs each, 0.029."""
    low, high = np.arange(9930, 9930 + n), np.arange(9940, 9940 + n)
    assert compare(low, high, DESIGN).can_reach_alpha is can


@pytest.mark.parametrize(("n_pairs", "n_runs"), [(1, 4), (3, 5), (10, 6), (45, 7)])
def test_runs_that_the_permutation_test_needs(n_pairs: int, n_runs: int) -> None:
    """2 of 70 deals, three times 2 of 252, ten times 2 of 924, 45 times 2 of 3,432."""
    assert runs_to_reach(n_pairs) == n_runs
    smallest = [n_pairs * 2 * factorial(n) ** 2 / factorial(2 * n) for n in (n_runs, n_runs - 1)]
    assert smallest[0] < 0.05 <= smallest[1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
@settings(max_examples=15)  # multipletests collects garbage on every call
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_passes_over_what_could_not_be_tested() -> None:
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm([]) == []


def test_comparisons_are_corrected_together() -> None:
    arms = FIRST, SECOND, FIRST - np.array([20, 21, 22, 23, 24, 30])
    pairs = combinations(arms, 2)
    found = corrected([compare(*pair, DESIGN) for pair in pairs])
    p_values = [one.test.p for one in found if one.test]
    assert [one.holm_p for one in found] == holm(p_values)
    # Six runs against six reach 2 of 924, of which Holm leaves three times as much for three pairs.
    assert [one.smallest_holm_p for one in found] == pytest.approx([6 / 924] * 3)
    assert all(one.can_reach_alpha for one in found)


def test_a_smallest_p_that_holm_lifts_above_alpha_is_said() -> None:
    """Four runs each reach 0.029 alone; of three pairs it is 0.086."""
    alone = compare([1, 2, 3, 4], [5, 6, 7, 8], DESIGN)
    assert alone.can_reach_alpha
    assert not any(one.can_reach_alpha for one in corrected([alone] * 3))
