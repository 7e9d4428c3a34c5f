"""Statistics against the protocol's figures and scipy's own tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from bench import stats

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
runs = st.lists(st.integers(9900, 9970).map(lambda c: c / 100), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("n", "proven"), [(5, 0.549), (10, 0.741), (20, 0.861), (29, 0.902), (59, 0.950)]
)
def test_all_successes_prove_the_protocols_rates(n: int, proven: float) -> None:
    assert round(stats.lower_bound(n, n), 3) == proven


@pytest.mark.parametrize(("misses", "n"), [(0, 29), (1, 46), (2, 61), (3, 76)])
def test_misses_allowed_at_nine_of_ten(misses: int, n: int) -> None:
    assert stats.rate_verdict(n - misses, n).verdict == "confirmed"
    assert stats.rate_verdict(n - 1 - misses, n - 1).verdict == "undecided"


@given(counts)
def test_bounds_are_those_of_the_exact_test(pair: tuple[int, int]) -> None:
    successes, n = pair
    test = oracle.binomtest(successes, n, alternative="greater")
    assert stats.lower_bound(*pair) == pytest.approx(test.proportion_ci(0.95, "exact").low)
    test = oracle.binomtest(successes, n, alternative="less")
    assert stats.upper_bound(*pair) == pytest.approx(test.proportion_ci(0.95, "exact").high)


@given(counts)
@settings(deadline=None)
def test_the_seeds_still_needed_are_the_fewest(pair: tuple[int, int]) -> None:
    successes, n = pair
    verdict = stats.rate_verdict(successes, n)
    more = verdict.more_to_confirm
    assert stats.rate_verdict(successes + more, n + more).verdict == "confirmed"
    if more:
        assert stats.rate_verdict(successes + more - 1, n + more - 1).verdict != "confirmed"
    more = verdict.more_to_refute
    assert stats.rate_verdict(successes, n + more).verdict == "refuted"
    if more:
        assert stats.rate_verdict(successes, n + more - 1).verdict != "refuted"


def test_five_of_five_is_undecided_and_needs_24_more() -> None:
    verdict = stats.rate_verdict(5, 5)
    assert (verdict.verdict, verdict.more_to_confirm) == ("undecided", 24)


def test_two_of_five_is_refuted() -> None:
    assert stats.rate_verdict(2, 5).verdict == "refuted"


@given(runs)
def test_interval_is_scipys(values: list[float]) -> None:
    interval = stats.t_interval(values)
    error = oracle.sem(values)
    assert interval is not None
    if error:
        low, high = oracle.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (interval.low, interval.high) == pytest.approx((low, high))
    else:
        assert interval.low == pytest.approx(interval.high)


def test_spread_of_a_hand_worked_case() -> None:
    found = stats.spread([1.0, 2.0, 4.0, 5.0])
    assert found is not None
    assert (found.n, found.mean, found.median) == (4, 3.0, 3.0)
    assert found.sd == pytest.approx((10 / 3) ** 0.5)
    assert (found.minimum, found.maximum) == (1.0, 5.0)


def test_one_run_has_no_spread() -> None:
    found = stats.spread([99.4])
    assert found is not None
    assert found.mean == 99.4
    assert (found.sd, found.interval, found.lower_quartile) == (None, None, None)


def test_no_run_has_no_summary() -> None:
    assert stats.spread([]) is None


@pytest.mark.parametrize(
    ("n_images", "needed"), [(10000, 9940), (1000, 994), (500, 497), (10001, 9941), (1, 1)]
)
def test_the_target_is_an_integer(n_images: int, needed: int) -> None:
    assert stats.target_count(n_images) == needed


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="impossible count"):
        stats.lower_bound(successes, n)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.rate_verdict(5, 5, rate)
