"""How often a target is met: exact bounds of a rate, and what they prove."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from scipy.special import betainc, betaincinv

from bench.stats.declared import RATE_ALPHA

Verdict = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True)
class RateVerdict:
    """How many of the runs reached a target, against a declared rate.

    `lower` and `upper` are two one-sided bounds, not one two-sided interval. `more_to_confirm` and
    `more_to_refute` are the runs still missing where all of them succeed, or all of them fail:
    the soonest that either verdict can come under the rule that will judge those runs. They are
    None where the other verdict stands.
    """

    successes: int
    n: int
    lower: float
    upper: float
    rate: float
    verdict: Verdict
    more_to_confirm: int | None
    more_to_refute: int | None
    decided_at: int | None = None  # the run, from 1, after which a sequence was decided


def target_count(n_images: int, percent: float, above: bool = False) -> int:
    """The smallest count of right answers that meets a target: 70 of 100 for 69.5 %.

    Args:
        n_images: Of the split.
        percent: The target.
        above: Whether a tie misses: 71 of 100 for more than 70 %. More than 100 % no count meets.
    """
    exact = published_count(percent, n_images)
    return math.floor(exact) + 1 if above else math.ceil(exact)


def published_count(percent: float, n_images: int) -> Fraction:
    """A published percentage as right answers, exact in its decimals: 99.39 -> 9,939."""
    return Fraction(str(percent)) * n_images / 100


def lower_bound(successes: int, n: int, alpha: float = RATE_ALPHA) -> float:
    """One-sided exact lower bound of a rate; 0 where nothing succeeded, or nothing was run.

    It lies above the true rate with a chance of `alpha` at most. Source: Clopper and Pearson 1934.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    check_counts(successes, n)
    return float(betaincinv(successes, n - successes + 1, alpha)) if successes else 0.0


def upper_bound(successes: int, n: int, alpha: float = RATE_ALPHA) -> float:
    """One-sided exact upper bound of a rate; 1 where nothing failed, or nothing was run."""
    return 1.0 - lower_bound(n - successes, n, alpha)


def luck_of(k: int, n: int, share: float) -> float:
    """The probability that k or more of n events happen, each with this probability.

    Raises:
        ValueError: counts or a probability that cannot be.
    """
    check_counts(k, n)
    return 1.0 if k == 0 else float(betainc(k, n - k + 1, share))


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
