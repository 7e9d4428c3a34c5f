"""One arm's runs as dots on a lane of the first screen; all lanes share an axis.

A frame of runs has one row a run, with the columns `percent` and `says` of `strips`.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import STAND_INS, STYLE
from bench.report.figures.svg import mark
from bench.stats.format import fixed

WIDTH, HEIGHT, AXIS_HEIGHT = 4.6, 0.5, 0.22  # inches
DOT = 4.4  # a dot's width in points
LEAST_SPAN = 0.1  # percentage points: equal runs still need an axis
BORDER = 0.04  # of the axis, on both sides

Limits = tuple[float, float]


def limits(values: Sequence[float]) -> Limits:
    """The axis that all lanes share, in percent: no further than from 0 to 100."""
    low, high = min(values), max(values)
    spare = max(LEAST_SPAN - (high - low), 0) / 2 + BORDER * max(high - low, LEAST_SPAN)
    return max(low - spare, -0.5), min(high + spare, 100.5)


def lane(
    runs: pd.DataFrame,
    mean: float,
    published: tuple[float, str] | None,
    target: float | None,
    axis: Limits,
    series: str,
    _narrow: bool = False,
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
            axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=(0, (4, 3)))
        (line,) = axes.plot([mean] * 2, [-0.7, 0.7], color=STAND_INS["ink"], lw=1.8)
        mark(line, f"mean {fixed(mean, 3)} %", series)
        places = stacked(runs["percent"].to_numpy(float), axis)
        for reached, role in ((True, "good"), (False, "bad")):
            rows = runs["percent"].ge(-np.inf if target is None else target).eq(reached)
            if rows.any():
                _dots(axes, runs[rows], places[rows], role, reached, series)
        if published is not None:
            value, says = published
            triangle = axes.plot(
                value,
                0.8,
                linestyle="none",
                marker="v",
                markersize=6.5,
                markerfacecolor=STAND_INS["paper"],
                markeredgecolor=STAND_INS["published"],
                markeredgewidth=1.4,
                clip_on=False,
            )[0]
            mark(triangle, [says], series)
        return figure


def stacked(percents: np.ndarray, axis: Limits) -> np.ndarray:
    """Heights of dots, -1 to 1: those that would touch are piled around the middle."""
    width = DOT / (72 * WIDTH) * (axis[1] - axis[0])  # of a dot, in percentage points
    bins = np.round(percents / width).astype(int)
    heights = np.zeros(len(percents))
    for each in np.unique(bins):
        rows = np.flatnonzero(bins == each)
        offsets = np.arange(len(rows)) - (len(rows) - 1) / 2
        step = min(2 * DOT / (72 * HEIGHT), 1.7 / max(len(rows) - 1, 1))
        heights[rows] = offsets * step
    return heights


def scale(axis: Limits, target: float | None, _narrow: bool = False) -> Figure:
    """The lanes' axis, to stand above them."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _empty(axis, AXIS_HEIGHT)
        axes.xaxis.set_visible(True)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="x", length=0, labeltop=True, labelbottom=False, pad=-9)
        for tick in axes.get_xticks():
            if not axis[0] <= tick <= axis[1]:
                axes.set_xticks([t for t in axes.get_xticks() if axis[0] <= t <= axis[1]])
                break
        return figure


def _empty(axis: Limits, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height))
    figure.patch.set_visible(False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set(xlim=axis, ylim=(-1.15, 1.15))
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    return figure, axes


def _dots(
    axes: Axes, runs: pd.DataFrame, heights: np.ndarray, role: str, filled: bool, series: str
) -> None:
    colour = STAND_INS[role]
    (dots,) = axes.plot(
        runs["percent"],
        heights,
        linestyle="none",
        marker="o",
        markersize=DOT,
        markerfacecolor=colour if filled else STAND_INS["paper"],
        markeredgecolor=colour,
        markeredgewidth=1.2,
    )
    mark(dots, list(runs["says"]), series)
