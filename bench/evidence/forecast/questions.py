"""What a person may ask before a sweep, answered by `bench.stats`; data alone, no wording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.errors import bad_option
from bench.records.arms import Arm, Split, arms
from bench.records.places import Place, choose_split, runs_at, runs_of_suites
from bench.records.store import Suite
from bench.stats.format import written
from bench.stats.noise import NoiseFloor, noise_floor
from bench.stats.planning import (
    MOST_SEEDS,
    POWER,
    MarginPlan,
    RateChances,
    RatePlan,
    difference_power,
    margin_plan,
    rate_chances,
    rate_plan,
    seeds_for_difference,
    seeds_for_misses,
)

LISTED_MISSES = range(4)
LISTED_SEEDS = (5, 10, 20, 29, 46, 61, 76)
LISTED_PASS_RATES = (0.80, 0.95, 0.97, 0.99)  # where none is assumed


@dataclass(frozen=True)
class Pilot:
    """The suite whose spread is taken for that of the sweep to come."""

    results: Path
    suite: str
    architectures: tuple[str, ...] = ()
    split: str | None = None


@dataclass(frozen=True)
class DifferencePlan:
    """Telling two arms with this spread apart at a true difference of the margin."""

    seeds: int  # an arm
    cautious_seeds: int
    power_at_hand: float  # the chance that the pilot's own n sees it
    is_visible: bool  # whether that chance reaches 0.80


@dataclass(frozen=True)
class ArmPlan:
    """What the pilot's runs of one arm say of a margin; points throughout."""

    name: str
    dataset: str
    split: Split
    n: int  # every run
    noise: NoiseFloor  # of the runs that have a count
    plan: MarginPlan | None  # of the mean; None without a spread
    difference: DifferencePlan | None  # None where `plan` is
    is_fixed: bool  # whether more seeds extend its number of runs


@dataclass(frozen=True)
class MarginAnswer:
    """Seeds for a margin, arm by arm."""

    margin_points: float
    power: float
    arms: list[ArmPlan]


@dataclass(frozen=True)
class AllowedMisses:
    misses: int
    seeds: int  # the fewest that confirm the rate in spite of them


@dataclass(frozen=True)
class AssumedRate:
    """What awaits a sweep whose runs each pass with this chance."""

    plan: RatePlan
    chances: list[RateChances]  # of each verdict, by n declared beforehand


@dataclass(frozen=True)
class RateAnswer:
    """Seeds for a verdict on a declared rate."""

    rate: float
    allowed: list[AllowedMisses]
    assumed: list[AssumedRate]


@dataclass(frozen=True)
class Forecast:
    """The answers that were asked for."""

    suite: str | None  # of the pilot
    margin: MarginAnswer | None
    rate: RateAnswer | None


def for_margin(margin_points: float, pilot: Pilot) -> MarginAnswer:
    """Seeds for the mean's interval, and for telling two arms apart.

    Args:
        margin_points: Half-width of the interval, and the true difference to be seen.
        pilot: Where the spread comes from.

    Raises:
        UsageError: a margin that no sweep can have, or a pilot that is not there.
        StoreError: a record cannot be read.
    """
    if not 0 < margin_points < 100:
        raise bad_option(
            "margin", written(margin_points), "give points between 0 and 100, such as 0.05"
        )
    chosen = pilot.architectures or (None,)
    places = [Place(pilot.suite, architecture=name) for name in chosen]
    runs = runs_of_suites(places, pilot.results)[pilot.suite]
    sides = [runs_at(place, runs) for place in places]
    split = choose_split(pilot.split, sides)
    protocol = Suite(pilot.results, pilot.suite).protocol()
    found = [arm for runs in sides for arm in arms(pilot.suite, runs, split, protocol)]
    try:
        plans = [_arm_plan(arm, split, margin_points) for arm in found]
    except ValueError as error:
        raise bad_option("margin", written(margin_points), f"give a wider one: {error}") from error
    return MarginAnswer(margin_points, POWER, plans)


def _arm_plan(arm: Arm, split: Split, margin_points: float) -> ArmPlan:
    found = arm.accuracy(split)
    plan = margin_plan(found.percents, margin_points)
    return ArmPlan(
        name=arm.name,
        dataset=arm.dataset.name,
        split=split,
        n=len(arm.runs),
        noise=noise_floor(found.counts, found.n_images),
        plan=plan,
        difference=_difference(plan) if plan else None,
        is_fixed=arm.is_judged and arm.standing.kind != "until decided",
    )


def _difference(plan: MarginPlan) -> DifferencePlan:
    power = difference_power(plan.sd, plan.margin, plan.n_pilot)
    return DifferencePlan(
        seeds=seeds_for_difference(plan.sd, plan.margin),
        cautious_seeds=seeds_for_difference(plan.cautious_sd, plan.margin),
        power_at_hand=power,
        is_visible=power >= POWER,
    )


def for_rate(rate: float, assume: float | None, n: int | None) -> RateAnswer:
    """Seeds for a verdict on the rate.

    Args:
        rate: The declared one.
        assume: The chance with which each run is taken to pass; several where none is given.
        n: A number of runs whose chances are asked for, beside those that are listed anyway.

    Raises:
        UsageError: a rate outside (0, 1), an assumed one outside [0, 1], or n below 1.
    """
    if not 0 < rate < 1:
        raise bad_option("rate", written(rate), "give a share between 0 and 1, such as 0.90")
    if assume is not None and not 0 <= assume <= 1:
        raise bad_option("assume", written(assume), "give a share from 0 to 1, such as 0.97")
    if n is not None and not 1 <= n <= MOST_SEEDS:
        raise bad_option("seeds", written(n), f"give 1 to {MOST_SEEDS}")
    allowed = _allowed(rate)
    listed = sorted({*LISTED_SEEDS, *(each.seeds for each in allowed), *([n] if n else [])})
    return RateAnswer(
        rate=rate,
        allowed=allowed,
        assumed=[
            AssumedRate(
                plan=rate_plan(each, rate),
                chances=[rate_chances(each, runs, rate) for runs in listed],
            )
            for each in ([assume] if assume is not None else LISTED_PASS_RATES)
        ],
    )


def _allowed(rate: float) -> list[AllowedMisses]:
    try:
        return [AllowedMisses(m, seeds_for_misses(m, rate)) for m in LISTED_MISSES]
    except ValueError as error:
        raise bad_option("rate", written(rate), f"give a lower one: {error}") from error
