"""What a total is made of, a bar a network: its parts side by side, each a shade of grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import GREY, STYLE
from bench.report.figures.dots import triangle
from bench.report.figures.rows import axes_points, row_canvas
from bench.report.figures.svg import mark
from bench.stats.format import integer

ROW_INCHES = 0.36  # without its label
BAR = 0.3  # its height, in rows
SHADES = (0.6, 0.42, 0.28, 0.18, 0.1)  # of the first parts; further ones have the last
CHARACTER_POINTS = 6.4  # of a part's name, about


@dataclass(frozen=True)
class Total:
    """A network's total; its parts add up to it.

    Attributes:
        label: Stands above the bar.
        parts: Their names with their values, none below zero, in the order of the bar.
        published: What a document gives as the total, with what its triangle says.
    """

    label: str
    parts: tuple[tuple[str, int], ...]
    published: tuple[float, str] | None = None
    series: str = ""


def totals(rows: Sequence[Total], unit: str) -> Figure:
    """A bar a network, from zero, with the names of the parts for which it has room.

    Args:
        rows: From top to bottom.
        unit: Of the axis.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas([row.label for row in rows], ROW_INCHES)
        ends = [float(sum(value for _, value in row.parts)) for row in rows]
        ends += [row.published[0] for row in rows if row.published]
        axes.set_xlim(0, 1.02 * max(*ends, 1))
        for place, row in enumerate(rows):
            _bar(axes, -place, row)
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: integer(round(value))))
        return figure


def _bar(axes: Axes, height: float, row: Total) -> None:
    start, a_point = 0.0, (axes.get_xlim()[1] - axes.get_xlim()[0]) / axes_points()
    for number, (name, value) in enumerate(row.parts):
        style: dict[str, Any] = {"color": GREY, "alpha": SHADES[min(number, len(SHADES) - 1)]}
        (drawn,) = axes.barh(height, value, left=start, height=BAR, lw=0, **style)
        mark(drawn, f"{row.label}, {name}: {integer(value)}", row.series)
        if CHARACTER_POINTS * len(name) * a_point < value:
            at = start + value / 2
            axes.text(at, height, name, ha="center", va="center")
        start += value
    if row.published is not None:
        triangle(axes, row.published[0], height + 0.22, row.published[1], row.series)
