"""The figures that the protocol was designed by, computed and simulated again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as oracle

from bench.stats.noise import sampling_sd_points
from bench.stats.planning import pass_probability
from bench.stats.sequences import decision_chances
from tests.stats.coverage import assert_share


def test_the_test_sets_own_error_is_0_077_points() -> None:
    assert round(sampling_sd_points(0.994, 10_000), 3) == 0.077


def test_one_failure_in_seven_passes_five_seeds_about_half_the_time() -> None:
    assert round(pass_probability(6 / 7, 5), 2) == 0.46
    passed = (np.random.default_rng(0).random((4000, 5)) < 6 / 7).all(axis=1)
    assert_share(passed, 0.463, 0.463)


@pytest.mark.parametrize(("last", "error"), [(5, 0.05), (20, 0.19), (30, 0.23)])
def test_looking_after_every_seed_and_stopping_at_p_below_5_percent(
    last: int, error: float
) -> None:
    """Paired differences without an effect, a t test after each seed from the fifth on."""
    differences = np.random.default_rng(1).normal(size=(10_000, last))
    n = np.arange(1, last + 1)
    mean = differences.cumsum(axis=1) / n
    squares = (differences**2).cumsum(axis=1) - n * mean**2
    t = np.abs(mean[:, 4:]) / np.sqrt(squares[:, 4:] / (n[4:] - 1) / n[4:])
    found = (t > oracle.t.ppf(0.975, n[4:] - 1)).any(axis=1)
    assert_share(found, error - 0.005, error + 0.005)


def test_the_confidence_sequence_does_not_mind_being_looked_at() -> None:
    """Every path of 5 to 30 seeds and on to 100, whose true rate is the declared one."""
    chances = decision_chances(0.9, 100)
    assert (chances.confirmed <= 0.05).all()
    assert (chances.refuted <= 0.05).all()
