"""Every run's test accuracy against the target, drawn and summarised."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from bench import figures
from bench.sections import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.sections._summary import Arm, Summary
from bench.sections._verdicts import TARGET_WORDS
from bench.stats import DRAW_SEED, Interval, MeanIntervals, mean_intervals, spread
from bench.stats.format import (
    NOT_AVAILABLE,
    count,
    fixed,
    integer,
    mean_percent,
    percent,
    percentage,
    points,
)

ORDER = 14
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Model", numeric=False),
    Column("n", note="completed runs"),
    Column("Mean"),
    Column("sd"),
    Column("95% interval", note="of the mean, Student t"),
    Column("95% interval", note="of the mean, BCa"),
    Column("Median"),
    Column("Quartiles"),
    Column("Min"),
    Column("Max"),
)
BCA = COLUMNS[5]


def section(summary: Summary) -> Section | None:
    """None where no completed run looked at the test split."""
    arms = [arm for arm in summary.arms if arm.tested]
    if not arms or summary.dataset is None:
        return None
    intervals = [mean_intervals(arm.test_counts, DRAW_SEED) for arm in arms]
    drawn = next((each for each in intervals if each.bca), None)
    columns = COLUMNS if drawn else tuple(column for column in COLUMNS if column is not BCA)
    table = Table(
        caption=f"Test accuracy after the last epoch, in percent, on {summary.dataset.name}",
        columns=columns,
        rows=tuple(
            _row(arm, each, has_bca=drawn is not None)
            for arm, each in zip(arms, intervals, strict=True)
        ),
        folded=True,
    )
    return Section(
        title="Every run against the target",
        nav="Runs",
        tables=(table,),
        plots=(_plot(summary, arms),),
        notes=_notes(drawn),
    )


def _notes(drawn: MeanIntervals | None) -> tuple[str, ...]:
    if drawn is None:
        return ()
    return (
        (
            f"BCa: bootstrap of the mean, {integer(drawn.n_resamples)} resamples, seed "
            f"{drawn.seed}; from 20 runs on, for it covers too little below."
        ),
    )


def _plot(summary: Summary, arms: list[Arm]) -> Plot:
    rows = [_strip(summary, arm) for arm in arms]
    target = 100 * arms[0].target / arms[0].n_test
    published = " Hollow triangle: the README, one run."
    return Plot(
        name=f"{summary.prefix}-distribution",
        alt=_alt(arms),
        caption=(
            f"Test accuracy of every run after its last epoch on {summary.prefix} "
            f"({integer(arms[0].n_test)} test images). One dot: one run; upright stroke: the "
            "mean; band: 95% Student t interval of the mean (none for a single run, nor for equal "
            "ones)."
            f"{published if any(row.published for row in rows) else ''} Dashed: the target, "
            f"{integer(arms[0].target)} right.{_cut(rows)}"
        ),
        draw=partial(figures.strips, rows, target),
    )


def _cut(rows: list[figures.Strip]) -> str:
    """Runs that the axis does not reach down to are named."""
    floor = figures.cut(rows)
    if floor is None:
        return ""
    n = sum(value < floor for row in rows for value in row.percents)
    return (
        f" {count(n, 'run')} below {percentage(floor)} stand{'s' if n == 1 else ''} at the left "
        "edge, as a filled triangle."
    )


def _strip(summary: Summary, arm: Arm) -> figures.Strip:
    percents = tuple(100 * correct / arm.n_test for correct in arm.test_counts)
    values = spread(percents)
    interval = values.interval if values else None
    claim = summary.published_of(arm, "last_test_accuracy_percent")
    return figures.Strip(
        label=arm.label,
        colour=summary.colour(arm.architecture),
        percents=percents,
        mean_interval=(interval.low, interval.high) if interval else None,
        published=claim.published if claim and summary.comparable else None,
        says=tuple(
            f"{arm.label}, seed {run.seed}: {percent(correct, arm.n_test)}, "
            f"{integer(correct)} of {integer(arm.n_test)}"
            for run, correct in arm.tested
        ),
        series=arm.architecture,
    )


def _alt(arms: list[Arm]) -> str:
    said = [
        f"{arm.label}: {count(len(arm.test_counts), 'run')} from "
        f"{fixed(Fraction(100 * min(arm.test_counts), arm.n_test), 2)} to "
        f"{fixed(Fraction(100 * max(arm.test_counts), arm.n_test), 2)}, "
        f"mean {mean_percent(arm.test_counts, arm.n_test)}"
        for arm in arms
    ]
    return f"Dots of test accuracy per run against the {TARGET_WORDS} target. {'; '.join(said)}."


def _row(arm: Arm, intervals: MeanIntervals, *, has_bca: bool) -> tuple[Cell, ...]:
    """Centre and spread of the counts, turned into percent as fractions: rounded once."""
    counts = arm.test_counts
    values = spread(counts)
    assert values is not None

    def percents(*right: float | Fraction | None, digits: int = 3) -> Cell:
        parts = [None if c is None else 100 * Fraction(c) / arm.n_test for c in right]
        said = [points(part, digits) for part in parts]
        known = [float(part) for part in parts if part is not None]
        text = NOT_AVAILABLE if NOT_AVAILABLE in said else " to ".join(said)
        return Cell(text, sort=known[0] if known else None)

    def around(interval: Interval | None) -> Cell:
        return percents(*((interval.low, interval.high) if interval else (None,)))

    bca = (around(intervals.bca),) if has_bca else ()
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(integer(values.n), sort=values.n),
        percents(Fraction(sum(counts), len(counts))),
        percents(values.sd),
        around(intervals.student_t),
        *bca,
        percents(values.median),
        percents(values.lower_quartile, values.upper_quartile),
        percents(values.minimum, digits=2),
        percents(values.maximum, digits=2),
    )
