"""Every run's accuracy as a dot, a row an arm, from the best mean down.

A frame of runs has one row a run, with the columns

    label           of its arm, each of which is a strip
    architecture    whose run it is
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

from bench.report.figures.canvas import DASHED, GREY, STAND_INS, STYLE
from bench.report.figures.dots import DOT, dots, limits, stacked, triangle
from bench.report.figures.rows import (
    BESIDE_INCHES,
    axes_points,
    room_beside,
    row_canvas,
    row_inches,
)
from bench.report.figures.svg import mark
from bench.stats.format import fixed

STRIP_INCHES = 0.27  # a row without its label
PILE_INCHES = 0.17  # of it, for dots on dots
BESIDE_PILE = 0.1  # the same in a row with its label at the left
FAR_SPREADS, LEAST_SPREAD = 8, 0.05  # quartile ranges below the quartile; percentage points


def strips(runs: pd.DataFrame, target: float | None) -> Figure:
    """Every run as a dot, with the mean's interval, the published number and the target.

    Args:
        runs: As this module says.
        target: In percent; None draws no line, and then every dot is grey.
    """
    arms = [
        rows
        for _, rows in runs.sort_values("mean", ascending=False, kind="stable").groupby(
            "label", sort=False
        )
    ]
    names = [str(rows["label"].iloc[0]) for rows in arms]
    beside = room_beside(names)
    labels = names if beside else [f"{n}, n = {len(a)}" for n, a in zip(names, arms, strict=True)]
    strip, pile = (BESIDE_INCHES, BESIDE_PILE) if beside else (STRIP_INCHES, PILE_INCHES)
    inches = strip if beside else row_inches(labels, strip)
    axis = _limits(runs, target)
    width = DOT / axes_points(beside) * (axis[1] - axis[0])
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas(labels, strip, beside=beside)
        axes.set(xlim=axis, xlabel="test accuracy after the last epoch (%)")
        if target is not None:
            line = axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
            mark(line, f"target: {fixed(target, 2)} %")
        for place, rows in enumerate(arms):
            ordered = rows.sort_values("percent", kind="stable")
            _summary(axes, ordered.iloc[0], -place, 0.4 * strip / inches)
            piles = stacked(ordered["percent"].to_numpy(float), width, pile) / inches
            dots(axes, ordered, piles - place, target, ordered["architecture"].iloc[0])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
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
    others = [*whole["low"], *whole["high"], *runs["published"], target, floor]
    values = [*shown, *(value for value in others if value is not None and not np.isnan(value))]
    return limits(values)


def _summary(axes: Axes, arm: pd.Series, y: float, half: float) -> None:
    """The mean's interval, the mean, and what a document says; `half` a strip's height."""
    label, owner = arm["label"], arm["architecture"]
    ends = [arm["low"], arm["high"]]
    if not np.isnan(ends).any():
        (band,) = axes.plot(ends, [y] * 2, lw=8, alpha=0.22, solid_capstyle="butt", color=GREY)
        words = f"{label}: 95% t interval of the mean, {fixed(ends[0], 3)} to {fixed(ends[1], 3)} %"
        mark(band, words, owner)
    (line,) = axes.plot(
        [arm["mean"]] * 2, [y - half, y + half], color=STAND_INS["ink"], lw=1.6, zorder=3
    )
    mark(line, f"{label}: mean {fixed(arm['mean'], 3)} %", owner)
    if not np.isnan(arm["published"]):
        says = f"{label}: the {arm['said_by']} says {fixed(arm['published'], 2)} %"
        triangle(axes, arm["published"], y + 0.75 * half, says, owner)  # below the row's label
