"""A run a dot: filled where it reached the target, hollow where it did not.

More runs than `MANY_RUNS` are drawn together: equal ones as one bar, as long as their pile of dots.

A frame of runs has one row a run, with the columns `percent` (its test accuracy after the last
epoch) and `says` (what its dot says when it is asked).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.report.figures.canvas import GREY, MANY_RUNS, STAND_INS
from bench.report.figures.svg import mark
from bench.stats.format import count, fixed

DOT = 4.4  # a dot's width in points
LEAST_SPAN = 0.1  # percentage points: equal runs still need an axis
BORDER = 0.04  # of the axis, on both sides

Limits = tuple[float, float]


def limits(values: Sequence[float]) -> Limits:
    """An axis of accuracies in percent that reaches all of them, no further than 0 and 100."""
    low, high = min(values), max(values)
    spare = max(LEAST_SPAN - (high - low), 0) / 2 + BORDER * max(high - low, LEAST_SPAN)
    return max(low - spare, 0.0), min(high + spare, 100.0)


def dots(
    axes: Axes, runs: pd.DataFrame, heights: NDArray[np.float64], target: float | None, series: str
) -> None:
    """A dot a run at its height; one left of the axis stands at its edge, as a triangle.

    Args:
        axes: Its axis is in percent and has its limits.
        runs: As this module says.
        heights: One a run.
        target: In percent; None where there is none, and then every dot is grey.
        series: The architecture that the runs are of.
    """
    left, _ = axes.get_xlim()
    shown = runs.assign(height=heights, x=runs["percent"].clip(lower=left))
    shown["reached"] = target is None or shown["percent"].ge(target)
    shown["far"] = shown["percent"].lt(left)
    if len(shown) > MANY_RUNS:
        _bars(axes, shown, target, series)
        return
    for (reached, far), some in shown.groupby(["reached", "far"]):
        colour = GREY if target is None else STAND_INS["good" if reached else "bad"]
        (drawn,) = axes.plot(
            some["x"],
            some["height"],
            linestyle="none",
            marker="<" if far else "o",
            markersize=DOT,
            markerfacecolor=colour if reached else STAND_INS["paper"],
            markeredgecolor=colour,
            markeredgewidth=1.2,
            clip_on=False,
        )
        mark(drawn, list(some["says"]), series)


def _bars(axes: Axes, shown: pd.DataFrame, target: float | None, series: str) -> None:
    """A bar for all runs of one accuracy."""
    for percent, some in shown.groupby("percent"):
        first = some.iloc[0]
        reached = bool(first["reached"])
        colour = GREY if target is None else STAND_INS["good" if reached else "bad"]
        ends = ([first["x"]] * 2, [some["height"].min(), some["height"].max()])
        (drawn,) = axes.plot(*ends, color=colour, lw=DOT, clip_on=False)
        if not reached:
            axes.plot(*ends, color=STAND_INS["paper"], lw=DOT - 2.4, clip_on=False)
        words = f"{count(len(some), 'run')} with {fixed(float(percent), 2)} %"  # type: ignore[arg-type]
        mark(drawn, words, series)


def stacked(percents: NDArray[np.float64], width: float, inches: float) -> NDArray[np.float64]:
    """Heights in inches from the middle: dots that would touch are piled around it.

    Args:
        percents: One a dot.
        width: Of a dot, in percentage points.
        inches: The height that the pile has at most.
    """
    bins = np.round(percents / width).astype(int)
    heights = np.zeros(len(percents))
    for each in np.unique(bins):
        rows = np.flatnonzero(bins == each)
        step = min((DOT + 0.8) / 72, inches / max(len(rows) - 1, 1))
        heights[rows] = (np.arange(len(rows)) - (len(rows) - 1) / 2) * step
    return heights


def triangle(axes: Axes, x: float, y: float, says: str, series: str) -> None:
    """What a document says of one run."""
    (drawn,) = axes.plot(
        x,
        y,
        linestyle="none",
        marker="v",
        markersize=6,
        markerfacecolor=STAND_INS["paper"],
        markeredgecolor=STAND_INS["published"],
        markeredgewidth=1.4,
        clip_on=False,
    )
    mark(drawn, [says], series)
