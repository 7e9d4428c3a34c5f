"""Exact tests of "no difference", on counts: the distribution is enumerated, not drawn.

Of two arms of one size, the number of ways to reach each sum is built up run by run (dynamic
programming on whole numbers), so forty runs cost no more than a few thousand additions each. Of
arms of two sizes every deal is counted. Where that would take too long, the test is drawn with a
seed and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.values import count_vector

N_RESAMPLES = 9_999
WORK_LIMIT = 2 * 10**8  # additions; about a quarter of a second
MOST_DEALS = 100_000  # of arms of two sizes, counted one by one; about a tenth of a second
TIE = 1e-12  # of a statistic; float64 rounds at 1e-16


@dataclass(frozen=True)
class PermutationTest:
    """Two-sided p of the difference of two means over its standard error.

    `smallest_p` is what the most extreme deal of these same numbers would reach: three runs
    against three cannot go below 0.1.
    """

    p: float
    smallest_p: float
    exact: bool


def permutation_test(first: ArrayLike, second: ArrayLike, seed: int) -> PermutationTest | None:
    """Under "no difference" the runs' labels may as well be dealt again.

    Deals are ordered by Welch's statistic, the difference over its standard error (studentized:
    Janssen, 1997; Chung and Romano, 2013). Ordered by the difference alone, few runs that merely
    spread more than many others would be told from these far too often. Arms of one size have the
    same order either way; a single run has no spread, so there the difference decides.

    Args:
        first: (n_first,), counts.
        second: (n_second,), counts.
        seed: Used where the test must be drawn.

    Returns:
        None where an arm has no runs.
    """
    ours, theirs = count_vector(first), count_vector(second)
    if not len(ours) or not len(theirs):
        return None
    few, many = (ours, theirs) if len(ours) <= len(theirs) else (theirs, ours)
    pooled = np.concatenate([few, many])
    pooled -= pooled.min()
    n, n_few = len(pooled), len(few)
    largest = int(np.sort(pooled)[-n_few:].sum())
    if n_few in (1, len(many)) and n * n_few * largest <= WORK_LIMIT:
        away = np.abs(n * np.arange(largest + 1) - n_few * pooled.sum())
        chance = _sums_of_a_hand(pooled, n_few, largest)
        return _enumerated(chance, away, away[pooled[:n_few].sum()])
    observed = _away(pooled[None, :n_few], pooled)[0]
    if comb(n, n_few) <= MOST_DEALS:
        places = np.array(list(combinations(range(n), n_few)))
        away = _away(pooled[places], pooled)
        return _enumerated(np.full(len(away), 1 / len(away)), away, observed)
    dealt = np.random.default_rng(seed).permuted(np.tile(pooled, (N_RESAMPLES, 1)), axis=1)
    return _drawn(_away(dealt[:, :n_few], pooled), observed)


def _away(hands: NDArray[np.int64], pooled: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each hand's mean lies from that of the rest, (n_hands,).

    Welch's t squared, but for a factor that all hands have; of single runs the plain distance.

    Args:
        hands: (n_hands, n_few), dealt from the pool.
        pooled: (n,), from 0.
    """
    n_few = hands.shape[1]
    n_many = len(pooled) - n_few
    sums, rest = hands.sum(axis=1), pooled.sum() - hands.sum(axis=1)
    distance = np.asarray(np.abs(n_many * sums - n_few * rest), np.float64)
    if n_few == 1:
        return distance
    squares = (hands**2).sum(axis=1)
    # Whole, so that what nothing varies in is 0; then in float64, which cannot overflow.
    spread = (n_few * squares - sums**2) * float(n_many**2 * (n_many - 1))
    spread += (n_many * ((pooled**2).sum() - squares) - rest**2) * float(n_few**2 * (n_few - 1))
    found = np.zeros(len(hands))
    with np.errstate(divide="ignore"):  # a difference where nothing varies is farthest
        np.divide(distance**2, spread, out=found, where=distance > 0)
    return found


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
    chance: NDArray[np.float64], extremeness: NDArray[Any], observed: float
) -> PermutationTest:
    most = extremeness[chance > 0].max()
    p = chance[_reaches(extremeness, observed)].sum()
    smallest = chance[_reaches(extremeness, most)].sum()
    return PermutationTest(min(1.0, float(p)), min(1.0, float(smallest)), exact=True)


def _drawn(extremeness: NDArray[Any], observed: float) -> PermutationTest:
    """The observed arrangement counts as one of those drawn, so that p is never 0."""
    n_drawn = len(extremeness) + 1
    p = (int(_reaches(extremeness, observed).sum()) + 1) / n_drawn
    return PermutationTest(p, 1 / n_drawn, exact=False)


def _reaches(extremeness: NDArray[Any], observed: float) -> NDArray[np.bool_]:
    """Equal arrangements are equally extreme, though float64 may round them apart."""
    return np.asarray(extremeness >= observed * (1 - TIE))
