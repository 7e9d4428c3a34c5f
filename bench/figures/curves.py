"""Accuracy and loss by epoch: a line a run, or the median of runs in a band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from bench.figures._canvas import NARROW_INCHES, STAND_INS, STYLE, WIDE_INCHES, margins, series
from bench.figures._svg import mark
from bench.stats.format import fixed, written

ACCURACY_TICKS = (50, 80, 90, 95, 98, 99, 99.4, 99.7, 99.9)  # percent
FIRST_TICK, LABEL_POINTS = 99.4, 10.5  # the target's; a label's height with some air
LOSS_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
NARROW_PANEL_INCHES, LOW_PANEL_INCHES, WIDE_PANEL_INCHES = 1.75, 1.4, 2.1
FEW_PANELS = 4  # below each other on a phone; more of them are lower
FEW_RUNS = 8  # up to here a run's line is as strong as it may be

Placing = Callable[[Sequence[float]], NDArray[np.float64]]  # values -> heights on the axis


@dataclass(frozen=True)
class Band:
    """Runs by epoch, (n_epochs,) each: what half of them reach, the lowest, the highest."""

    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    says: str = ""


@dataclass(frozen=True)
class Panel:
    """One small plot of curves: a run each, shape (n_epochs,), ragged where a run broke off.

    `says` has one text a run, `series` is the architecture they belong to, `colour` its place in
    the palette. A `band` stands behind the runs, or instead of them.
    """

    title: str
    runs: tuple[tuple[float, ...], ...] = ()
    says: tuple[str, ...] = ()
    series: str = ""
    colour: int = 0
    band: Band | None = None


def accuracy_curves(
    panels: Sequence[Panel],
    target: float | None,
    narrow: bool,
    *,
    learning_rate: Panel | None = None,
    lowest: float | None = None,
) -> Figure:
    """Accuracy (%) by epoch, the distance to 100 % on a logarithmic axis.

    Args:
        panels: One a split, or one an arm.
        target: In percent; None draws no line.
        narrow: Panels below each other instead of side by side.
        learning_rate: A last panel with an axis of its own; None for none.
        lowest: Where the axis begins, in percent; bands below are cut. None shows all.
    """
    with matplotlib.rc_context(STYLE):
        extra = learning_rate is not None
        figure, all_axes = _grid(len(panels) + extra, narrow)
        accuracy_axes = all_axes[: len(panels)]
        for axes, panel in zip(accuracy_axes, panels, strict=True):
            _curves(axes, panel, _log_distance)
            if target is not None:
                height = float(_log_distance([target])[0])
                line = axes.axhline(height, color=STAND_INS["target"], lw=1, linestyle=(0, (4, 3)))
                mark(line, f"target: {fixed(target, 2)} %")
        if learning_rate is not None:
            _learning_rate(all_axes[-1], learning_rate)
        _finish(figure, all_axes, narrow, "accuracy (%)", apart=int(extra))
        _accuracy_axis(accuracy_axes, min(_values(panels), default=90.0), lowest)
        return figure


def loss_curves(panels: Sequence[Panel], narrow: bool) -> Figure:
    """Mean cross-entropy by epoch on a logarithmic axis; arguments as `accuracy_curves`.

    A loss of nan, which such an axis has no place for, is a gap.
    """
    with matplotlib.rc_context(STYLE):
        figure, all_axes = _grid(len(panels), narrow)
        for axes, panel in zip(all_axes, panels, strict=True):
            _curves(axes, panel, _log)
            axes.yaxis.set_major_locator(FixedLocator([float(v) for v in _log(LOSS_TICKS)]))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(10**value, 6)))
        _share_limits(all_axes)
        return _finish(figure, all_axes, narrow, "loss (cross-entropy)")


def _values(panels: Sequence[Panel]) -> list[float]:
    bands = [panel.band.low for panel in panels if panel.band]
    return [value for panel in panels for run in (*panel.runs, *bands) for value in run]


def _n_columns(n_panels: int, narrow: bool) -> int:
    if narrow:
        return 1
    return 2 if n_panels == 4 else min(n_panels, 3)


def _grid(n_panels: int, narrow: bool) -> tuple[Figure, list[Axes]]:
    """Panels in rows; all but those that are asked for are taken away."""
    n_columns = _n_columns(n_panels, narrow)
    n_rows = -(-n_panels // n_columns)
    inches = WIDE_PANEL_INCHES
    if narrow:
        inches = NARROW_PANEL_INCHES if n_panels <= FEW_PANELS else LOW_PANEL_INCHES
    figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, inches * n_rows + 0.6))
    figure.patch.set_visible(False)
    all_axes = [axes for row in figure.subplots(n_rows, n_columns, squeeze=False) for axes in row]
    for axes in all_axes[n_panels:]:
        axes.remove()
    for axes in all_axes[:n_panels]:
        axes.patch.set_visible(False)
    return figure, all_axes[:n_panels]


def _curves(axes: Axes, panel: Panel, placed: Placing) -> None:
    if panel.band is not None:
        _band(axes, panel, panel.band, placed)
    _runs(axes, panel, placed)
    axes.set_title(panel.title, pad=6)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))


def _runs(axes: Axes, panel: Panel, placed: Placing) -> None:
    """Thin lines; a single run stands alone, a run of one epoch is a dot."""
    if not panel.runs:
        return
    alone = len(panel.runs) == 1 and panel.band is None
    width = 1.8 if alone else 0.9 if len(panel.runs) <= FEW_RUNS else 0.7
    for place, run in enumerate(panel.runs):
        line = Line2D(
            range(1, len(run) + 1),
            placed(run),
            color=series(panel.colour),
            linewidth=width,
            alpha=1.0 if alone else 0.6 if len(panel.runs) <= FEW_RUNS else 0.35,
            marker="o" if len(run) == 1 else "",
            markersize=3,
            solid_capstyle="butt",  # fewer bytes for every line
            clip_on=False,
        )
        axes.add_artist(line)  # add_line asks each for its limits: that takes as long as drawing
        if panel.says and len(run) > 1:
            mark(line, panel.says[place], panel.series)
        elif panel.says:
            mark(line, [panel.says[place]], panel.series)
    longest = max(len(run) for run in panel.runs)
    heights = placed([value for run in panel.runs for value in run])
    heights = heights[np.isfinite(heights)]
    if len(heights):
        axes.update_datalim([(1, heights.min()), (longest, heights.max())])
    axes.autoscale_view()


def _band(axes: Axes, panel: Panel, band: Band, placed: Placing) -> None:
    """From the lowest to the highest run, and the median."""
    epochs = list(range(1, len(band.median) + 1))
    low, high = placed(band.low), placed(band.high)
    (area,) = axes.fill(
        [*epochs, *reversed(epochs)], [*low, *high[::-1]], color=series(panel.colour), lw=0
    )
    area.set_alpha(0.2)
    single = len(epochs) == 1
    (line,) = axes.plot(
        epochs,
        placed(band.median),
        color=STAND_INS["ink"] if panel.runs else series(panel.colour),
        lw=1.3 if panel.runs else 2,
        marker="o" if single else "",
        markersize=3,
        zorder=3,  # on the runs
    )
    mark(area, band.says, panel.series)
    mark(line, [band.says] if single else band.says, panel.series)


def _log_distance(percents: Sequence[float]) -> NDArray[np.float64]:
    """99 % -> 0, 99.9 % -> 1: minus the decimal logarithm of the error in percent."""
    errors = 100.0 - np.asarray(percents, dtype=np.float64)
    return np.asarray(-np.log10(np.maximum(errors, 0.005)), dtype=np.float64)


def _log(losses: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(np.log10(np.asarray(losses, dtype=np.float64)), dtype=np.float64)


def _as_is(values: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _learning_rate(axes: Axes, panel: Panel) -> None:
    """In thousandths: their ticks need few digits."""
    _curves(axes, panel, _as_is)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(1000 * value, 6)))


def _accuracy_axis(all_axes: Sequence[Axes], low: float, lowest: float | None) -> None:
    """Shared limits, and ticks as far apart as their labels need."""
    _share_limits(all_axes)
    if lowest is not None:
        for axes in all_axes:
            axes.set_ylim(bottom=float(_log_distance([lowest])[0]))
    ticks = [tick for tick in ACCURACY_TICKS if tick >= low - 3 or tick >= FIRST_TICK]
    for axes in all_axes:
        heights = _apart(axes, [float(v) for v in _log_distance(ticks)])
        axes.yaxis.set_major_locator(FixedLocator(heights))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(100 - 10**-value, 4)))


def _apart(axes: Axes, heights: Sequence[float]) -> list[float]:
    """Those that leave room for each other's labels; the first to have a place is `FIRST_TICK`."""
    bottom, top = axes.get_ylim()
    inches = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    least = LABEL_POINTS * (top - bottom) / (72 * inches)
    first = float(_log_distance([FIRST_TICK])[0])
    kept: list[float] = []
    for height in sorted(heights, key=lambda height: (abs(height - first), height)):
        if all(abs(height - other) >= least for other in kept):
            kept.append(height)
    return sorted(kept)


def _share_limits(all_axes: Sequence[Axes]) -> None:
    limits = [axes.get_ylim() for axes in all_axes]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    for axes in all_axes:
        axes.set_ylim(low, high)


def _finish(
    figure: Figure, all_axes: list[Axes], narrow: bool, label: str, apart: int = 0
) -> Figure:
    """Labels at the left of each row and at the bottom; the last `apart` panels have their own."""
    n_columns = _n_columns(len(all_axes), narrow)
    n_shared = len(all_axes) - apart
    for place, axes in enumerate(all_axes):
        first, shared = place % n_columns == 0, place < n_shared
        if first and shared:
            axes.set_ylabel(label)
        if shared and not first:
            axes.tick_params(axis="y", length=0, labelleft=False)
        if place + n_columns >= len(all_axes):
            axes.set_xlabel("epoch")
    left, wspace = (0.165, 0.0) if narrow else (0.08, 0.16 if apart else 0.08)
    margins(figure, left=left, bottom=0.45, top=0.3, wspace=wspace, hspace=0.38)
    return figure
