"""The noise floor against simulated test sets and runs."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.noise import independent_sd_points, noise_floor, sampling_sd_points
from bench.stats.planning import minimal_detectable_difference
from bench.stats.values import MISSING


def test_noise_floor_of_a_hand_worked_case() -> None:
    """Counts 9,930, 9,940 and 9,950: sd 10 images, 0.1 points; sampling 0.0772 points."""
    found = noise_floor([9930, 9940, 9950, MISSING], 10_000)
    assert (found.n, found.n_images) == (3, 10_000)
    assert found.sd_points == pytest.approx(0.1)
    assert found.sampling_sd_points == pytest.approx(0.07723, abs=1e-5)
    assert found.variance_ratio == pytest.approx(100 / (9940 * 60 / 10_000))
    detectable = minimal_detectable_difference(0.1, 3)
    assert found.detectable_points == pytest.approx(detectable)


def test_sampling_error_is_that_of_new_test_sets() -> None:
    drawn = np.random.default_rng(0).binomial(10_000, 0.994, 20_000) / 100
    assert sampling_sd_points(0.994, 10_000) == pytest.approx(drawn.std(), rel=0.02)


def test_the_sds_interval_of_a_hand_worked_case() -> None:
    """Sd 0.1 times the roots of 2 over 7.378 and 0.0506, the ends of chi-square(2)."""
    found = noise_floor([9930, 9940, 9950], 10_000).sd_interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.05207, 0.62847), rel=1e-3)
    wide = noise_floor([0, 5, 10], 10).sd_interval
    assert wide is not None
    assert wide.high == 50.0  # half of the runs at 0 %, half at 100 %


def test_two_runs_have_a_spread_but_no_interval_of_it() -> None:
    found = noise_floor([9930, 9940], 10_000)
    assert found.sd_points == pytest.approx(0.0707, abs=1e-4)
    assert (found.sd_interval, found.detectable_points) == (None, None)


@pytest.mark.parametrize(
    ("runs", "sampling"), [([], None), ([9940], 0.0772), ([9940] * 2, 0.0772), ([10_000] * 3, 0.0)]
)
def test_what_has_no_spread_has_no_ratio_to_speak_of(
    runs: list[int], sampling: float | None
) -> None:
    found = noise_floor(runs, 10_000)
    assert (found.sd_interval, found.detectable_points) == (None, None)
    assert found.variance_ratio == (0.0 if len(runs) == 2 else None)
    assert found.sampling_sd_points == pytest.approx(sampling, abs=1e-4)


def test_independent_images_give_the_spread_that_is_seen() -> None:
    rng = np.random.default_rng(2)
    ease = rng.beta(20, 0.5, 2000)
    table = rng.random((400, 2000)) < ease
    expected = independent_sd_points(table)
    seen = noise_floor(table.sum(axis=1), 2000).sd_points
    assert expected == pytest.approx(seen, rel=0.1)


def test_one_run_has_no_independent_spread() -> None:
    assert independent_sd_points(np.ones((1, 5))) is None
    assert independent_sd_points(np.ones((5, 0))) is None
    with pytest.raises(ValueError, match="shape"):
        independent_sd_points([True])
