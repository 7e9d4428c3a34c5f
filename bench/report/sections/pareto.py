"""Accuracy against parameters and multiply-adds, and who offers the best trade-off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from bench.records.arms import Arm
from bench.report.figures.pareto import Candidate, Field, pareto
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.pairs import MOST_ARMS, networks_of_many
from bench.report.parts.verdicts import n_words
from bench.report.summary import Summary
from bench.stats.format import (
    count,
    fixed,
    integer,
    listed,
    listed_or_counted,
    mean_percent,
    with_article,
)

ORDER = 42
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "markdown")
MOST_NAMED = 4  # with their numbers, of those on the front and of those that are not
CAUTION = (
    "The front compares means; the pairwise comparisons say which differences are more than chance."
)


@dataclass(frozen=True)
class Option:
    """An arm with its exact mean accuracy in percent and what it costs."""

    arm: Arm
    mean: Fraction
    cost: int


@dataclass(frozen=True)
class Cost:
    """A kind of cost: None for an arm that it was not measured of."""

    noun: str
    axis: str
    divisor: float
    of: Callable[[Summary, Arm], int | None]
    is_limited: bool = False  # whether a document's limit is of this cost


def n_parameters(_: Summary, arm: Arm) -> int | None:
    """From the records; a run that failed at once counted none."""
    return next((run.n_parameters for run in arm.runs if run.n_parameters), None)


def multiply_adds(summary: Summary, arm: Arm) -> int | None:
    """From the portrait of the very source that was trained; a lower bound is no cost."""
    portrait = summary.portrait_of_arm(arm)
    measured = portrait.measures.get("multiply_adds") if portrait else None
    known = measured is not None and not measured.at_least
    value = measured.values.get("multiply_adds") if measured and known else None
    return value if isinstance(value, int) else None


COSTS = (
    Cost("parameters", "parameters", 1.0, n_parameters, is_limited=True),
    Cost("multiply-adds", "multiply-adds (millions)", 1e6, multiply_adds),
)


def section(summary: Summary) -> Section | None:
    """None for fewer than two arms with a test accuracy: there is no trade-off to see."""
    tested = [arm for arm in summary.arms if arm.test_counts]
    arms = networks_of_many(summary, tested, few=len(tested) <= MOST_ARMS)
    if len(arms) < 2 or summary.dataset is None:
        return None
    found = [(cost, _options(summary, arms, cost)) for cost in COSTS]
    found = [(cost, options) for cost, options in found if len(options) > 1]
    if not found:
        return None
    return Section(
        title="Accuracy against cost",
        nav="Pareto",
        text=(*(_text(cost, options) for cost, options in found), CAUTION),
        plots=(_plot(summary, arms, found),),
        notes=(*_left_out(len(tested) - len(arms)), *_notes(arms, found)),
    )


def _left_out(n_variations: int) -> tuple[str, ...]:
    if not n_variations:
        return ()
    return (
        f"Only networks are shown and ranked here, not their {count(n_variations, 'variation')}.",
    )


def _options(summary: Summary, arms: Sequence[Arm], cost: Cost) -> list[Option]:
    return [
        Option(arm, mean, of)
        for arm in arms
        if (of := cost.of(summary, arm)) is not None
        and (mean := arm.accuracy().mean_percent) is not None
    ]


def front(options: Sequence[Option]) -> list[Option]:
    """Those that nobody beats: no other costs at most as much and is at least as accurate.

    Two of the same cost and mean are both on it. From the cheapest up.
    """
    ordered = sorted(options, key=lambda o: (o.cost, -o.mean, o.arm.label))
    kept: list[Option] = []
    for one in ordered:
        best = kept[-1] if kept else None
        if best is None or one.mean > best.mean or (one.mean, one.cost) == (best.mean, best.cost):
            kept.append(one)
    return kept


def _text(cost: Cost, options: list[Option]) -> str:
    best = front(options)
    many = len(best) > MOST_NAMED
    said = listed([one.arm.label if many else _named(cost, one) for one in best])
    verb = "are" if len(best) > 1 else "is"
    left = [one for one in options if one not in best]
    rest = f" {_beaten(left, best, cost)}" if left else " Every network is on it."
    return f"By {cost.noun}, {said} {verb} on the Pareto front.{rest}"


def _named(cost: Cost, one: Option) -> str:
    right = mean_percent(one.arm.accuracy())
    return f"{one.arm.label} ({integer(one.cost)} {cost.noun}, {right})"


def _beaten(left: list[Option], best: list[Option], cost: Cost) -> str:
    if len(left) > MOST_NAMED:
        n = integer(len(left))
        return f"The other {n} are not: another network costs no more and is no less accurate."
    return " ".join(_by_whom(one, best, cost) for one in left)


def _by_whom(one: Option, best: list[Option], cost: Cost) -> str:
    """The cheapest that beats it: it costs no more and is no less accurate."""
    rival = next(b for b in best if b.cost <= one.cost and b.mean >= one.mean)
    fewer, higher = rival.cost < one.cost, rival.mean > one.mean
    gap = fixed(rival.mean - one.mean, 3)
    costs = (
        f"{integer(one.cost - rival.cost)} {cost.noun} fewer" if fewer else f"as many {cost.noun}"
    )
    means = f"a mean {gap} points higher" if higher else "the same mean"
    return f"{one.arm.label} is not: {rival.arm.label} has {costs} and {means}."


def _plot(summary: Summary, arms: list[Arm], found: list[tuple[Cost, list[Option]]]) -> Plot:
    target = summary.target
    fields = [_field(summary, cost, options) for cost, options in found]
    published = any(one.published is not None for field in fields for one in field.candidates)
    document = with_article(summary.label)
    said = f" Hollow triangle: {document}'s run." if published else ""
    n = n_words(len(arm.test_counts) for arm in arms)
    limit = summary.objective.limit
    limits = [integer(limit) for cost, _ in found if cost.is_limited and limit is not None]
    dashed = "" if target is None else " Dashed: the target."
    dotted = f" Dotted: {listed(limits)} parameters." if limits else ""
    nouns = listed([cost.noun for cost, _ in found])
    return Plot(
        name=f"{summary.place}-pareto",
        alt=f"Mean test accuracy on {summary.prefix} against {nouns}. {_alt(found)}",
        caption=(
            f"Mean accuracy on {summary.prefix}, {n}. Bar: 95% t interval; steps: Pareto "
            f"front.{said}{dashed}{dotted}"
        ),
        draw=partial(pareto, fields, target),
    )


def _alt(found: list[tuple[Cost, list[Option]]]) -> str:
    return " ".join(
        f"By {cost.noun}: {'; '.join(_named(cost, one) for one in options)}."
        for cost, options in found
    )


def _field(summary: Summary, cost: Cost, options: list[Option]) -> Field:
    most = summary.objective.limit if cost.is_limited else None
    limit = None if most is None else (float(most), f"limit {integer(most)}")
    return Field(
        title=cost.axis,
        candidates=tuple(_candidate(summary, cost, one) for one in options),
        front=tuple((float(one.cost), float(one.mean)) for one in front(options)),
        limit=limit,
        divisor=cost.divisor,
    )


def _candidate(summary: Summary, cost: Cost, one: Option) -> Candidate:
    arm, found = one.arm, one.arm.accuracy()
    interval = found.interval
    claim = summary.published_beside(arm)
    return Candidate(
        label=arm.label,
        cost=float(one.cost),
        mean=float(one.mean),
        interval=(interval.low, interval.high) if interval else None,
        published=claim.published if claim else None,
        said_by=summary.label,
        says=(
            f"{arm.label}: mean {mean_percent(found)} of "
            f"{count(len(found.counts), 'run')}, {integer(one.cost)} {cost.noun}"
        ),
        series=arm.architecture,
    )


def _notes(arms: list[Arm], found: list[tuple[Cost, list[Option]]]) -> tuple[str, ...]:
    """Who is missing from a panel."""
    notes = []
    for cost, options in found:
        shown = {one.arm.label for one in options}
        absent = [arm.label for arm in arms if arm.label not in shown]
        if absent:
            left_out = listed_or_counted(absent, "network")
            notes.append(f"Not shown by {cost.noun}, because a measure is missing: {left_out}.")
    return tuple(notes)
