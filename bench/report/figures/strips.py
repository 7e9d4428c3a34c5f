"""Every run's accuracy as a dot, a row an arm.

A frame of runs has one row a run, with the columns

    label           of its arm, each of which is a strip, from top to bottom
    architecture    whose run it is
    colour          the architecture's place in the palette
    percent         test accuracy after the last epoch
    mean            of the arm's runs, in percent
    low, high       the ends of the mean's 95 % interval; nan where there is none
    published       what a document says of the arm, in percent; nan where it says nothing
    said_by         what that document is called
    says            what the run's dot says when it is asked
"""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import STAND_INS, STYLE, series
from bench.report.figures.rows import axes_points, row_canvas, row_inches
from bench.report.figures.svg import mark
from bench.stats.format import fixed

DOT, LEAST_DOT = 5.5, 2.0  # a dot's width in points: smaller where many runs are equal
SWARM = 0.8  # of a row's height: seaborn keeps the dots within
CROWD = 1.2  # dots that meet in a pile, for each of its equal runs: others are close by
FAR_SPREADS, LEAST_SPREAD = 8, 0.05  # quartile ranges below the quartile; percentage points
BORDER = 0.04  # of the axis, on both sides


def strips(runs: pd.DataFrame, target: float | None, narrow: bool) -> Figure:
    """Every run as a dot, with the mean's interval, the published number and the target.

    Args:
        runs: As this module says.
        target: In percent; None draws no line.
        narrow: For a phone: labels stand above their row.
    """
    arms = [rows for _, rows in runs.groupby("label", sort=False)]
    labels = [f"{rows['label'].iloc[0]}, n = {len(rows)}" for rows in arms]
    low, high = _limits(runs, target)
    edge = low + (high - low) * DOT / 2 / axes_points(labels, narrow)
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas(labels, narrow)
        axes.set(xlim=(low, high), xlabel="test accuracy after the last epoch (%)")
        if target is not None:
            line = axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=(0, (4, 3)))
            mark(line, f"target: {fixed(target, 2)} %")
        for place, rows in enumerate(arms):
            shown = rows.assign(x=rows["percent"].clip(lower=edge), y=-place)
            _strip(axes, shown.sort_values("percent"), SWARM * 72 * row_inches(labels, narrow))
        axes.set_ylabel("")
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 2)))
        return figure


def cut(runs: pd.DataFrame) -> float | None:
    """Where the axis begins if single runs lie so low that the others would be squeezed.

    Such runs stand at the edge, as triangles; each arm's bulk and mean are always shown.

    Returns:
        In percent; None where every run has its place.
    """
    arms = runs.groupby("label")["percent"]
    lower, upper = arms.quantile(0.25), arms.quantile(0.75)
    bulk = lower - FAR_SPREADS * (upper - lower).clip(lower=LEAST_SPREAD)
    floor = float(np.minimum(bulk, arms.mean()).min())
    return floor if floor > runs["percent"].min() else None


def _limits(runs: pd.DataFrame, target: float | None) -> tuple[float, float]:
    """The axis in percent."""
    floor = cut(runs)
    least = -np.inf if floor is None else floor
    whole = runs[runs.groupby("label")["percent"].transform("min") >= least]
    shown = runs["percent"][runs["percent"] >= least]
    others = [*whole["low"], *whole["high"], *runs["published"]]
    values = [*shown, *(value for value in others if not np.isnan(value))]
    values += [] if target is None else [target]
    low, high = min(values if floor is None else [*values, floor]), min(max(values), 100.0)
    border = BORDER * max(high - low, 0.02) / (1 - 2 * BORDER)
    return low - border, high + border


def _strip(axes: Axes, rows: pd.DataFrame, room: float) -> None:
    """One arm's row; `room` is what its dots may take of the row's height, in points."""
    label, owner, published, y = rows[["label", "architecture", "published", "y"]].iloc[0]
    mean, *ends = rows[["mean", "low", "high"]].iloc[0]
    colour = series(rows["colour"].iloc[0])
    if not np.isnan(ends).any():
        (band,) = axes.plot(ends, [y] * 2, lw=9, alpha=0.22, solid_capstyle="butt", color=colour)
        mark(
            band,
            f"{label}: 95% t interval of the mean, {fixed(ends[0], 3)} to {fixed(ends[1], 3)} %",
            owner,
        )
    dot = float(np.clip(room / (CROWD * rows["x"].value_counts().max()), LEAST_DOT, DOT))
    _swarm(axes, rows[rows["x"] == rows["percent"]], dot, "o")
    _swarm(axes, rows[rows["x"] != rows["percent"]], dot, "<")
    (line,) = axes.plot([mean] * 2, [y - 0.3, y + 0.3], color=STAND_INS["ink"], lw=1.6)
    mark(line, f"{label}: mean {fixed(mean, 3)} %", owner)
    if not np.isnan(published):
        (triangle,) = axes.plot(
            published,
            y + 0.36,  # above the dots, so that it hides none
            linestyle="none",
            marker="v",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=STAND_INS["published"],
            markeredgewidth=1.3,
        )
        said_by = rows["said_by"].iloc[0]
        mark(triangle, [f"{label}: the {said_by} says {fixed(published, 2)} %"], owner)


def _swarm(axes: Axes, rows: pd.DataFrame, dot: float, marker: str) -> None:
    """A dot a run, beside each other where they would touch."""
    import seaborn  # takes a second, which only those who draw need to spend

    if rows.empty:
        return
    seaborn.swarmplot(
        rows,
        x="x",
        y="y",
        orient="h",
        native_scale=True,
        color=series(rows["colour"].iloc[0]),
        size=dot,
        marker=marker,
        alpha=0.85,
        linewidth=0,
        zorder=2,  # on the interval's band, as everything else in the order in which it is drawn
        warn_thresh=1,  # dots that find no room stand at the row's border
        ax=axes,
    )
    mark(axes.collections[-1], list(rows["says"]), rows["architecture"].iloc[0])
