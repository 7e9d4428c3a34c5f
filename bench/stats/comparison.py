"""Two arms against each other: the effect first, then what may be said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from bench.stats.declared import CONFIDENCE, DRAW_SEED, MARGIN_POINTS, TEST_ALPHA
from bench.stats.improvement import Improvement, probability_of_improvement
from bench.stats.means import N_RESAMPLES
from bench.stats.permutation import PermutationTest, permutation_test
from bench.stats.values import MISSING, Interval, count_vector

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
    interval: Interval | None  # 95 %, points, Welch; None where nothing varies
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
        interval=_interval(effect, CONFIDENCE).times(points) if effect else None,
        improvement=probability_of_improvement(
            ours, theirs, seed=design.seed, n_resamples=design.n_resamples
        ),
        test=permutation_test(kept, others, design.seed),
        equivalence=_equivalence(effect, points, design.margin_points) if effect else None,
        seed=design.seed,
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
    """None for fewer than two runs an arm, or where nothing varies."""
    if min(len(ours), len(theirs)) < 2:
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
