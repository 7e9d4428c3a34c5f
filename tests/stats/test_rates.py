"""Exact bounds of a rate against scipy's and statsmodels' own, and what they prove."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle
from statsmodels.stats.proportion import proportion_confint

from bench.stats.declared import RATE_ALPHA
from bench.stats.rates import lower_bound, published_count, target_count, upper_bound
from bench.stats.sweeps import rate_verdict

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("n", "proven"), [(5, 0.549), (10, 0.741), (20, 0.861), (29, 0.902), (59, 0.950)]
)
def test_all_successes_prove_the_protocols_rates(n: int, proven: float) -> None:
    assert round(lower_bound(n, n), 3) == proven


@pytest.mark.parametrize(("misses", "n"), [(0, 29), (1, 46), (2, 61), (3, 76)])
def test_misses_allowed_at_nine_of_ten(misses: int, n: int) -> None:
    assert rate_verdict(n - misses, n).verdict == "confirmed"
    assert rate_verdict(n - 1 - misses, n - 1).verdict == "undecided"


@given(counts)
def test_bounds_are_those_of_the_exact_test(pair: tuple[int, int]) -> None:
    successes, n = pair
    test = oracle.binomtest(successes, n, alternative="greater")
    assert lower_bound(*pair) == pytest.approx(test.proportion_ci(0.95, "exact").low)
    test = oracle.binomtest(successes, n, alternative="less")
    assert upper_bound(*pair) == pytest.approx(test.proportion_ci(0.95, "exact").high)


@given(counts)
def test_the_two_bounds_are_the_ninety_percent_interval(pair: tuple[int, int]) -> None:
    low, high = proportion_confint(*pair, alpha=2 * RATE_ALPHA, method="beta")
    assert (lower_bound(*pair), upper_bound(*pair)) == pytest.approx((low, high))


@pytest.mark.parametrize("n", [5, 20, 29, 61])
def test_each_bound_covers_every_rate_in_95_of_100_sweeps(n: int) -> None:
    """Not simulated: every count, weighed by its chance."""
    successes = np.arange(n + 1)
    lower = np.array([lower_bound(int(k), n) for k in successes])
    upper = np.array([upper_bound(int(k), n) for k in successes])
    for rate in np.linspace(0.005, 0.995, 199):
        chance = oracle.binom.pmf(successes, n, rate)
        assert chance[lower <= rate].sum() >= 0.95 - 1e-9
        assert chance[upper >= rate].sum() >= 0.95 - 1e-9


def test_no_runs_prove_nothing() -> None:
    verdict = rate_verdict(0, 0)
    assert (verdict.lower, verdict.upper, verdict.verdict) == (0.0, 1.0, "undecided")


@pytest.mark.parametrize("n", [1, 2, 500])
def test_all_and_none_end_at_one_and_zero(n: int) -> None:
    assert rate_verdict(n, n).upper == 1.0
    assert rate_verdict(0, n).lower == 0.0


def test_two_of_five_is_refuted() -> None:
    assert rate_verdict(2, 5).verdict == "refuted"


@pytest.mark.parametrize(
    ("n_images", "needed"), [(10000, 9940), (1000, 994), (500, 497), (10001, 9941), (1, 1)]
)
def test_the_target_is_an_integer(n_images: int, needed: int) -> None:
    assert target_count(n_images, 99.4) == needed


@pytest.mark.parametrize(
    ("n_images", "needed"), [(10000, 9941), (1000, 995), (10001, 9941), (1, 1)]
)
def test_a_tie_does_not_exceed_the_target(n_images: int, needed: int) -> None:
    assert target_count(n_images, 99.4, above=True) == needed


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0), (0, -1)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="impossible count"):
        lower_bound(successes, n)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        rate_verdict(5, 5, rate)


@pytest.mark.parametrize(
    ("percent", "n_images", "count"),
    [(99.39, 10000, 9939), (98.29, 10000, 9829), (99.35, 1000, Fraction(1987, 2))],
)
def test_a_published_percentage_is_exact(percent: float, n_images: int, count: Fraction) -> None:
    assert published_count(percent, n_images) == count
