"""Accuracy and loss by epoch: a line a run, and the median of the runs in a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from bench.report.figures.canvas import (
    ACCENT,
    DASHED,
    DOTTED,
    GREY,
    INCHES,
    STAND_INS,
    STYLE,
    margins,
    wrapped,
)
from bench.report.figures.dots import triangle
from bench.report.figures.svg import mark
from bench.stats.format import fixed, written

ACCURACY_TICKS = (50, 80, 90, 95, 98, 99, 99.7, 99.9)  # percent
LOW_TICKS = (10, 20, 30, 40, 60, 70)  # of axes that end below the ticks above
LABEL_POINTS = 10.5  # a label's height with some air
LOSS_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
PANEL_INCHES, OVERVIEW_INCHES = 1.75, 3.2
LETTERS, TITLE_LINE_INCHES = 52, 0.15  # of all titles in a row
FEW_RUNS = 8  # up to here a run's line is as strong as it may be


@dataclass(frozen=True)
class Panel:
    """One small plot of curves.

    Attributes:
        epochs: One row an epoch of a run, with the columns `seed`, `epoch` and `value` (accuracy
            in percent, loss or learning rate), all of them numbers.
        says: The words of each run that has a line of its own, by its seed.
        band: The words of the median and the band; where it is empty, neither is drawn.
        series: The architecture.
        published: What a document says of one run after its last epoch, in percent.
        said: The words of that number.
        leads: Whether it stands out among others in one plot.
    """

    title: str
    epochs: pd.DataFrame
    says: Mapping[int, str] = field(default_factory=dict)
    band: str = ""
    series: str = ""
    published: float | None = None
    said: str = ""
    leads: bool = False

    @cached_property
    def spread(self) -> pd.DataFrame:
        """`median`, `min` and `max` of the runs that came so far, by epoch."""
        return self.epochs.groupby("epoch")["value"].agg(["median", "min", "max"])


def accuracy_curves(
    panels: Sequence[Panel],
    target: float | None,
    *,
    limit: int | None = None,
    learning_rate: Panel | None = None,
    lowest: float | None = None,
) -> Figure:
    """Accuracy (%) by epoch, the distance to 100 % on a logarithmic axis.

    Args:
        panels: One a split, or one an arm.
        target: In percent; None draws no line.
        limit: The most epochs that a run may have; None draws no line.
        learning_rate: The band of a last panel with an axis of its own; None for none.
        lowest: Where the axis begins, in percent; what lies below is cut. None shows all.
    """
    with matplotlib.rc_context(STYLE):
        others = [] if learning_rate is None else [learning_rate]
        figure, all_axes = _grid([*panels, *others], "accuracy (%)", len(others))
        accuracy_axes = all_axes[: len(panels)]
        _curves(accuracy_axes, panels)
        for axes in accuracy_axes:
            _references(axes, target, limit)
        _accuracy_axis(accuracy_axes[0], lowest, target)
        for panel in others:
            _learning_rate(all_axes[-1], panel)
        return figure


def overview(
    panels: Sequence[Panel],
    target: float | None,
    *,
    limit: int | None = None,
    lowest: float | None = None,
) -> Figure:
    """The medians of many in one plot, grey but for those that lead; arguments as above."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _grid(
            [Panel("", panels[0].epochs)], "accuracy (%)", inches=OVERVIEW_INCHES
        )
        for panel in panels:
            (line,) = axes.plot(
                panel.spread["median"],
                color=STAND_INS["ink"] if panel.leads else GREY,
                lw=1.8 if panel.leads else 1.0,
                alpha=1.0 if panel.leads else 0.6,
                zorder=3 if panel.leads else 2,
            )
            _speaking(line, panel.band, panel.series)
        _references(axes, target, limit)
        _accuracy_axis(axes, lowest, target)
        return figure


def loss_curves(panels: Sequence[Panel]) -> Figure:
    """Mean cross-entropy by epoch on a logarithmic axis; arguments as `accuracy_curves`."""
    with matplotlib.rc_context(STYLE):
        figure, all_axes = _grid(panels, "loss (cross-entropy)")
        _curves(all_axes, panels)
        all_axes[0].set_yscale("log")
        all_axes[0].yaxis.set_major_locator(FixedLocator(LOSS_TICKS))
        all_axes[0].yaxis.set_minor_locator(NullLocator())
        all_axes[0].yaxis.set_major_formatter(FuncFormatter(lambda loss, _: written(loss, 6)))
        return figure


