""" "Consistently": how many runs reach the target, and what that proves."""

from __future__ import annotations

from functools import partial

from bench.records.arms import Arm
from bench.report.figures.rates import Rate, rates
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.verdicts import note, rate_words, rules, target_words, words
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, fixed, integer, mean_percent, points, ranges
from bench.stats.rates import lower_bound

ORDER = 25
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "fragment")
HEADS = (
    Column("Model", numeric=False),
    Column("Reached"),
    Column("Lower bound", note="one-sided 95%"),
    Column("Upper bound", note="one-sided 95%"),
)
OTHER_WAYS = (
    Column("Last three epochs", note="all reach it"),
    Column("Best epoch", note="by validation, reaches it"),
    Column("Any epoch", note="optimistic"),
)
CHOOSING = (
    *(Column("Model", numeric=False), Column("Seeds", numeric=False), Column("Reached")),
    Column("Test accuracy", note="mean ± sd"),
)
PROOF = f" Five of five would prove a rate of {fixed(lower_bound(5, 5), 3)}, no more."


def section(summary: Summary) -> Section | None:
    """None where there is no target, or no run looked at the test split."""
    arms = [arm for arm in summary.arms if summary.aims(arm)]
    if not arms:
        return None
    rate = rate_words(summary.objective)
    exact = any(arm.standing.kind in ("declared", "undeclared") for arm in arms)
    text = (
        (
            f"A run reaches the target when its last epoch has {integer(arms[0].target)} or more "
            f"of {integer(arms[0].n_test)} test images right. {rules(arms)} "
            f"“Consistently” is confirmed when the lower bound reaches {rate}, refuted when the "
            f"upper bound lies below it, and otherwise undecided.{PROOF if exact else ''}"
        ),
    )
    table = Table(
        caption=f"Runs that reach {target_words(summary.objective)}",
        columns=(*HEADS, _verdict(rate), *OTHER_WAYS),
        rows=tuple(map(_row, arms)),
    )
    chosen = Table(
        caption="Runs that helped to choose a network: they judge nothing",
        columns=CHOOSING,
        rows=tuple(map(_choosing, summary.choosing)),
    )
    title = "How often the target is reached"
    tables = (table, chosen) if summary.choosing else (table,)
    plots = () if summary.base else (_plot(summary, arms),)  # one row alone says no more
    return Section(title=title, nav="Target", text=text, tables=tables, plots=plots)


def _verdict(rate: str) -> Column:
    return Column("Verdict", numeric=False, note=f"rate of {rate} or more")


def _row(arm: Arm) -> tuple[Cell, ...]:
    verdict, outcomes = arm.verdict, arm.outcomes
    return (
        Cell(arm.label, series=arm.architecture),
        _share(arm.n_reached, arm),
        Cell(fixed(verdict.lower, 3), sort=verdict.lower),
        Cell(fixed(verdict.upper, 3), sort=verdict.upper),
        Cell(words(arm), note(arm)),
        _share(outcomes.sustained, arm),
        _share(outcomes.selected or 0, arm) if arm.dataset.n_validation else Cell(NOT_AVAILABLE),
        _share(outcomes.touched, arm),
    )


def _choosing(arm: Arm) -> tuple[Cell, ...]:
    found = arm.accuracy()
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(ranges(arm.seeds)),
        _share(arm.n_reached, arm) if arm.has_target else Cell(NOT_AVAILABLE),
        Cell(f"{mean_percent(found)} ± {points(found.sd_points)}"),
    )


def _share(n_runs: int, arm: Arm) -> Cell:
    n = len(arm.runs)
    return Cell(f"{integer(n_runs)} of {integer(n)}", sort=n_runs / n)


def _plot(summary: Summary, arms: list[Arm]) -> Plot:
    rows = [_rate(summary, arm) for arm in arms]
    rows.sort(key=lambda row: -row.successes / row.n if row.n else 1)  # the best first
    said = "; ".join(row.says for row in rows)
    declared = summary.objective.rate
    dashed = f" Dashed: the declared rate of {rate_words(summary.objective)}."
    return Plot(
        name=f"{summary.place}-rates",
        alt=f"Share of runs that reach the target, with its bounds. {said}.",
        caption=(
            f"Share of runs that reach {target_words(summary.objective)} on {summary.prefix}. "
            f"Dot: the share; bar: between its two one-sided bounds.{dashed}"
        ),
        draw=partial(rates, rows, declared),
    )


def _rate(summary: Summary, arm: Arm) -> Rate:
    """Of the runs that were judged: in a sequence with a gap these are not all."""
    verdict = arm.verdict
    return Rate(
        label=arm.label,
        successes=verdict.successes,
        n=verdict.n,
        lower=verdict.lower,
        upper=verdict.upper,
        says=(
            f"{arm.label}: {integer(verdict.successes)} of {integer(verdict.n)} runs reach "
            f"{target_words(arm.objective)}, rate at least {fixed(verdict.lower, 3)} and at most "
            f"{fixed(verdict.upper, 3)}"
        ),
        series=arm.architecture,
    )
