"""The runs that a claim is judged by, as dots on an axis of their own, beside what was published.

A frame of runs has one row a run, with the columns `percent` (its number in the claim's unit,
whatever that is) and `says` of `dots`.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import DASHED, GREY, STAND_INS, STYLE
from bench.report.figures.dots import DOT, Limits, dots, stacked, triangle
from bench.report.figures.svg import mark

WIDTH, ROW, AXIS = 3.5, 0.4, 0.2  # inches
SIDE = 0.045  # of the width, on both sides: half a tick's number
PILE = 0.28  # inches
BORDER = 0.05  # of the axis, on both sides


def judged(
    samples: Sequence[pd.DataFrame],
    published: float | None,
    target: float | None,
    interval: Limits | None,
    possible: Limits,
    series: str,
) -> Figure:
    """A row of dots a sample, each with the stroke of its mean.

    Args:
        samples: The runs, and below them those that they are compared with.
        published: The document's number, a triangle.
        target: What a run must reach; a line, and dots are then filled where they reach it.
        interval: What the published number is held against, a band.
        possible: What the quantity can be at all.
        series: The architecture that the runs are of.
    """
    known = [*(interval or ()), *(each for each in (published, target) if each is not None)]
    axis = _limits([*known, *(x for runs in samples for x in runs["percent"])], possible)
    with matplotlib.rc_context(STYLE):
        height = ROW * len(samples) + AXIS
        figure = Figure(figsize=(WIDTH, height))
        figure.patch.set_visible(False)
        axes = figure.add_axes((SIDE, AXIS / height, 1 - 2 * SIDE, 1 - AXIS / height))
        axes.patch.set_visible(False)
        axes.set(xlim=axis, ylim=(-len(samples), 0))
        if interval is not None:
            band = axes.axvspan(*interval, color=GREY, alpha=0.2, lw=0)
            mark(band, f"95 % interval: {interval[0]:.5g} to {interval[1]:.5g}", series)
        if target is not None:
            axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
        width = DOT / (72 * WIDTH * (1 - 2 * SIDE)) * (axis[1] - axis[0])
        for row, runs in enumerate(samples):
            mean = runs["percent"].mean()
            (line,) = axes.plot(
                [mean] * 2, [-row - 0.85, -row - 0.15], color=STAND_INS["ink"], lw=1.6, zorder=3
            )
            mark(line, f"mean {mean:.5g}", series)
            piles = stacked(runs["percent"].to_numpy(float), width, PILE) / ROW
            dots(axes, runs, piles - row - 0.5, target, series)
        if published is not None:
            triangle(axes, published, -0.13, f"published: {published:g}", series)
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)
        axes.yaxis.set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
        axes.tick_params(axis="x", length=2.5, pad=2)
        return figure


def _limits(values: Sequence[float], possible: Limits) -> Limits:
    low, high = min(values), max(values)
    spare = BORDER * (high - low) or max(abs(high) / 100, 0.1)  # equal numbers need an axis, too
    return max(low - spare, possible[0]), min(high + spare, possible[1])