def _grid(
    panels: Sequence[Panel], label: str, n_apart: int = 0, inches: float = PANEL_INCHES
) -> tuple[Figure, list[Axes]]:
    """Titled axes in rows; all but the last `n_apart` have one upright axis, with the label."""
    n = len(panels)
    n_columns = min(n, 2)
    n_rows = -(-n // n_columns)
    titles = [wrapped(panel.title, LETTERS // n_columns) for panel in panels]
    more = TITLE_LINE_INCHES * max(title.count("\n") for title in titles)
    figure = Figure(figsize=(INCHES, (inches + more) * n_rows + 0.6))
    figure.patch.set_visible(False)
    wspace, hspace = 0.2 if n_apart else 0.08, 0.38 + 1.38 * more / inches
    margins(figure, left=0.13, bottom=0.45, top=0.3 + more, wspace=wspace, hspace=hspace)
    all_axes = [figure.add_subplot(n_rows, n_columns, place + 1) for place in range(n)]
    for place, axes in enumerate(all_axes):
        first, shared = place % n_columns == 0, place < n - n_apart
        axes.patch.set_visible(False)
        axes.set_title(titles[place], pad=6)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        # Words that are hidden, too, keep seaborn from laying out ticks to write its own.
        axes.set_xlabel("epoch", visible=place + n_columns >= n)
        axes.set_ylabel(label, visible=first and shared)
        if shared and place:
            axes.sharey(all_axes[0])
        if shared and not first:
            axes.tick_params(axis="y", length=0, labelleft=False)
    return figure, all_axes


def _curves(all_axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    for axes, panel in zip(all_axes, panels, strict=True):
        if panel.says:
            _runs(axes, panel)
        if panel.band:
            _band(axes, panel)
        if panel.published is not None:
            triangle(axes, panel.epochs["epoch"].max(), panel.published, panel.said, panel.series)


def _runs(axes: Axes, panel: Panel) -> None:
    """Thin lines; a single run stands alone."""
    import seaborn  # takes a second, which only those who draw need to spend

    few = len(panel.says) <= FEW_RUNS
    seaborn.lineplot(
        panel.epochs[panel.epochs["seed"].isin(panel.says)],
        x="epoch",
        y="value",
        units="seed",
        estimator=None,
        color=ACCENT,
        linewidth=(0.9 if few else 0.7) if panel.band else 1.8,
        alpha=(0.6 if few else 0.35) if panel.band else 1.0,
        solid_capstyle="butt",  # fewer bytes for every line
        ax=axes,
    )
    for line, seed in zip(axes.lines, sorted(panel.says), strict=True):
        _speaking(line, panel.says[seed], panel.series)


def _band(axes: Axes, panel: Panel) -> None:
    """From the lowest to the highest run, and the median."""
    low, high = panel.spread["min"], panel.spread["max"]
    epochs = list(low.index)
    (area,) = axes.fill([*epochs, *epochs[::-1]], [*low, *high[::-1]], color=ACCENT, lw=0)
    area.set_alpha(0.2)
    mark(area, panel.band, panel.series)
    (line,) = axes.plot(
        panel.spread["median"],
        color=STAND_INS["ink"],
        lw=1.3 if panel.says else 1.8,
        zorder=3,  # on the runs
    )
    _speaking(line, panel.band, panel.series)


def _speaking(line: Line2D, words: str, owner: str) -> None:
    """A line of a single epoch is a dot."""
    is_dot = np.size(line.get_xdata()) == 1
    if is_dot:
        line.set(marker="o", markersize=3, markeredgecolor=line.get_color())
    mark(line, [words] if is_dot else words, owner)


def _log_distance(percents: ArrayLike) -> NDArray[np.float64]:
    """99 % -> 0, 99.9 % -> 1: minus the decimal logarithm of the error in percent."""
    errors = 100.0 - np.asarray(percents, dtype=np.float64)
    return np.asarray(-np.log10(np.maximum(errors, 0.005)), dtype=np.float64)


def _percents(distances: ArrayLike) -> NDArray[np.float64]:
    """The other way."""
    return np.asarray(100.0 - 10.0 ** -np.asarray(distances, dtype=np.float64))


def _learning_rate(axes: Axes, panel: Panel) -> None:
    """One line, in thousandths: their ticks need few digits."""
    (line,) = axes.plot(panel.spread["median"], color=ACCENT, lw=1.8, clip_on=False)
    _speaking(line, panel.band, panel.series)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(1000 * value, 6)))


def _references(axes: Axes, target: float | None, limit: int | None) -> None:
    if target is not None:
        line = axes.axhline(target, color=STAND_INS["target"], lw=1, linestyle=DASHED)
        mark(line, f"target: {fixed(target, 2)} %")
    if limit is not None:
        line = axes.axvline(limit, color=STAND_INS["target"], lw=1, linestyle=DOTTED)
        mark(line, f"limit: {limit} epochs")


def _accuracy_axis(axes: Axes, lowest: float | None, target: float | None) -> None:
    """Ticks as far apart as their labels need: the target's, then those nearest to it."""
    axes.set_yscale("function", functions=(_log_distance, _percents))
    axes.autoscale_view(scalex=False)
    axes.set_ylim(bottom=max(axes.get_ylim()[0], 0.0) if lowest is None else lowest)
    bottom, top = _log_distance(axes.get_ylim())
    if bottom >= top:  # every run is at 100 %, where the axis ends
        axes.set_ylim(float(_percents(top - 1)), 100)
    middle = _percents(np.mean(_log_distance(axes.get_ylim())))
    first = float(middle) if target is None else target
    low = LOW_TICKS if first < ACCURACY_TICKS[2] else ()
    ticks = {*low, *ACCURACY_TICKS, *(() if target is None else (target,))}
    axes.yaxis.set_major_locator(FixedLocator(_apart(axes, sorted(ticks), first)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, 4)))


def _apart(axes: Axes, ticks: Sequence[float], first: float) -> list[float]:
    """Those that leave room for each other's labels; the one nearest to `first` has its place."""
    bottom, top = _log_distance(axes.get_ylim())
    inches = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    least = LABEL_POINTS * (top - bottom) / (72 * inches)
    heights = dict(zip(ticks, _log_distance(ticks), strict=True))
    middle = _log_distance([first])[0]
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (abs(heights[tick] - middle), heights[tick])):
        if all(abs(heights[tick] - heights[other]) >= least for other in kept):
            kept.append(tick)
    return sorted(kept)
