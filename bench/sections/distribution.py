"""Every run's test accuracy, drawn and summarised."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from bench import figures
from bench.sections import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.sections._format import (
    NOT_AVAILABLE,
    count,
    fixed,
    integer,
    mean_percent,
    percent,
    points,
)
from bench.sections._summary import Arm, Summary
from bench.stats import spread

ORDER = 40
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Model", numeric=False),
    Column("n", note="completed runs"),
    Column("Mean"),
    Column("sd"),
    Column("95% interval", note="of the mean, Student t"),
    Column("Median"),
    Column("Quartiles"),
    Column("Min"),
    Column("Max"),
)


def section(summary: Summary) -> Section | None:
    """None where no completed run looked at the test split."""
    arms = [arm for arm in summary.arms if arm.test_counts]
    if not arms or summary.dataset is None:
        return None
    table = Table(
        caption=f"Test accuracy after the last epoch, in percent, on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(arm) for arm in arms),
    )
    return Section(
        title="Accuracy distributions",
        nav="Distributions",
        tables=(table,),
        plots=(_plot(summary, arms),),
    )


def _plot(summary: Summary, arms: list[Arm]) -> Plot:
    rows = [_strip(summary, arm) for arm in arms]
    target = 100 * arms[0].target / arms[0].n_test
    assert summary.dataset is not None
    published = " Hollow triangle: the README, one run."
    return Plot(
        name=f"{summary.prefix}-distribution",
        alt=_alt(summary, arms),
        caption=(
            f"Test accuracy of every run after its last epoch on {summary.dataset.name} "
            f"({integer(arms[0].n_test)} test images). One dot: one run; upright stroke: the "
            "mean; band: 95% Student t interval of the mean (none for a single run)."
            f"{published if any(row.published for row in rows) else ''} Dashed: the target, "
            f"{integer(arms[0].target)} right."
        ),
        draw=partial(figures.strips, rows, target),
    )


def _strip(summary: Summary, arm: Arm) -> figures.Strip:
    tested = [(run, c) for run in arm.completed if (c := run.epochs[-1].test_correct) is not None]
    percents = tuple(100 * correct / arm.n_test for _, correct in tested)
    values = spread(percents)
    interval = values.interval if values else None
    claim = summary.published(arm.architecture, "last_test_accuracy_percent")
    return figures.Strip(
        label=arm.label,
        colour=summary.colour(arm.architecture),
        percents=percents,
        mean_interval=(interval.low, interval.high) if interval else None,
        published=claim.published if claim and summary.comparable else None,
        says=tuple(
            f"{arm.label}, seed {run.seed}: {percent(correct, arm.n_test)}, "
            f"{integer(correct)} of {integer(arm.n_test)}"
            for run, correct in tested
        ),
        series=arm.architecture,
    )


def _alt(summary: Summary, arms: list[Arm]) -> str:
    said = [
        f"{arm.label}: {count(len(arm.test_counts), 'run')} from "
        f"{fixed(100 * min(arm.test_counts) / arm.n_test, 2)} to "
        f"{fixed(100 * max(arm.test_counts) / arm.n_test, 2)}, "
        f"mean {mean_percent(arm.test_counts, arm.n_test)}"
        for arm in arms
    ]
    return f"Dots of test accuracy per run against the 99.40 % target. {'; '.join(said)}."


def _row(arm: Arm) -> tuple[Cell, ...]:
    """Centre and spread of the counts, turned into percent as fractions: rounded once."""
    counts = arm.test_counts
    values = spread(counts)
    assert values is not None

    def percents(*right: float | Fraction | None, digits: int) -> str:
        said = [
            points(None if c is None else 100 * Fraction(c) / arm.n_test, digits) for c in right
        ]
        return NOT_AVAILABLE if NOT_AVAILABLE in said else " to ".join(said)

    interval = values.interval
    bounds = (interval.low, interval.high) if interval else (None,)
    return (
        Cell(arm.label),
        Cell(integer(values.n)),
        Cell(percents(Fraction(sum(counts), len(counts)), digits=3)),
        Cell(percents(values.sd, digits=3)),
        Cell(percents(*bounds, digits=3)),
        Cell(percents(values.median, digits=3)),
        Cell(percents(values.lower_quartile, values.upper_quartile, digits=3)),
        Cell(percents(values.minimum, digits=2)),
        Cell(percents(values.maximum, digits=2)),
    )
