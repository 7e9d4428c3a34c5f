"""Verdicts on "consistently" that stay true however one looks at a sweep.

A sweep whose number of runs was declared before the first is judged once, when it is whole, by
exact bounds. Until then it has a verdict only where no outcome of the missing runs could change
it. Runs that were added after a look have a confidence sequence, at the part of the error that the
look has left: so the chance of a false verdict is `alpha` at most over all looks together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from bench.stats.declared import CONSISTENT_RATE, RATE_ALPHA
from bench.stats.rates import (
    RateVerdict,
    Verdict,
    check_counts,
    check_rate,
    lower_bound,
    upper_bound,
)
from bench.stats.sequences import Levels, confidence_sequence, soonest, until_decided

LEAST_LEVEL = 1e-9  # where a look has spent all of the error: no number of runs is enough


def rate_verdict(
    successes: int,
    n: int,
    rate: float = CONSISTENT_RATE,
    *,
    declared: int | None = None,
    alpha: float = RATE_ALPHA,
) -> RateVerdict:
    """Judges a sweep of a declared number of runs, by exact bounds (Clopper and Pearson 1934).

    Args:
        successes: Runs that reached the target.
        n: Runs so far.
        rate: The declared rate.
        declared: Runs that were declared before the first; n where None.
        alpha: The chance of each false verdict.

    Raises:
        ValueError: impossible counts, more runs than declared, or a rate outside (0, 1).
    """
    check_rate(rate)
    check_counts(successes, n)
    whole = n if declared is None else declared
    check_counts(n, whole)
    missing = whole - n
    lowest, highest = successes, successes + missing  # when the sweep is whole
    verdict: Verdict = "undecided"
    if lower_bound(lowest, whole, alpha) >= rate:
        verdict = "confirmed"
    elif upper_bound(highest, whole, alpha) < rate:
        verdict = "refuted"
    confirm, refute = None, None
    if verdict == "undecided":
        levels = left(whole, rate, alpha)
        can_confirm = lower_bound(highest, whole, alpha) >= rate
        can_refute = upper_bound(lowest, whole, alpha) < rate
        confirm = missing if can_confirm else missing + soonest(highest, whole, rate, levels)[0]
        refute = missing if can_refute else missing + soonest(lowest, whole, rate, levels)[1]
    lower, upper = lower_bound(successes, n, alpha), upper_bound(successes, n, alpha)
    if missing:  # whoever looks before the end may look again
        lower, upper = _bounds_so_far(successes, n, alpha)
    return RateVerdict(
        successes=successes,
        n=n,
        lower=lower,
        upper=upper,
        rate=rate,
        verdict=verdict,
        more_to_confirm=0 if verdict == "confirmed" else confirm,
        more_to_refute=0 if verdict == "refuted" else refute,
    )


def extended_verdict(
    reached: ArrayLike,
    declared: int,
    rate: float = CONSISTENT_RATE,
    *,
    alpha: float = RATE_ALPHA,
) -> RateVerdict:
    """Judges a sweep to which runs were added after a look at the declared ones.

    Args:
        reached: (n_runs,), whether each run met the target; the declared runs come first.
        declared: Runs that were declared before the first; below `n_runs`.
        rate: The declared rate.
        alpha: The chance of each false verdict, the look at the declared runs included.

    Raises:
        ValueError: a rate outside (0, 1).
    """
    return until_decided(reached, rate, left(declared, rate, alpha), first_look=declared + 1)


def left(declared: int, rate: float, alpha: float = RATE_ALPHA) -> Levels:
    """What a look at a whole sweep leaves of `alpha`, for whatever runs follow.

    The look errs with the chance, at a true rate that is the declared one, that so many runs
    confirm it or refute it; that is `alpha` or less, for counts are whole numbers.
    """
    check_rate(rate)
    return Levels(
        confirm=max(alpha - _spent(declared, rate, alpha), LEAST_LEVEL),
        refute=max(alpha - _spent(declared, 1 - rate, alpha), LEAST_LEVEL),
    )


def _bounds_so_far(successes: int, n: int, alpha: float) -> tuple[float, float]:
    """Of a confidence sequence that is looked at now, whatever the order of the runs."""
    if not n:
        return 0.0, 1.0
    reached = np.arange(n) < successes
    bounds = confidence_sequence(reached, Levels(alpha, alpha), first_look=n)[-1]
    return bounds.low, bounds.high


def _spent(n: int, rate: float, alpha: float) -> float:
    """The chance of the fewest successes that are too many for the rate; 0 where none are."""
    k = np.arange(1, n + 1)
    tails = betainc(k, n - k + 1, rate)  # of k successes or more
    return float(tails[tails <= alpha].max(initial=0.0))
