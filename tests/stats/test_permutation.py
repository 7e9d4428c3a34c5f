"""Exact tests against scipy's enumeration of every arrangement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from bench.stats import permutation
from bench.stats.permutation import PermutationTest, permutation_test
from benchmarks.calibration import normal
from tests.stats.coverage import assert_share

several = st.lists(st.integers(9930, 9950), min_size=2, max_size=6)


def welch(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Rounded, so that ties are ties."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.abs(oracle.ttest_ind(x, y, axis=axis, equal_var=False).statistic)
    found = np.nan_to_num(found, nan=0.0)  # nothing varies and nothing differs
    return np.round(np.minimum(found, 1e6), 9)  # what differs where nothing varies is farthest


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(several, several)
@settings(max_examples=60)
def test_deals_are_all_enumerated(first: list[int], second: list[int]) -> None:
    found = permutation_test(first, second, seed=0)
    theirs = oracle.permutation_test(
        (np.array(first), np.array(second)),
        welch,
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    )
    assert found is not None
    assert found.exact
    assert found.p == pytest.approx(theirs.pvalue)
    extreme = (theirs.null_distribution >= theirs.null_distribution.max()).mean()
    assert found.smallest_p == pytest.approx(extreme)


@given(st.integers(9930, 9950), several)
def test_a_single_run_is_placed_by_its_distance(single: int, others: list[int]) -> None:
    pooled = np.array([single, *others])
    away = np.abs(pooled * len(pooled) - pooled.sum())
    for arms in (([single], others), (others, [single])):
        found = permutation_test(*arms, seed=0)
        assert found is not None
        assert found.p == pytest.approx((away >= away[0]).mean())


def test_the_smallest_p_is_that_of_the_most_extreme_deals() -> None:
    """Two of the 252 ways to deal ten runs into five and five; one of 84 for three and six."""
    found = permutation_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], seed=0)
    assert found is not None
    assert (found.p, found.smallest_p) == pytest.approx((2 / 252, 2 / 252))
    found = permutation_test([7, 8, 9], [1, 2, 3, 4, 5, 6], seed=0)
    assert found is not None
    assert found.smallest_p == pytest.approx(2 / 84)


def test_equal_runs_give_p_of_one() -> None:
    assert permutation_test([5, 5], [5, 5, 5], 0) == PermutationTest(1.0, 1.0, True)


def test_no_runs_give_no_test() -> None:
    assert permutation_test([], [1], 0) is None


def test_a_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        permutation_test([0.5], [1], 0)


def test_many_runs_are_still_exact() -> None:
    rng = np.random.default_rng(0)
    first, second = normal(rng, (100,)), normal(rng, (100,), mean=9943)
    found = permutation_test(first, second, seed=0)
    assert found is not None
    assert found.exact
    by_t = oracle.ttest_ind(first, second).pvalue
    assert found.p == pytest.approx(by_t, rel=0.1)


@pytest.mark.parametrize("n_second", [6, 9])
def test_a_drawn_test_is_near_the_exact_one(n_second: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = np.array([9941, 9938, 9945, 9940, 9951, 9947]), np.arange(9935, 9935 + n_second)

    def test(seed: int) -> PermutationTest | None:
        return permutation_test(first, second, seed)

    exact = test(0)
    monkeypatch.setattr(permutation, "WORK_LIMIT", 0)
    monkeypatch.setattr(permutation, "MOST_DEALS", 0)
    drawn, again, other = test(1), test(1), test(2)
    assert exact is not None
    assert drawn is not None
    assert (drawn.exact, drawn.smallest_p) == (False, 1e-4)
    assert drawn.p == pytest.approx(exact.p, abs=0.006)
    assert drawn == again
    assert drawn != other


def test_few_runs_that_only_spread_more_are_not_told_apart() -> None:
    """Five of twice the spread of ten. By the difference alone it would be 12 times of 100."""
    rng = np.random.default_rng(2)
    few, many = normal(rng, (1500, 5)), normal(rng, (1500, 10), sd=4.0)
    found = [permutation_test(a, b, 0) for a, b in zip(few, many, strict=True)]
    assert_share([one is not None and one.p < 0.05 for one in found], 0.04, 0.09)
