"""How many seeds: for a margin, for a difference, for a verdict on a rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, chdtri, nctdtr, stdtrit

from bench.stats.comparison import runs_to_reach
from bench.stats.declared import CONFIDENCE, CONSISTENT_RATE, FEWEST_RUNS, TEST_ALPHA
from bench.stats.means import sd_factors, standard_deviation
from bench.stats.rates import Verdict, check_rate, lower_bound, upper_bound
from bench.stats.sequences import decision_chances
from bench.stats.solve import fewest, last_true

POWER = 0.80
PILOT_CONFIDENCE = 0.80  # of the cautious sd; Kieser and Wassmer 1996
MOST_SEEDS = 2_000  # plans beyond it are no plans
MOST_LOOKED_AT = 10**7  # seeds, where the fewest that do are looked for


class TooManySeeds(ValueError):
    """More would be needed than are looked at."""


@dataclass(frozen=True)
class MarginPlan:
    """Seeds an arm until the 95 % interval is no wider than +-margin.

    The cautious plan takes the pilot's own uncertainty into account: its sd is the upper 80 %
    bound of the pilot's.
    """

    margin: float
    n_pilot: int
    sd: float
    seeds: int
    cautious_sd: float
    cautious_seeds: int


@dataclass(frozen=True)
class RateChances:
    """Chances of each verdict on a rate, for n runs that each pass with an assumed chance."""

    n: int
    pass_rate: float
    rate: float
    confirmed: float
    refuted: float
    undecided: float


@dataclass(frozen=True)
class RatePlan:
    """Seeds until the verdict that an assumed pass rate deserves comes with a given chance.

    None where 2,000 seeds do not bring it: so near to the declared rate nothing is decided.
    """

    pass_rate: float
    rate: float
    verdict: Verdict  # the one that is planned for
    power: float
    seeds: int | None  # n declared beforehand
    until_decided_seeds: int | None  # looked at after every run


def margin_plan(pilot: ArrayLike, margin: float) -> MarginPlan | None:
    """Seeds for a margin, from a pilot's spread.

    Args:
        pilot: (n_runs,), of one arm.
        margin: Half-width of the interval, in the pilot's unit.

    Returns:
        None where the pilot has fewer than three runs, or runs that are all equal.

    Raises:
        ValueError: a margin that is not above 0.
    """
    _check_positive("margin", margin)
    n_pilot, sd = np.size(pilot), standard_deviation(pilot)
    if n_pilot < FEWEST_RUNS or not sd:
        return None
    cautious = cautious_sd(sd, n_pilot)
    return MarginPlan(
        margin=margin,
        n_pilot=n_pilot,
        sd=sd,
        seeds=seeds_for_margin(sd, margin),
        cautious_sd=cautious,
        cautious_seeds=seeds_for_margin(cautious, margin),
    )


def cautious_sd(sd: float, n: int) -> float:
    """One-sided upper bound of a normal standard deviation that n >= 2 runs estimated."""
    return sd * math.sqrt((n - 1) / chdtri(n - 1, PILOT_CONFIDENCE))


def seeds_for_margin(sd: float, margin: float) -> int:
    """The fewest runs an arm whose Student t interval is within +-margin."""
    _check_positive("margin", margin)

    def is_within(n: int) -> bool:
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / math.sqrt(n)
        return half <= margin

    return _found(is_within, start=FEWEST_RUNS)


def seeds_for_sd(sd: float, bound: float) -> int:
    """The fewest runs whose interval of this standard deviation does not hold the bound."""
    _check_positive("sd", sd)
    _check_positive("bound", bound)

    def is_apart(n: int) -> bool:
        low, high = sd_factors(n)
        return low * sd > bound or high * sd < bound

    return _found(is_apart, start=FEWEST_RUNS)


def difference_power(sd: float, difference: float, n: int, alpha: float = TEST_ALPHA) -> float:
    """The chance that a two-sided t test of two arms sees a true difference.

    Args:
        sd: Of one run.
        difference: In the unit of the sd.
        n: Runs an arm, 2 at least.
        alpha: Level of the test.
    """
    degrees = 2 * n - 2
    shift = abs(difference) / (sd * math.sqrt(2 / n))
    edge = float(stdtrit(degrees, 1 - alpha / 2))
    if shift > edge + 40:  # nctdtr loses itself far out, where the power is 1
        return 1.0
    return float(1 - nctdtr(degrees, shift, edge) + nctdtr(degrees, shift, -edge))


def seeds_for_difference(sd: float, difference: float, n_pairs: int = 1) -> int:
    """The fewest runs an arm that see a true difference with a power of 0.80.

    Of several pairs each is planned for the smallest level that Holm's method leaves it. Fewer runs
    than the permutation test needs are never enough, however small the sd is.

    Args:
        sd: Of one run.
        difference: In the unit of the sd.
        n_pairs: Comparisons whose p are corrected together.
    """
    _check_positive("difference", difference)
    _check_positive("sd", sd)
    alpha = TEST_ALPHA / n_pairs
    return _found(
        lambda n: difference_power(sd, difference, n, alpha) >= POWER, start=runs_to_reach(n_pairs)
    )


def minimal_detectable_difference(sd: float, n: int) -> float | None:
    """The smallest true difference that n runs an arm see with a power of 0.80.

    Returns:
        In the unit of the sd; None for fewer than two runs, or without a spread.
    """
    if n < 2 or not sd:
        return None
    seen = sd
    while difference_power(sd, seen, n) < POWER:
        seen *= 2
    return last_true(lambda d: difference_power(sd, d, n) < POWER, 0.0, seen)


def allowed_misses(n: int, rate: float = CONSISTENT_RATE) -> int | None:
    """The most misses of n runs that still confirm the rate; None where n is too few.

    0 / 1 / 2 / 3 from n = 29 / 46 / 61 / 76 on, at a rate of 0.90.
    """
    check_rate(rate)
    above = fewest(lambda misses: misses > n or lower_bound(n - misses, n) < rate)
    return above - 1 if above else None


def refuting_misses(n: int, rate: float = CONSISTENT_RATE) -> int | None:
    """The fewest misses of n runs that refute the rate; None where not even n do."""
    check_rate(rate)
    misses = fewest(lambda misses: misses > n or upper_bound(n - misses, n) < rate)
    return misses if misses is not None and misses <= n else None


def seeds_for_misses(misses: int, rate: float = CONSISTENT_RATE) -> int:
    """The fewest runs that confirm the rate in spite of so many misses."""
    check_rate(rate)
    return _found(lambda n: lower_bound(n - misses, n) >= rate, start=max(1, misses))


def rate_chances(pass_rate: float, n: int, rate: float = CONSISTENT_RATE) -> RateChances:
    """How a sweep of n runs will be judged if each run passes with a given chance.

    Raises:
        ValueError: a declared rate outside (0, 1), or a pass rate outside [0, 1].
    """
    if not 0 <= pass_rate <= 1:
        raise ValueError(f"pass rate must lie from 0 to 1, not {pass_rate}")
    allowed, refuting = allowed_misses(n, rate), refuting_misses(n, rate)
    confirmed = 0.0 if allowed is None else pass_probability(pass_rate, n, allowed)
    refuted = 0.0 if refuting is None else 1 - pass_probability(pass_rate, n, refuting - 1)
    return RateChances(n, pass_rate, rate, confirmed, refuted, 1 - confirmed - refuted)


def pass_probability(pass_rate: float, n: int, misses: int = 0) -> float:
    """The chance that at most so many of n runs miss.

    A recipe that fails one run in seven passes 5 of 5 with a chance of 0.46.
    """
    return float(bdtr(min(misses, n), n, 1 - pass_rate)) if misses >= 0 else 0.0


def rate_plan(pass_rate: float, rate: float = CONSISTENT_RATE) -> RatePlan:
    """Seeds for a verdict, given the pass rate that a pilot suggests.

    Of a fixed n the chance goes in a saw-tooth: it is highest where a further miss has just
    become allowed, which is where the plan lands.
    """
    verdict: Verdict = "confirmed" if pass_rate > rate else "refuted"
    if pass_rate == rate:
        return RatePlan(pass_rate, rate, "undecided", POWER, None, None)

    def chance(n: int) -> float:
        chances = rate_chances(pass_rate, n, rate)
        return chances.confirmed if verdict == "confirmed" else chances.refuted

    seeds = next((n for n in range(1, MOST_SEEDS + 1) if chance(n) >= POWER), None)
    return RatePlan(
        pass_rate=pass_rate,
        rate=rate,
        verdict=verdict,
        power=POWER,
        seeds=seeds,
        until_decided_seeds=_until_decided_seeds(pass_rate, rate),
    )


def _until_decided_seeds(pass_rate: float, rate: float) -> int | None:
    n_most = 64
    while n_most <= MOST_SEEDS:
        chances = decision_chances(pass_rate, n_most, rate)
        right = chances.confirmed if pass_rate > rate else chances.refuted
        if right[-1] >= POWER:
            return int(np.searchsorted(right, POWER)) + 1
        n_most *= 2
    return None


def _found(holds: Callable[[int], bool], start: int = 2) -> int:
    n = fewest(holds, start, MOST_LOOKED_AT)
    if n is None:
        raise TooManySeeds("more than ten million seeds would be needed")
    return n


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, not {value}")
