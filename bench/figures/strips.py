"""Every run's accuracy as a dot, a row an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.figures._canvas import STAND_INS, STYLE, series
from bench.figures._rows import axes_points, row_canvas, row_inches, row_margins
from bench.figures._svg import mark
from bench.stats.format import fixed

MANY_RUNS, DOT, SMALL_DOT = 40, 5.5, 4.5  # in points; smaller where an arm has more runs
HALF_ROW = 0.27  # of a row's height: dots stay within
FAR_SPREADS, LEAST_SPREAD = 8, 0.05  # quartile ranges below the quartile; percentage points
BORDER = 0.04  # of the axis, on both sides


@dataclass(frozen=True)
class Strip:
    """One row of dots: every run's accuracy in percent, shape (n_runs,); `says` has one a run."""

    label: str
    colour: int
    percents: tuple[float, ...]
    mean_interval: tuple[float, float] | None  # 95 %, None for one run
    published: float | None
    says: tuple[str, ...] = ()
    series: str = ""


@dataclass(frozen=True)
class Scale:
    """The axis in percent, and what a dot takes on it."""

    low: float
    high: float
    points: float  # the axis' width
    row_points: float  # a row's height
    dot: float  # its width in points


def strips(rows: Sequence[Strip], target: float, narrow: bool) -> Figure:
    """Every run as a dot, with the mean's interval, the published number and the target.

    Args:
        rows: From top to bottom.
        target: In percent.
        narrow: For a phone: labels stand above their row.
    """
    labels = [f"{row.label}, n = {len(row.percents)}" for row in rows]
    scale = _scale(rows, target, labels, narrow)
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas(labels, narrow)
        axes.set_xlim(scale.low, scale.high)
        line = axes.axvline(target, color=STAND_INS["target"], lw=1.2, linestyle=(0, (4, 3)))
        mark(line, f"target: {fixed(target, 2)} %")
        for place, row in enumerate(rows):
            _strip(axes, -place, row, scale)
        axes.set_xlabel("test accuracy after the last epoch (%)")
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 2)))
        row_margins(figure, labels, narrow)
        return figure


def cut(rows: Sequence[Strip]) -> float | None:
    """Where the axis begins if single runs lie so low that the others would be squeezed.

    Such runs stand at the edge, as triangles; each arm's bulk and mean are always shown.

    Returns:
        In percent; None where every run has its place.
    """
    arms = [row.percents for row in rows if row.percents]
    if not arms:
        return None
    floor = min(min(_bulk(percents), float(np.mean(percents))) for percents in arms)
    return floor if floor > min(min(percents) for percents in arms) else None


def _bulk(percents: Sequence[float]) -> float:
    low, high = (float(q) for q in np.quantile(percents, (0.25, 0.75)))
    return low - FAR_SPREADS * max(high - low, LEAST_SPREAD)


def _scale(rows: Sequence[Strip], target: float, labels: Sequence[str], narrow: bool) -> Scale:
    published = [row.published for row in rows if row.published is not None]
    floor = cut(rows)
    shown = [p for row in rows for p in row.percents if floor is None or p >= floor]
    whole = [row for row in rows if floor is None or min(row.percents, default=floor) >= floor]
    ends = [end for row in whole for end in row.mean_interval or ()]
    values = [*shown, *ends, *published, target, *([] if floor is None else [floor])]
    low, high = min(values), min(max(values), 100.0)
    border = BORDER * max(high - low, 0.02) / (1 - 2 * BORDER)
    most = max((len(row.percents) for row in rows), default=0)
    return Scale(
        low=low - border,
        high=high + border,
        points=axes_points(labels, narrow),
        row_points=72 * row_inches(labels, narrow),
        dot=SMALL_DOT if most > MANY_RUNS else DOT,
    )


def _strip(axes: Axes, height: float, row: Strip, scale: Scale) -> None:
    if row.mean_interval is not None:
        low, high = row.mean_interval
        style: dict[str, Any] = {"color": series(row.colour), "solid_capstyle": "butt"}
        (band,) = axes.plot((low, high), (height,) * 2, lw=9, alpha=0.22, **style)
        says = f"{row.label}: 95% t interval of the mean, {fixed(low, 3)} to {fixed(high, 3)} %"
        mark(band, says, row.series)
    _dots(axes, height, row, scale)
    if row.percents:
        mean = float(np.mean(row.percents))
        ends = [height - 0.3, height + 0.3]
        (line,) = axes.plot([mean] * 2, ends, color=STAND_INS["ink"], lw=1.6)
        mark(line, f"{row.label}: mean {fixed(mean, 3)} %", row.series)
    if row.published is not None:
        (readme,) = axes.plot(
            row.published,
            height + 0.36,  # above the dots, so that it hides none
            linestyle="none",
            marker="v",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=STAND_INS["published"],
            markeredgewidth=1.3,
        )
        mark(readme, [f"{row.label}: the README says {fixed(row.published, 2)} %"], row.series)


def _dots(axes: Axes, height: float, row: Strip, scale: Scale) -> None:
    """Runs below the axis go into lanes of their own, at its edge."""
    size = scale.dot
    order = sorted(range(len(row.percents)), key=lambda i: row.percents[i])
    for is_off, marker in ((False, "o"), (True, "<")):
        chosen = [i for i in order if (row.percents[i] < scale.low) == is_off]
        if not chosen:
            continue
        edge = scale.low + (scale.high - scale.low) * size / 2 / scale.points
        xs = [max(row.percents[i], edge) if is_off else row.percents[i] for i in chosen]
        places = [scale.points * (x - scale.low) / (scale.high - scale.low) for x in xs]
        offsets = lanes(places, size, HALF_ROW * scale.row_points)
        ys = [height + offset / scale.row_points for offset in offsets]
        style: dict[str, Any] = {"linestyle": "none", "color": series(row.colour), "alpha": 0.85}
        (dots,) = axes.plot(xs, ys, marker=marker, markersize=size, markeredgewidth=0, **style)
        if row.says:
            mark(dots, [row.says[i] for i in chosen], row.series)


def lanes(places: Sequence[float], size: float, half_height: float) -> list[float]:
    """How far each dot moves off the row's middle, so that none hides another.

    A dot takes the first lane (middle, one up, one down ...) whose last dot is a dot's width
    away; where the lanes do not fit in the row, they come closer.

    Args:
        places: (n_dots,) along the row, ascending, in points.
        size: A dot's width in points.
        half_height: The farthest that a dot's middle may lie from the row's, in points.

    Returns:
        (n_dots,) in points, upwards.
    """
    ends: list[float] = []  # of each lane: where its last dot stands
    chosen = []
    for place in places:
        lane = next((i for i, end in enumerate(ends) if place - end >= size), len(ends))
        ends[lane : lane + 1] = [place]
        chosen.append(lane)
    farthest = max((lane + 1) // 2 for lane in chosen) if chosen else 0
    step = min(size, half_height / farthest) if farthest else 0.0
    return [step * ((lane + 1) // 2) * (1 if lane % 2 else -1) for lane in chosen]
