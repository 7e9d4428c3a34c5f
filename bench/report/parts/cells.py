"""Cells of tables whose rows are architectures: what they are sorted and hidden by."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.records.arms import Arm
from bench.report.sections import Cell
from bench.report.summary import Summary
from bench.spec import Measured, Portrait
from bench.stats.format import NOT_AVAILABLE, count, duration, integer, measured_value, points
from bench.stats.means import standard_deviation

MARKS = {True: "✓", False: "✗"}


def model(summary: Summary, portrait: Portrait) -> Cell:
    """A row's first cell: the architecture, with a link to its page where that is another one."""
    href = "" if summary.base else summary.page_of(portrait.architecture)
    return Cell(portrait.display_name, href=href, series=portrait.architecture)


def value(measured: Measured, name: str) -> Cell:
    """A measured figure; of a measure that could count parts alone it is a lower bound."""
    if name not in measured.values:
        return Cell(NOT_AVAILABLE)
    found = measured.values[name]
    number = isinstance(found, int | float) and not isinstance(found, bool)
    text = f"{'at least ' if measured.at_least else ''}{measured_value(found)}"
    return Cell(text, sort=found if number else None)


def whole(number: int) -> Cell:
    """A count."""
    return Cell(integer(number), sort=number)


def measured(summary: Summary, arm: Arm, measure: str, field: str) -> Cell:
    """A measured figure of the very source that the arm's runs have trained."""
    portrait = summary.portrait_of_arm(arm)
    found = portrait.measures.get(measure) if portrait else None
    figure = found.values.get(field) if found else None
    if found is None or figure is None:
        return Cell(NOT_AVAILABLE)
    sort = float(figure) if isinstance(figure, int | float) else None
    return Cell(f"{'≥ ' if found.at_least else ''}{measured_value(figure)}", sort=sort)


def time_a_run(arm: Arm) -> Cell:
    """Over completed runs; several machines are named, for their times differ."""
    if not arm.completed:
        return Cell(NOT_AVAILABLE)
    middle = median(run.train_seconds for run in arm.completed)
    n_machines = len({run.environment.fingerprint for run in arm.completed})
    note = count(n_machines, "environment") if n_machines > 1 else ""
    return Cell(duration(middle), note, sort=middle)


def sd_points(counts: Sequence[int], n: int) -> str:
    """The standard deviation over runs in points, n/a where one run has none."""
    return points(standard_deviation([100 * correct / n for correct in counts]))
