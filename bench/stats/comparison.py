"""Two arms against each other: the effect first, then what may be said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from bench.stats.declared import CONFIDENCE, MARGIN_POINTS, TEST_ALPHA
from bench.stats.improvement import Improvement, probability_of_improvement
from bench.stats.means import N_RESAMPLES
from bench.stats.permutation import PermutationTest, permutation_test, sign_flip_test
from bench.stats.values import MISSING, Interval, count_vector

EquivalenceVerdict = Literal["equivalent", "different", "undecided"]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """How two arms were run, and what was declared before they were compared.

    Attributes:
        n_images: The counts are right answers of so many.
        paired: Run i of both arms shares its seed's data order and augmentation.
        seed: Of the bootstraps, and of a permutation test that must be drawn.
        margin_points: A difference below it would not matter.
        n_resamples: Of the bootstrap; 0 leaves it out.
    """

    n_images: int
    paired: bool
    seed: int
    margin_points: float = MARGIN_POINTS
    n_resamples: int = N_RESAMPLES


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
    """First arm less second arm.

    Means, p and equivalence stand on the runs that have a count (in pairs, where paired); the
    probability of improvement stands on all, a run without a count being one that loses.
    """

    paired: bool
    n_first: int
    n_second: int
    n_missing: int  # runs without a count, both arms together
    difference_points: float | None
    interval: Interval | None  # 95 %, points; Student t of the pairs, or Welch; None when flat
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
    """Compares two arms by the counts of their runs.

    Args:
        first: (n_first,), right answers, `MISSING` for a run that has none.
        second: (n_second,); in the first's order of seeds where the design is paired.
        design: See `Design`.

    Raises:
        ValueError: a paired design with arms of different length.
    """
    ours, theirs = count_vector(first), count_vector(second)
    if design.paired and len(ours) != len(theirs):
        raise ValueError(f"paired arms must be equally long, not {len(ours)} and {len(theirs)}")
    better = probability_of_improvement(
        ours, theirs, paired=design.paired, seed=design.seed, n_resamples=design.n_resamples
    )
    kept, others = _counted(ours, theirs, design.paired)
    points = 100 / design.n_images
    effect = _effect(kept, others, design.paired)
    return Comparison(
        paired=design.paired,
        n_first=len(ours),
        n_second=len(theirs),
        n_missing=int((ours == MISSING).sum() + (theirs == MISSING).sum()),
        difference_points=_difference(kept, others, design.n_images),
        interval=_interval(effect, CONFIDENCE).times(points) if effect else None,
        improvement=better,
        test=_test(kept, others, design),
        equivalence=_equivalence(effect, points, design.margin_points) if effect else None,
        seed=design.seed,
    )


def compare_all(arms: Mapping[str, ArrayLike], design: Design) -> dict[tuple[str, str], Comparison]:
    """Every pair of arms in the mapping's order, their p corrected together by Holm.

    Args:
        arms: Name -> (n_runs,), counts.
        design: The same for all.
    """
    pairs = {(a, b): compare(arms[a], arms[b], design) for a, b in combinations(arms, 2)}
    tests = [one.test for one in pairs.values()]
    corrected = holm([test.p if test else None for test in tests])
    smallest = holm([test.smallest_p if test else None for test in tests])
    return {
        pair: replace(one, holm_p=p, smallest_holm_p=least)
        for (pair, one), p, least in zip(pairs.items(), corrected, smallest, strict=True)
    }


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p values corrected for being one of several; None stays None and counts for nothing.

    Source: Holm 1979.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, at) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[at] = largest
    return corrected


def _counted(ours: Counts, theirs: Counts, paired: bool) -> tuple[Counts, Counts]:
    """The runs that have a count; of pairs, those where both have."""
    if not paired:
        return ours[ours > MISSING], theirs[theirs > MISSING]
    both = (ours > MISSING) & (theirs > MISSING)
    return ours[both], theirs[both]


def _difference(ours: Counts, theirs: Counts, n_images: int) -> float | None:
    """Of the means, in points; None where an arm has no runs."""
    if not len(ours) or not len(theirs):
        return None
    means = (Fraction(int(arm.sum()), len(arm) * n_images) for arm in (ours, theirs))
    return float(100 * (next(means) - next(means)))


def _effect(ours: Counts, theirs: Counts, paired: bool) -> _Effect | None:
    """None for fewer than two runs an arm, or where nothing varies."""
    if min(len(ours), len(theirs)) < 2:
        return None
    samples = (ours - theirs,) if paired else (ours, theirs)
    squares = [float(np.var(sample, ddof=1)) / len(sample) for sample in samples]
    variance = sum(squares)
    if variance == 0.0:
        return None
    # Welch and Satterthwaite's degrees of freedom; of a single sample they are n - 1.
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


def _test(ours: Counts, theirs: Counts, design: Design) -> PermutationTest | None:
    if design.paired:
        return sign_flip_test(ours - theirs, design.seed)
    return permutation_test(ours, theirs, design.seed)
