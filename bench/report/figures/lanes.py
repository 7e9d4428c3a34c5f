"""One arm's runs as dots on a lane of the first screen; all lanes share an axis.

A frame of runs has one row a run, with the columns `percent` and `says` of `dots`.
"""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import DASHED, STAND_INS, STYLE
from bench.report.figures.dots import DOT, Limits, dots, stacked, triangle
from bench.report.figures.svg import mark
from bench.stats.format import fixed

WIDTH, HEIGHT, AXIS_HEIGHT = 3.2, 0.42, 0.2  # inches
SIDE = 0.01  # of the width, on both sides: room for half a dot
PILE = 0.34  # inches
TALL = 2.3  # the axes' height in data
HALF_LABEL = 0.065  # of the width


def lane(
    runs: pd.DataFrame,
    mean: float,
    published: tuple[float, str] | None,
    target: float | None,
    axis: Limits,
    series: str,
) -> Figure:
    """A dot a run: filled where it reached the target, hollow where it did not.

    Args:
        runs: As this module says.
        mean: Of the runs, in percent.
        published: A document's number for one run, in percent, and what its triangle says.
        target: In percent; None where there is none, and then every dot is filled.
        axis: Where the lane begins and ends, in percent.
        series: The architecture that the runs are of.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _empty(axis, HEIGHT)
        if target is not None:
            axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
        (line,) = axes.plot([mean] * 2, [-0.7, 0.7], color=STAND_INS["ink"], lw=1.8, zorder=3)
        mark(line, f"mean {fixed(mean, 3)} %", series)
        width = DOT / (72 * WIDTH) * (axis[1] - axis[0])
        heights = stacked(runs["percent"].to_numpy(float), width, PILE)
        dots(axes, runs, heights * TALL / HEIGHT, target, series)
        if published is not None:
            triangle(axes, published[0], 0.8, published[1], series)
        return figure


def scale(axis: Limits, target: float | None) -> Figure:
    """The lanes' axis, to stand above them."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _empty(axis, AXIS_HEIGHT)
        axes.xaxis.set_visible(True)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="x", length=0, labeltop=True, labelbottom=False, pad=-9.5)
        room = HALF_LABEL * (axis[1] - axis[0])
        ticks = [t for t in axes.get_xticks() if axis[0] + room <= t <= axis[1] - room]
        axes.set_xticks(ticks)
        return figure


def _empty(axis: Limits, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height))
    figure.patch.set_visible(False)
    axes = figure.add_axes((SIDE, 0, 1 - 2 * SIDE, 1))
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set(xlim=axis, ylim=(-TALL / 2, TALL / 2))
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    return figure, axes
