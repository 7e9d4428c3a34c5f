"""Centre and spread of runs, intervals of the mean, and the place of a published number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, ndtr, ndtri, stdtrit

from bench.stats.declared import CONFIDENCE, FEWEST_RUNS
from bench.stats.values import MISSING, Interval, is_flat, vector

N_RESAMPLES = 10_000
# Where 95 % is said, BCa covers 84 % of 5 runs, 92 to 93 % of 20, 93 % of 30 and 94 % of 60.
FEWEST_FOR_BOOTSTRAP = 30
FEWEST_FOR_T = 30  # of fewer runs the t interval covers 91 to 92 % where the counts are skewed


@dataclass(frozen=True)
class Spread:
    """What n runs say; a figure that needs a second run is None for one."""

    n: int
    mean: float
    sd: float | None  # with n - 1 in the denominator
    median: float
    lower_quartile: float | None
    upper_quartile: float | None
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Accuracy:
    """The mean accuracy of runs and its spread, from their right answers; see `accuracy`.

    A figure is None where the runs are too few for it.
    """

    counts: tuple[int, ...]  # right answers of the runs that have a count
    n_images: int

    @cached_property
    def percents(self) -> tuple[float, ...]:
        """The accuracy of each run."""
        return tuple(self._percent(count) for count in self.counts)

    @cached_property
    def mean_percent(self) -> Fraction | None:
        """The mean, exact."""
        n = len(self.counts)
        return Fraction(100 * sum(self.counts), n * self.n_images) if n else None

    @cached_property
    def sd_points(self) -> float | None:
        """The standard deviation over runs, with n - 1 in the denominator, in points."""
        sd = standard_deviation(self.counts)
        return None if sd is None else self._percent(sd)

    @cached_property
    def interval(self) -> Interval | None:
        """Student t, 95 %, of the mean, in percent; None below three runs, or of equal runs."""
        return self._in_percent(t_interval(self.counts))

    @property
    def is_approximate(self) -> bool:
        """Whether the t interval may cover 91 to 92 % where 95 % is said.

        It does so where the counts are skewed, as they can be near 100 %. Few runs do not show
        how skewed their counts are, so every interval of fewer than 30 runs is approximate.
        """
        return self.interval is not None and len(self.counts) < FEWEST_FOR_T

    def bca(self, seed: int) -> Interval | None:
        """The bootstrap's interval beside it, from 30 runs on: of fewer it covers too little."""
        if len(self.counts) < FEWEST_FOR_BOOTSTRAP:
            return None
        return self._in_percent(bca_interval(self.counts, seed))

    def prediction(self, n_new: int = 1, confidence: float = CONFIDENCE) -> Interval | None:
        """Where the mean of further runs will lie, in right answers; see `prediction_interval`."""
        found = prediction_interval(self.counts, n_new, confidence)
        return found and found.within(0, self.n_images)

    @property
    def lowest_percent(self) -> Fraction | None:
        """The accuracy of the worst run, exact."""
        return Fraction(100 * min(self.counts), self.n_images) if self.counts else None

    @property
    def highest_percent(self) -> Fraction | None:
        """The accuracy of the best run, exact."""
        return Fraction(100 * max(self.counts), self.n_images) if self.counts else None

    def _percent(self, right: float) -> float:
        return float(100 * Fraction(right) / self.n_images)

    def _in_percent(self, right: Interval | None) -> Interval | None:
        if right is None:
            return None
        kept = right.within(0, self.n_images)
        return Interval(self._percent(kept.low), self._percent(kept.high))


@dataclass(frozen=True)
class Placement:
    """A published single number among the measured runs."""

    n: int
    below: int  # runs that are lower
    equal: int
    prediction: Interval | None  # 95 %, of one more run, in right answers


def accuracy(counts: Iterable[int], n_images: int) -> Accuracy:
    """The mean accuracy of runs and its spread.

    Args:
        counts: Right answers, a count a run; `MISSING` ones are left out.
        n_images: Of how many.
    """
    return Accuracy(tuple(count for count in counts if count != MISSING), n_images)


def spread(values: ArrayLike) -> Spread | None:
    """Centre and spread of the runs, None for no runs.

    Args:
        values: (n_runs,)
    """
    runs = vector(values)
    n = len(runs)
    if not n:
        return None
    low, median, high = (float(q) for q in np.quantile(runs, (0.25, 0.5, 0.75)))
    several = n > 1
    return Spread(
        n=n,
        mean=float(np.mean(runs)),
        sd=standard_deviation(runs),
        median=median,
        lower_quartile=low if several else None,
        upper_quartile=high if several else None,
        minimum=float(np.min(runs)),
        maximum=float(np.max(runs)),
    )


