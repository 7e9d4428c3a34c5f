"""Exact tests of "no difference", on counts: the distribution is enumerated, not drawn.

The number of ways to reach each sum is built up run by run (dynamic programming on whole
numbers), so ties are exact and forty runs cost no more than a few thousand additions each. Where
the sums spread too far for that, the test is drawn with a seed and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.values import count_vector, whole_vector

N_RESAMPLES = 9_999
WORK_LIMIT = 2 * 10**8  # additions; about a quarter of a second


@dataclass(frozen=True)
class PermutationTest:
    """Two-sided p of the mean difference.

    `smallest_p` is what the most extreme arrangement of these same numbers would reach: five
    pairs cannot go below 0.0625.
    """

    p: float
    smallest_p: float
    exact: bool


def sign_flip_test(
    differences: ArrayLike, seed: int, n_resamples: int = N_RESAMPLES
) -> PermutationTest | None:
    """Paired: under "no difference" each pair's difference may as well have the other sign.

    Args:
        differences: (n_pairs,), whole.
        seed: Used where the test must be drawn.
        n_resamples: Of a drawn test.

    Returns:
        None for no pairs.

    Raises:
        ValueError: a difference that is not whole.
    """
    signed = whole_vector(differences)
    if not len(signed):
        return None
    sizes = np.abs(signed)
    total, observed = int(sizes.sum()), abs(int(signed.sum()))
    if len(sizes) * total > WORK_LIMIT:
        signs = np.random.default_rng(seed).choice((-1, 1), size=(n_resamples, len(sizes)))
        return _drawn(np.abs(signs @ sizes), observed)
    chance = np.zeros(total + 1)  # of each sum of the positive differences
    chance[0] = 1.0
    for size in sizes[sizes > 0]:
        chance /= 2
        chance[size:] += chance[:-size].copy()
    extremeness = np.abs(2 * np.arange(total + 1) - total)
    return _enumerated(chance, extremeness, observed)


def permutation_test(
    first: ArrayLike, second: ArrayLike, seed: int, n_resamples: int = N_RESAMPLES
) -> PermutationTest | None:
    """Unpaired: under "no difference" the runs' labels may as well be dealt again.

    Args:
        first: (n_first,), counts.
        second: (n_second,), counts.
        seed: Used where the test must be drawn.
        n_resamples: Of a drawn test.

    Returns:
        None where an arm has no runs.
    """
    ours, theirs = count_vector(first), count_vector(second)
    if not len(ours) or not len(theirs):
        return None
    few, many = (ours, theirs) if len(ours) <= len(theirs) else (theirs, ours)
    pooled = np.concatenate([few, many])
    pooled -= pooled.min()
    n, n_few, total = len(pooled), len(few), int(pooled.sum())

    def extremeness(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """|difference of means| times n_few n_many, whole."""
        return np.abs(n * sums - n_few * total)

    observed = int(extremeness(pooled[:n_few].sum()))
    largest = int(np.sort(pooled)[-n_few:].sum())
    if n * n_few * largest > WORK_LIMIT:
        dealt = np.random.default_rng(seed).permuted(np.tile(pooled, (n_resamples, 1)), axis=1)
        return _drawn(extremeness(dealt[:, :n_few].sum(axis=1)), observed)
    chance = _sums_of_a_hand(pooled, n_few, largest)
    return _enumerated(chance, extremeness(np.arange(largest + 1)), observed)


def _sums_of_a_hand(pooled: NDArray[np.int64], n_few: int, largest: int) -> NDArray[np.float64]:
    """The chance of each sum of n_few numbers dealt from the pool, (largest + 1,)."""
    chance = np.zeros((n_few + 1, largest + 1))  # by numbers dealt so far, and by their sum
    chance[0, 0] = 1.0
    for seen, value in enumerate(pooled):
        take = (n_few - np.arange(n_few + 1)) / (len(pooled) - seen)  # (n_few + 1,)
        take = np.clip(take, 0.0, 1.0)[:, None]  # rows that cannot occur hold 0
        taken = (chance * take)[:-1, : largest + 1 - value]
        chance *= 1 - take
        chance[1:, value:] += taken
    return np.asarray(chance[n_few])


def _enumerated(
    chance: NDArray[np.float64], extremeness: NDArray[np.int64], observed: int
) -> PermutationTest:
    most = extremeness[chance > 0].max()
    p = chance[extremeness >= observed].sum()
    smallest = chance[extremeness >= most].sum()
    return PermutationTest(min(1.0, float(p)), min(1.0, float(smallest)), exact=True)


def _drawn(extremeness: NDArray[np.int64], observed: int) -> PermutationTest:
    """The observed arrangement counts as one of those drawn, so that p is never 0."""
    n_drawn = len(extremeness) + 1
    p = (int((extremeness >= observed).sum()) + 1) / n_drawn
    return PermutationTest(p, 1 / n_drawn, exact=False)
