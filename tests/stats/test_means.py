"""Means against scipy; how often each interval holds the truth is in docs/protocol.md."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from bench.stats.means import (
    _bca_levels,
    accuracy,
    bca_interval,
    placement,
    prediction_interval,
    sd_factors,
    sd_interval,
    spread,
    t_interval,
)
from bench.stats.rates import published_count
from bench.stats.values import MISSING
from benchmarks.calibration import normal
from tests.stats.coverage import assert_share

runs = st.lists(st.integers(9900, 9970), min_size=3, max_size=30)


@given(runs)
def test_t_interval_is_scipys(values: list[int]) -> None:
    interval = t_interval(values)
    error = oracle.sem(values)
    if interval is None:
        assert error == 0
    else:
        low, high = oracle.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (interval.low, interval.high) == pytest.approx((low, high))


def test_prediction_interval_of_a_hand_worked_case() -> None:
    """Mean 3, sd sqrt(2.5), t(4) = 2.776: half-width 2.776 sqrt(2.5 * 6 / 5)."""
    found = prediction_interval([1, 2, 3, 4, 5])
    assert found is not None
    half = 2.7764451 * 3**0.5
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


@given(runs)
def test_the_interval_of_a_standard_deviation_is_scipys(values: list[int]) -> None:
    found, n = sd_interval(values), len(values)
    if found is None:
        assert len(set(values)) == 1
    else:
        squares = (n - 1) * np.var(values, ddof=1)
        low, high = (squares / oracle.chi2.ppf(q, n - 1) for q in (0.975, 0.025))
        assert (found.low**2, found.high**2) == pytest.approx((low, high))


def test_five_runs_leave_a_standard_deviation_open_by_a_factor_of_five() -> None:
    """Tables of chi-square with 4 degrees of freedom: 11.143 and 0.4844."""
    assert sd_factors(5) == pytest.approx(((4 / 11.143) ** 0.5, (4 / 0.4844) ** 0.5), abs=1e-3)


def test_spread_of_a_hand_worked_case() -> None:
    found = spread([1.0, 2.0, 4.0, 5.0])
    assert found is not None
    assert (found.n, found.mean, found.median) == (4, 3.0, 3.0)
    assert found.sd == pytest.approx((10 / 3) ** 0.5)
    assert (found.minimum, found.maximum) == (1.0, 5.0)


def test_one_run_has_no_spread() -> None:
    found = spread([99.4])
    assert found is not None
    assert found.mean == 99.4
    assert (found.sd, found.lower_quartile) == (None, None)


def test_no_run_has_no_summary() -> None:
    assert spread([]) is None


@pytest.mark.parametrize("values", [[], [99.4], [99.4, 99.5], [99.4] * 3, [9940] * 25])
def test_nothing_is_claimed_of_fewer_than_three_runs_or_of_equal_ones(values: list[float]) -> None:
    assert t_interval(values) is None
    assert sd_interval(values) is None
    assert prediction_interval(values) is None
    assert bca_interval(values, seed=0) is None
    assert placement(99.4, values, 10_000).prediction is None


def test_equal_runs_have_a_spread_of_exactly_zero() -> None:
    found = spread([99.41] * 3)
    assert found is not None
    assert found.sd == 0.0


@pytest.mark.parametrize(
    ("values", "told"), [([[1, 2]], r"shape \(n_runs,\)"), ([1.0, float("nan")], "finite")]
)
def test_what_is_no_run_is_refused(values: list[float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        spread(values)


@pytest.mark.parametrize("n", [20, 50])
def test_bca_is_scipys_but_for_the_draws(n: int) -> None:
    """On skewed runs, where bias and acceleration matter."""
    values = np.rint(9950 - np.random.default_rng(n).exponential(20, n)).astype(int)
    ours = bca_interval(values, seed=1, n_resamples=50_000)
    rng = np.random.default_rng(2)
    theirs = oracle.bootstrap((values,), np.mean, n_resamples=50_000, method="BCa", rng=rng)
    low, high = theirs.confidence_interval
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.03 * (high - low))
    plain = np.mean(values) - (ours.high - np.mean(values))
    assert ours.low < plain - 0.03 * (high - low)  # the skewed side is the longer


def test_levels_of_bca_by_hand() -> None:
    """Away from the mean, 1, lie -1, -1, -1 and 3: cubes 24, squares 12, so the acceleration is
    24 / (6 * 12^1.5) = .0962250. Of the sums as many lie below 4 as above it: no bias.
    """
    sums = np.array([3, 5])
    low, high = _bca_levels(np.array([0, 0, 0, 4]), sums)
    # -1.959964 / 1.188598 and 1.959964 / .811402 in the table of the normal distribution.
    assert (low, high) == pytest.approx((0.049578, 0.992143), abs=2e-6)
    biased, _ = _bca_levels(np.array([0, 1, 2]), np.array([0, 1, 1, 5]))
    # No skew, three of four sums below 3: a bias of .674490, which counts twice.
    assert biased == pytest.approx(oracle.norm.cdf(2 * 0.674490 - 1.959964), abs=1e-6)


def test_bca_belongs_to_its_seed() -> None:
    values = np.arange(9920, 9950)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the stream that must not move
    first, again, other = (bca_interval(values, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_bca_stands_beside_t_from_thirty_runs() -> None:
    values = np.arange(9930, 9960)
    few, enough = accuracy(values[:29], 10_000), accuracy(values, 10_000)
    assert few.interval is not None
    assert few.bca(0) is None
    assert (few.is_approximate, enough.is_approximate) == (True, False)
    drawn, found = bca_interval(values, seed=0), enough.bca(0)
    assert drawn is not None
    assert found is not None
    assert (found.low, found.high) == pytest.approx((drawn.low / 100, drawn.high / 100))


def test_an_accuracy_by_hand() -> None:
    """Mean 9,950 and sd 10 of 10,000; t(2) = 4.30265 at 97.5 %, so +- 4.30265 * .1 / sqrt(3)."""
    found = accuracy([9940, MISSING, 9950, 9960], 10_000)
    assert found.counts == (9940, 9950, 9960)
    assert found.percents == (99.4, 99.5, 99.6)
    assert (found.mean_percent, found.sd_points) == (Fraction("99.5"), 0.1)
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((99.5 - 0.248414, 99.5 + 0.248414), abs=1e-6)
    assert (found.lowest_percent, found.highest_percent) == (Fraction("99.4"), Fraction("99.6"))


def test_no_interval_leaves_what_an_accuracy_can_be() -> None:
    """Of 10 images: mean 9, sd 1; t(2) = 4.3027, so 9 +- 2.484 of the mean, and +- 4.968."""
    high, low = accuracy([8, 9, 10], 10), accuracy([2, 1, 0], 10)
    assert high.interval is not None
    assert low.interval is not None
    assert (high.interval.low, high.interval.high) == pytest.approx((65.158, 100.0), abs=1e-3)
    assert (low.interval.low, low.interval.high) == pytest.approx((0.0, 34.842), abs=1e-3)
    assert high.prediction() == placement(9, [8, 9, 10], 10).prediction
    assert low.prediction() == placement(1, [2, 1, 0], 10).prediction
    predicted = low.prediction()
    assert predicted is not None
    assert (predicted.low, predicted.high) == pytest.approx((0, 1 + 4.968), abs=1e-3)
    predicted = high.prediction()
    assert predicted is not None
    assert (predicted.low, predicted.high) == pytest.approx((9 - 4.968, 10), abs=1e-3)


def test_the_mean_of_more_runs_lies_nearer_than_one_run() -> None:
    """1 to 5 as above: 2.776 sqrt(2.5) sqrt(1 / 3 + 1 / 5); t(4) is 8.610 at 99.95 %."""
    mean, sure = (
        prediction_interval([1, 2, 3, 4, 5], 3),
        prediction_interval([1, 2, 3, 4, 5], 1, 0.999),
    )
    assert mean is not None
    assert sure is not None
    assert mean.high == pytest.approx(3 + 2.7764451 * (2.5 * 8 / 15) ** 0.5)
    assert sure.high == pytest.approx(3 + 8.6103 * 3**0.5, abs=1e-3)


def test_a_mean_is_exact_where_a_float_is_not() -> None:
    assert accuracy([1, 1, 2], 10).mean_percent == Fraction(40, 3)


@pytest.mark.parametrize(
    ("right", "mean", "sd"), [([], None, None), ([7], 70, None), ([7, 7], 70, 0.0)]
)
def test_an_accuracy_of_too_few_or_equal_runs(
    right: list[int], mean: int | None, sd: float | None
) -> None:
    found = accuracy(right, 10)
    assert (found.mean_percent, found.sd_points) == (mean, sd)
    assert (found.interval, found.bca(0)) == (None, None)
    assert found.lowest_percent == found.highest_percent == mean


def test_the_percentile_bootstrap_of_five_runs_covers_83_of_100_too() -> None:
    rng = np.random.default_rng(6)
    sweeps = normal(rng, (2000, 5))
    drawn = rng.integers(5, size=(2000, 800, 5))
    means = np.take_along_axis(sweeps[:, None, :], drawn, axis=2).mean(axis=2)  # (2000, 800)
    low, high = np.quantile(means, (0.025, 0.975), axis=1)
    assert_share((low <= 9940) & (high >= 9940), 0.83, 0.83)


def test_a_published_number_is_placed_on_whole_numbers() -> None:
    found = placement(published_count(99.39, 10_000), [9930, 9935, 9939, 9939, 9945], 10_000)
    assert (found.below, found.equal) == (2, 2)
    assert found.prediction is not None
    assert 9939 in found.prediction


def test_a_published_number_far_away_lies_outside() -> None:
    found = placement(9990, [9930, 9935, 9939, 9939, 9945], 10_000)
    assert (found.below, found.equal) == (5, 0)
    assert found.prediction is not None
    assert 9990 not in found.prediction


@pytest.mark.parametrize(("values", "equal"), [([], 0), ([9939], 1), ([9940], 0)])
def test_too_few_runs_predict_nothing(values: list[int], equal: int) -> None:
    found = placement(9939, values, 10_000)
    assert (found.below, found.equal, found.prediction) == (0, equal, None)
