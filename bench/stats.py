"""Statistics of few runs: pure functions over counts and arrays, numpy and scipy only.

The unit is one training run. Arrays have shape (n_runs,).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from scipy.special import betaincinv, stdtrit

TARGET = Fraction(9940, 10000)  # 99.40 %
DECLARED_RATE = 0.90  # the share of runs that "consistently" asks for
ALPHA = 0.05  # one-sided

Verdict = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True)
class Interval:
    """Both ends, in the unit of the values."""

    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """What n runs say; every figure that needs a second run is None for one."""

    n: int
    mean: float
    sd: float | None  # with n - 1 in the denominator
    interval: Interval | None  # Student t, 95 %, of the mean
    median: float
    lower_quartile: float | None
    upper_quartile: float | None
    minimum: float
    maximum: float


@dataclass(frozen=True)
class RateVerdict:
    """k of n against a declared rate.

    `lower` and `upper` are two one-sided 95 % bounds, not one two-sided interval.
    `more_to_confirm` and `more_to_refute` are the seeds still missing where all of them
    succeed, or all of them fail: the soonest that either verdict can come.
    """

    successes: int
    n: int
    lower: float
    upper: float
    rate: float
    verdict: Verdict
    more_to_confirm: int
    more_to_refute: int


def target_count(n_images: int, target: Fraction = TARGET) -> int:
    """The smallest count of right answers that meets the target: 9,940 of 10,000."""
    return math.ceil(target * n_images)


def lower_bound(successes: int, n: int, alpha: float = ALPHA) -> float:
    """One-sided exact lower bound of a rate; 0 where nothing succeeded.

    Source: Clopper and Pearson 1934.

    Raises:
        ValueError: not 0 <= successes <= n, or n is 0.
    """
    _check_counts(successes, n)
    return float(betaincinv(successes, n - successes + 1, alpha)) if successes else 0.0


def upper_bound(successes: int, n: int, alpha: float = ALPHA) -> float:
    """One-sided exact upper bound of a rate; 1 where nothing failed."""
    return 1.0 - lower_bound(n - successes, n, alpha)


def rate_verdict(successes: int, n: int, rate: float = DECLARED_RATE) -> RateVerdict:
    """Judges "consistently": confirmed, refuted, or undecided with the seeds still needed.

    Raises:
        ValueError: impossible counts, or a rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie between 0 and 1, not {rate}")
    lower, upper = lower_bound(successes, n), upper_bound(successes, n)
    verdict: Verdict = "undecided"
    if lower >= rate:
        verdict = "confirmed"
    elif upper < rate:
        verdict = "refuted"
    return RateVerdict(
        successes=successes,
        n=n,
        lower=lower,
        upper=upper,
        rate=rate,
        verdict=verdict,
        more_to_confirm=_more_to_confirm(successes, n, rate),
        more_to_refute=_more_to_refute(successes, n, rate),
    )


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Student's t interval of the mean; None for fewer than two runs.

    Args:
        values: (n_runs,)
        confidence: Two-sided.
    """
    n = len(values)
    if n < 2:
        return None
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * float(np.std(values, ddof=1)) / n**0.5
    mean = float(np.mean(values))
    return Interval(mean - half, mean + half)


def spread(values: Sequence[float]) -> Spread | None:
    """Centre and spread of the runs, None for no runs.

    Args:
        values: (n_runs,)
    """
    n = len(values)
    if not n:
        return None
    low, median, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    several = n > 1
    return Spread(
        n=n,
        mean=float(np.mean(values)),
        sd=float(np.std(values, ddof=1)) if several else None,
        interval=t_interval(values),
        median=median,
        lower_quartile=low if several else None,
        upper_quartile=high if several else None,
        minimum=float(np.min(values)),
        maximum=float(np.max(values)),
    )


def _more_to_confirm(successes: int, n: int, rate: float) -> int:
    more = 0
    while lower_bound(successes + more, n + more) < rate:
        more += 1
    return more


def _more_to_refute(successes: int, n: int, rate: float) -> int:
    more = 0
    while upper_bound(successes, n + more) >= rate:
        more += 1
    return more


def _check_counts(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"impossible count: {successes} of {n}")
