"""The probability that a new run of one arm beats a new run of another.

Source of the estimate and of its bootstrap: Agarwal et al. 2021 (arXiv 2108.13264). With few runs
that bootstrap covers too little, and says [1, 1] as soon as the arms do not overlap; so the score
interval of Newcombe 2006 (method 5) is the one to show, and the bootstrap stands beside it from
20 runs on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from bench.stats.declared import CONFIDENCE
from bench.stats.means import FEWEST_FOR_BOOTSTRAP, N_RESAMPLES
from bench.stats.solve import last_true
from bench.stats.values import Interval, count_vector, middle


@dataclass(frozen=True)
class Improvement:
    """P(a run of the first arm has the higher count), ties counted by half."""

    probability: float
    interval: Interval | None  # 95 %, score; None for fewer than two runs an arm
    bootstrap: Interval | None  # 95 %, percentile; from 20 runs an arm on


def probability_of_improvement(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> Improvement | None:
    """How often the first arm wins, over all pairs of its runs with the other's.

    A run without a count (`MISSING`) loses to every run that has one: it is not dropped.

    Args:
        first: (n_first,), counts.
        second: (n_second,), counts.
        seed: Of the bootstrap.
        n_resamples: Of the bootstrap; 0 leaves it out.

    Returns:
        None where an arm has no runs.
    """
    ours, theirs = count_vector(first), count_vector(second)
    n_first, n_second = len(ours), len(theirs)
    if not n_first or not n_second:
        return None
    halves = 1 + np.sign(ours[:, None] - theirs[None, :])  # (n_first, n_second): 2, 1 or 0
    probability = int(halves.sum()) / (2 * n_first * n_second)
    n_fewest = min(n_first, n_second)
    return Improvement(
        probability=probability,
        interval=_score(probability, n_first, n_second) if n_fewest > 1 else None,
        bootstrap=_bootstrap(halves, seed, n_resamples)
        if n_resamples and n_fewest >= FEWEST_FOR_BOOTSTRAP
        else None,
    )


def _score(estimate: float, n_first: int, n_second: int) -> Interval:
    """Probabilities that lie within z standard errors of the estimate, the errors theirs."""
    z = float(ndtri((1 + CONFIDENCE) / 2))
    other = (n_first + n_second) / 2 - 1

    def is_outside(probability: float) -> bool:
        shared = (1 - probability) / (2 - probability) + probability / (1 + probability)
        variance = probability * (1 - probability) * (1 + other * shared) / (n_first * n_second)
        return (estimate - probability) ** 2 > z**2 * variance

    low = last_true(is_outside, 0.0, estimate)
    high = 1 - last_true(lambda distance: is_outside(1 - distance), 0.0, 1 - estimate)
    return Interval(low, high)


def _bootstrap(halves: NDArray[np.int64], seed: int, n_resamples: int) -> Interval | None:
    """None where every draw agrees."""
    rng = np.random.default_rng(seed)
    rows, columns = (
        rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float) for n in halves.shape
    )  # (n_resamples, n): how often each run was drawn
    wins = ((rows @ halves) * columns).sum(axis=1)  # whole numbers, exact in floats
    if wins.min() == wins.max():
        return None
    return middle(wins).times(1 / (2 * halves.size))