def t_interval(values: ArrayLike) -> Interval | None:
    """Student's 95 % t interval of the mean; None for fewer than three runs, or runs all equal.

    Of two runs the t quantile is 12.7: the interval is too wide to say anything. Runs that are
    all equal give no spread to judge by: an interval of length 0 would claim certainty.

    Args:
        values: (n_runs,)
    """
    runs = vector(values)
    return _student(runs, 1 / len(runs)) if len(runs) else None


def prediction_interval(
    values: ArrayLike, n_new: int = 1, confidence: float = CONFIDENCE
) -> Interval | None:
    """Where the mean of further runs will lie, were runs normal; None where `t_interval` is None.

    Source: Hahn and Meeker 1991, the prediction interval of the mean of future observations.

    Args:
        values: (n_runs,)
        n_new: How many further runs.
        confidence: The chance that their mean lies inside.
    """
    runs = vector(values)
    return _student(runs, 1 / n_new + 1 / len(runs), confidence) if len(runs) else None


def bca_interval(
    values: ArrayLike,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> Interval | None:
    """95 % bootstrap interval of the mean, bias-corrected and accelerated.

    None where the runs are all equal, or fewer than three.
    It covers too little below 30 runs; `Accuracy.bca` knows. Its ends are means of drawn runs, so
    they lie within what the runs can be. Source: Efron 1987.

    Args:
        values: (n_runs,); counts rather than percentages, so that ties are exact.
        seed: Of the resampling.
        n_resamples: How often the runs are drawn again.
    """
    runs = vector(values)
    n = len(runs)
    if n < FEWEST_RUNS or is_flat(runs):
        return None
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    sums = runs[drawn].sum(axis=1)  # (n_resamples,)
    levels = _bca_levels(runs, sums)
    low, high = np.quantile(sums, levels) / n
    return Interval(float(low), float(high))


def placement(published: float | Fraction, values: ArrayLike, highest: float) -> Placement:
    """Where a published single number lies among the runs.

    Args:
        published: In the unit of the values; see `published_count`.
        values: (n_runs,), none below 0; right answers compare exactly.
        highest: What a value can be at most, such as the number of images.
    """
    runs = vector(values)
    n = len(runs)
    number = float(published)
    found = prediction_interval(runs)
    below, equal = int((runs < number).sum()), int((runs == number).sum())
    return Placement(
        n=n,
        below=below,
        equal=equal,
        prediction=found and found.within(0, highest),
    )


def standard_deviation(values: ArrayLike) -> float | None:
    """With n - 1 in the denominator; exactly 0 for equal runs, None for fewer than two.

    Args:
        values: (n_runs,)
    """
    runs = vector(values)
    if len(runs) < 2:
        return None
    return 0.0 if is_flat(runs) else float(np.std(runs, ddof=1))


def sd_interval(values: ArrayLike) -> Interval | None:
    """95 % chi-square interval of the standard deviation; None where `t_interval` is None.

    It assumes that runs are normal, and unlike the interval of a mean it leans on that for any
    number of runs: runs with long tails are covered too seldom.

    Args:
        values: (n_runs,)
    """
    runs = vector(values)
    sd = standard_deviation(runs)
    if len(runs) < FEWEST_RUNS or not sd:
        return None
    low, high = sd_factors(len(runs))
    return Interval(low * sd, high * sd)


def sd_factors(n: int) -> tuple[float, float]:
    """The ends of `sd_interval` as multiples of the standard deviation: .60 and 2.87 of 5 runs."""
    tails = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = (float(((n - 1) / chdtri(n - 1, tail)) ** 0.5) for tail in tails)
    return low, high


def _student(
    runs: NDArray[Any], variance_factor: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """Mean +- t sd sqrt(factor)."""
    sd = standard_deviation(runs)
    if len(runs) < FEWEST_RUNS or not sd:
        return None
    half = float(stdtrit(len(runs) - 1, (1 + confidence) / 2)) * sd * variance_factor**0.5
    mean = float(np.mean(runs))
    return Interval(mean - half, mean + half)


def _bca_levels(runs: NDArray[Any], sums: NDArray[Any]) -> tuple[float, float]:
    """The two quantiles of the replicates that bias and skew move the ends to."""
    observed = runs.sum()
    n_resamples = len(sums)
    below = ((sums < observed).sum() + (sums <= observed).sum()) / (2 * n_resamples)
    bias = float(ndtri(np.clip(below, 0.5 / n_resamples, 1 - 0.5 / n_resamples)))
    away = runs - runs.mean()
    acceleration = float((away**3).sum() / (6 * (away**2).sum() ** 1.5))

    def moved(level: float) -> float:
        z = bias + float(ndtri(level))
        return float(ndtr(bias + z / (1 - acceleration * z)))

    return moved((1 - CONFIDENCE) / 2), moved((1 + CONFIDENCE) / 2)
