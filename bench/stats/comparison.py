"""Two arms against each other: the effect first, then what may be said about it.

The probability that a new run of one arm beats a new run of another is estimated as in Agarwal et
al. 2021 (arXiv 2108.13264). With few runs their bootstrap covers too little, and says [1, 1] as
soon as the arms do not overlap; so the score interval of Newcombe 2006 (method 5) is the one to
show, and the bootstrap stands beside it from 30 runs on.

No interval and no verdict of equivalence is given where an arm has fewer than three runs: Welch's
degrees of freedom fall towards one, where a t quantile is 12.7. The exact test needs no spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtr, stdtrit

from bench.stats.declared import (
    CONFIDENCE,
    DRAW_SEED,
    FEWEST_RUNS,
    MARGIN_POINTS,
    TEST_ALPHA,
)
from bench.stats.means import FEWEST_FOR_BOOTSTRAP, N_RESAMPLES
from bench.stats.permutation import PermutationTest, permutation_test
from bench.stats.solve import last_true
from bench.stats.values import MISSING, Interval, count_vector, middle

EquivalenceVerdict = Literal["equivalent", "different", "undecided"]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """What was declared before two arms were compared.

    Attributes:
        n_images: The counts are right answers of so many.
        margin_points: A difference below it would not matter.
        n_resamples: Of the bootstrap; 0 leaves it out.
        seed: Of the bootstrap, and of a permutation test that must be drawn.
    """

    n_images: int
    margin_points: float = MARGIN_POINTS
    n_resamples: int = N_RESAMPLES
    seed: int = DRAW_SEED


@dataclass(frozen=True)
class Improvement:
    """P(a run of the first arm has the higher count), ties counted by half."""

    probability: float
    interval: Interval | None  # 95 %, score; None for fewer than three runs an arm
    bootstrap: Interval | None  # 95 %, percentile; from 30 runs an arm on


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided t tests (Schuirmann 1987), each at 5 %.

    "Equivalent" when the 90 % interval of the difference lies within +-margin, "different" when
    it lies wholly beyond the margin, else "undecided".
    """

    margin_points: float
    p: float  # of the equivalence: small means equivalent
    verdict: EquivalenceVerdict


@dataclass(frozen=True)
class Comparison:
    """First arm less second arm, as two independent samples.

    Means, p and equivalence use the runs that have a count; the probability of improvement uses
    every run, and a run without a count loses.
    """

    n_first: int
    n_second: int
    n_missing: int  # runs without a count, both arms together
    difference_points: float | None
    interval: Interval | None  # 95 %, points, Welch; None below three runs an arm, or if flat
    improvement: Improvement | None
    test: PermutationTest | None
    equivalence: Equivalence | None  # None where `interval` is
    seed: int
    holm_p: float | None = None  # over all pairs of arms
    smallest_holm_p: float | None = None  # what Holm leaves of every pair's smallest p

    @property
    def can_reach_alpha(self) -> bool:
        """Whether these numbers of runs could have given a p below 0.05 at all."""
        smallest = self.smallest_holm_p
        if smallest is None and self.test is not None:
            smallest = self.test.smallest_p
        return smallest is not None and smallest < TEST_ALPHA


@dataclass(frozen=True)
class _Effect:
    """Difference of means, in images, with its standard error."""

    difference: float
    error: float
    degrees: float


def compare(first: ArrayLike, second: ArrayLike, design: Design) -> Comparison:
    """Compares two arms by the counts of their runs: the one rule for every command and page.

    Runs are not paired by seed: runs of one seed agree no more than others do (over the 36 pairs
    of arms that share ten seeds or more, the mean correlation is .005), and pairs would drop runs
    and keep the exact test from a small p.

    Args:
        first: (n_first,), right answers, `MISSING` for a run that has none.
        second: (n_second,)
        design: See `Design`.
    """
    ours, theirs = count_vector(first), count_vector(second)
    kept, others = ours[ours > MISSING], theirs[theirs > MISSING]
    points = 100 / design.n_images
    effect = _effect(kept, others)
    return Comparison(
        n_first=len(ours),
        n_second=len(theirs),
        n_missing=int((ours == MISSING).sum() + (theirs == MISSING).sum()),
        difference_points=_difference(kept, others, design.n_images),
        interval=_interval(effect, CONFIDENCE).times(points).within(-100, 100) if effect else None,
        improvement=probability_of_improvement(
            ours, theirs, seed=design.seed, n_resamples=design.n_resamples
        ),
        test=permutation_test(kept, others, design.seed),
        equivalence=_equivalence(effect, points, design.margin_points) if effect else None,
        seed=design.seed,
    )


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
        interval=_score(probability, n_first, n_second) if n_fewest >= FEWEST_RUNS else None,
        bootstrap=_bootstrap(halves, seed, n_resamples)
        if n_resamples and n_fewest >= FEWEST_FOR_BOOTSTRAP
        else None,
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with their p, and the smallest p of each, corrected together by Holm."""
    tests = [one.test for one in comparisons]
    p_values = holm([test.p if test else None for test in tests])
    smallest = holm([test.smallest_p if test else None for test in tests])
    return [
        replace(one, holm_p=p, smallest_holm_p=least)
        for one, p, least in zip(comparisons, p_values, smallest, strict=True)
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p values corrected for being one of several; None stays None and counts for nothing.

    Source: Holm 1979.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, at) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        found[at] = largest
    return found


def runs_to_reach(n_pairs: int) -> int:
    """The fewest runs an arm with which every one of so many pairs could reach p < 0.05 by Holm.

    Of n runs each, two of the comb(2n, n) deals are the most extreme ones.
    """
    return next(n for n in count(1) if 2 * n_pairs < TEST_ALPHA * comb(2 * n, n))


def _difference(ours: Counts, theirs: Counts, n_images: int) -> float | None:
    """Of the means, in points; None where an arm has no runs."""
    if not len(ours) or not len(theirs):
        return None
    means = (Fraction(int(arm.sum()), len(arm) * n_images) for arm in (ours, theirs))
    return float(100 * (next(means) - next(means)))


def _effect(ours: Counts, theirs: Counts) -> _Effect | None:
    """None for fewer than three runs an arm, or where nothing varies."""
    if min(len(ours), len(theirs)) < FEWEST_RUNS:
        return None
    samples = (ours, theirs)
    squares = [float(np.var(sample, ddof=1)) / len(sample) for sample in samples]
    variance = sum(squares)
    if variance == 0.0:
        return None
    # Welch and Satterthwaite's degrees of freedom.
    shares = [(s / variance) ** 2 / (len(x) - 1) for s, x in zip(squares, samples, strict=True)]
    return _Effect(float(ours.mean() - theirs.mean()), variance**0.5, 1 / sum(shares))


def _interval(effect: _Effect, confidence: float) -> Interval:
    half = float(stdtrit(effect.degrees, (1 + confidence) / 2)) * effect.error
    return Interval(effect.difference - half, effect.difference + half)


def _equivalence(effect: _Effect, points: float, margin_points: float) -> Equivalence:
    margin = margin_points / points  # images
    above = (effect.difference + margin) / effect.error
    below = (effect.difference - margin) / effect.error
    p = max(float(stdtr(effect.degrees, -above)), float(stdtr(effect.degrees, below)))
    likely = _interval(effect, 1 - 2 * TEST_ALPHA)
    verdict: EquivalenceVerdict = "undecided"
    if p < TEST_ALPHA:
        verdict = "equivalent"
    elif likely.low > margin or likely.high < -margin:
        verdict = "different"
    return Equivalence(margin_points, p, verdict)


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
