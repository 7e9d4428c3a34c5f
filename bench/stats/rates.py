"""How often a target is met: exact bounds of a rate, and what they prove."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scipy.special import betaincinv

from bench.stats.declared import DECLARED_RATE, RATE_ALPHA, TARGET
from bench.stats.solve import fewest

Verdict = Literal["confirmed", "refuted", "undecided"]


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


def published_count(percent: float, n_images: int) -> Fraction:
    """A published percentage as right answers, exact in its decimals: 99.39 -> 9,939."""
    return Fraction(str(percent)) * n_images / 100


def lower_bound(successes: int, n: int) -> float:
    """One-sided exact lower bound of a rate; 0 where nothing succeeded, or nothing was run.

    Source: Clopper and Pearson 1934.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    check_counts(successes, n)
    return float(betaincinv(successes, n - successes + 1, RATE_ALPHA)) if successes else 0.0


def upper_bound(successes: int, n: int) -> float:
    """One-sided exact upper bound of a rate; 1 where nothing failed, or nothing was run."""
    return 1.0 - lower_bound(n - successes, n)


def rate_verdict(successes: int, n: int, rate: float = DECLARED_RATE) -> RateVerdict:
    """Judges "consistently": confirmed, refuted, or undecided with the seeds still needed.

    Raises:
        ValueError: impossible counts, or a rate outside (0, 1).
    """
    check_rate(rate)
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


def check_counts(successes: int, n: int) -> None:
    """Refuses what no sweep can count.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"impossible count: {successes} of {n}")


def check_rate(rate: float) -> None:
    """Refuses a declared rate that can never be confirmed or never refuted.

    Raises:
        ValueError: a rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie between 0 and 1, not {rate}")


def _more_to_confirm(successes: int, n: int, rate: float) -> int:
    more = fewest(lambda extra: lower_bound(successes + extra, n + extra) >= rate)
    assert more is not None, "enough successes confirm every rate below 1"
    return more


def _more_to_refute(successes: int, n: int, rate: float) -> int:
    more = fewest(lambda extra: upper_bound(successes, n + extra) < rate)
    assert more is not None, "enough failures refute every rate above 0"
    return more
