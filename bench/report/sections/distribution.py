"""Every run's test accuracy against the target, drawn and summarised."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from math import nan

import pandas as pd

from bench.records.arms import Arm
from bench.report.figures.rows import LONG
from bench.report.figures.strips import cut, strips
from bench.report.frames import tested_runs
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts import intervals
from bench.report.parts.pairs import networks_of_many
from bench.report.parts.verdicts import target_words
from bench.report.summary import Summary
from bench.stats.declared import DRAW_SEED
from bench.stats.format import (
    NOT_AVAILABLE,
    count,
    integer,
    mean_percent,
    percentage,
    points,
)
from bench.stats.means import FEWEST_FOR_BOOTSTRAP, N_RESAMPLES, spread
from bench.stats.values import Interval

ORDER = 14
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "fragment")
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
NOTE = (
    f"BCa: bootstrap of the mean, {integer(N_RESAMPLES)} resamples, seed {DRAW_SEED}; only from "
    f"{FEWEST_FOR_BOOTSTRAP} runs on, because it is too narrow for fewer runs."
)


def section(summary: Summary) -> Section | None:
    """None where no completed run looked at the test split."""
    arms = [arm for arm in summary.arms if arm.tested]
    if not arms or summary.dataset is None:
        return None
    drawn = [arm.accuracy().bca(DRAW_SEED) for arm in arms]
    has_bca = any(drawn)
    columns = COLUMNS if has_bca else tuple(column for column in COLUMNS if column is not BCA)
    table = Table(
        caption=f"Test accuracy after the last epoch, in percent, on {summary.dataset.name}",
        columns=columns,
        rows=tuple(
            _row(arm, (_around(bca),) if has_bca else ())
            for arm, bca in zip(arms, drawn, strict=True)
        ),
        folded=True,
    )
    return Section(
        title="Every run" if summary.target is None else "Every run against the target",
        nav="Runs",
        tables=(table,),
        plots=(_plot(summary, networks_of_many(summary, arms, few=len(arms) <= LONG)),),
        notes=(*intervals.notes(arms), *((NOTE,) if has_bca else ())),
    )


def _plot(summary: Summary, arms: list[Arm]) -> Plot:
    runs = _runs(summary, arms)
    target = summary.target
    published = f" Triangle: the {summary.label}'s run."
    has_published = runs["published"].notna().any()
    aimed = next((arm for arm in arms if summary.aims(arm)), None)
    filled = (
        f", filled if it reached the target (dashed, {integer(aimed.target)} right)"
        if aimed
        else ""
    )
    return Plot(
        name=f"{summary.place}-distribution",
        alt=_alt(summary, arms),
        caption=(
            f"Test accuracy on {summary.prefix}. Dot: one run{filled}; stroke: the mean; band: "
            f"its 95% t interval.{published if has_published else ''}{_cut(runs)}"
        ),
        draw=partial(strips, runs, target),
    )


def _cut(runs: pd.DataFrame) -> str:
    """Runs that the axis does not reach down to are named."""
    floor = cut(runs)
    if floor is None:
        return ""
    n = int((runs["percent"] < floor).sum())
    return (
        f" {count(n, 'run')} below {percentage(floor)} stand{'s' if n == 1 else ''} at the left "
        "edge, as a triangle."
    )


def _runs(summary: Summary, arms: list[Arm]) -> pd.DataFrame:
    """A row a run, with the columns that `bench.report.figures.strips` asks for."""
    return pd.concat([_strip(summary, arm) for arm in arms], ignore_index=True)


def _strip(summary: Summary, arm: Arm) -> pd.DataFrame:
    claim, found = summary.published_beside(arm), arm.accuracy()
    assert found.mean_percent is not None  # every arm here has a count
    low, high = (found.interval.low, found.interval.high) if found.interval else (nan, nan)
    return tested_runs(arm).assign(
        label=arm.label,
        architecture=arm.architecture,
        mean=float(found.mean_percent),
        low=low,
        high=high,
        published=claim.published if claim else nan,
        said_by=summary.label,
    )


def _alt(summary: Summary, arms: list[Arm]) -> str:
    said = [
        f"{arm.label}: {count(len(found.counts), 'run')} from "
        f"{points(found.lowest_percent, 2)} to {points(found.highest_percent, 2)}, "
        f"mean {mean_percent(found)}"
        for arm, found in ((arm, arm.accuracy()) for arm in arms)
    ]
    objective = summary.objective
    against = "" if summary.target is None else f" against the target of {target_words(objective)}"
    return f"Dots of test accuracy per run{against}. {'; '.join(said)}."


def _row(arm: Arm, bca: tuple[Cell, ...]) -> tuple[Cell, ...]:
    found, values = arm.accuracy(), spread(arm.test_counts)
    assert values is not None
    quartiles = values.median, values.lower_quartile, values.upper_quartile
    median, low, high = (None if q is None else 100 * Fraction(q) / arm.n_test for q in quartiles)
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(integer(values.n), sort=values.n),
        _points(found.mean_percent),
        _points(found.sd_points),
        _around(found.interval),
        *bca,
        _points(median),
        _points(low, high),
        _points(found.lowest_percent, digits=2),
        _points(found.highest_percent, digits=2),
    )


def _around(interval: Interval | None) -> Cell:
    return _points(*((interval.low, interval.high) if interval else (None,)))


def _points(*values: float | Fraction | None, digits: int = 3) -> Cell:
    """One value, or the two ends of a range."""
    first = values[0]
    if first is None:
        return Cell(NOT_AVAILABLE)
    return Cell(" to ".join(points(value, digits) for value in values), sort=float(first))
