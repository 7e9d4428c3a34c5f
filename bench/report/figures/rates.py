"""Shares of runs that reach the target, with their bounds, a row an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.report.figures.canvas import GREY, STAND_INS, STYLE
from bench.report.figures.rows import row_canvas
from bench.report.figures.svg import mark
from bench.stats.format import fixed, written

ROW_INCHES = 0.22  # without its label


@dataclass(frozen=True)
class Rate:
    """k of n runs, and the two one-sided bounds of the rate; no point for no runs."""

    label: str
    successes: int
    n: int
    lower: float
    upper: float
    says: str = ""
    series: str = ""


def rates(rows: Sequence[Rate], declared: float | None) -> Figure:
    """A point at k / n between its bounds, and the declared rate.

    Args:
        rows: From top to bottom.
        declared: The rate that they are judged by; None draws no line.
    """
    labels = [f"{row.label}, {row.successes} of {row.n}" for row in rows]
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas(labels, ROW_INCHES)
        axes.set_xlim(0, 1)
        if declared is not None:
            colour = STAND_INS["target"]
            line = axes.axvline(declared, lw=1.2, color=colour, linestyle=(0, (4, 3)))
            mark(line, f"declared rate: {fixed(declared, 2)}")
        for place, row in enumerate(rows):
            _rate(axes, -place, row)
        axes.set_xlabel("share of runs that reach the target")
        axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        axes.xaxis.set_minor_locator(FixedLocator([] if declared is None else [declared]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, 6)))
        return figure


def _rate(axes: Axes, height: float, row: Rate) -> None:
    low, high, cap = row.lower, row.upper, 0.1
    (bar,) = axes.plot(  # one artist, so that it is hidden as one
        [low, low, nan, low, high, nan, high, high],
        [height - cap, height + cap, nan, height, height, nan, height - cap, height + cap],
        color=GREY,
        lw=2,
        solid_capstyle="butt",
        clip_on=False,
    )
    mark(bar, row.says, row.series)
    if row.n:
        share = row.successes / row.n
        style: dict[str, Any] = {"color": STAND_INS["ink"], "ms": 7, "clip_on": False}
        (point,) = axes.plot([share], [height], "o", **style)
        mark(point, [row.says], row.series)
