"""Accuracy and loss by epoch, a line a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bench.figures._canvas import STAND_INS, STYLE, canvas, margins, series

ACCURACY_TICKS = (50, 80, 90, 95, 98, 99, 99.4, 99.7, 99.9)  # percent


@dataclass(frozen=True)
class Panel:
    """One small plot of curves: a run each, shape (n_epochs,), ragged where a run broke off.

    `says` has one text a run, `series` is the architecture they belong to.
    """

    title: str
    runs: tuple[tuple[float, ...], ...]
    says: tuple[str, ...] = ()
    series: str = ""


def accuracy_curves(
    panels: Sequence[Panel], colour: int, target: float | None, narrow: bool
) -> Figure:
    """Accuracy (%) by epoch, the distance to 100 % on a logarithmic axis.

    Args:
        panels: One a split.
        colour: The architecture's place in the palette.
        target: In percent; None draws no line.
        narrow: Panels below each other instead of side by side.
    """
    with matplotlib.rc_context(STYLE):
        figure, all_axes = _curve_canvas(len(panels), narrow)
        low = min((v for p in panels for run in p.runs for v in run), default=90.0)
        for axes, panel in zip(all_axes, panels, strict=True):
            logged = [_log_distance(run) for run in panel.runs]
            _curves(axes, panel.title, logged, colour)
            if target is not None:
                height = _log_distance([target])[0]
                axes.axhline(height, color=STAND_INS["target"], lw=1, linestyle=(0, (4, 3)))
        _accuracy_axis(all_axes, low)
        return _finish_curves(figure, all_axes, narrow, "accuracy (%)")


def loss_curves(panels: Sequence[Panel], colour: int, narrow: bool) -> Figure:
    """Mean cross-entropy by epoch on a logarithmic axis; arguments as `accuracy_curves`."""
    with matplotlib.rc_context(STYLE):
        figure, all_axes = _curve_canvas(len(panels), narrow)
        for axes, panel in zip(all_axes, panels, strict=True):
            _curves(axes, panel.title, [np.asarray(run) for run in panel.runs], colour)
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _share_limits(all_axes)
        return _finish_curves(figure, all_axes, narrow, "loss (cross-entropy)")


def _curve_canvas(n_panels: int, narrow: bool) -> tuple[Figure, list[Axes]]:
    return canvas(narrow, 1.75 * n_panels + 0.4 if narrow else 2.7, n_panels)


def _curves(
    axes: Axes,
    title: str,
    runs: Sequence[np.ndarray[tuple[int], np.dtype[np.float64]]],
    colour: int,
) -> None:
    alone = len(runs) == 1
    for run in runs:
        weight, alpha = (1.8, 1.0) if alone else (0.9, 0.6)
        marker = "o" if len(run) == 1 else None
        style: dict[str, Any] = {"color": series(colour), "lw": weight, "alpha": alpha}
        axes.plot(range(1, len(run) + 1), run, marker=marker, markersize=3, **style)
    axes.set_title(title, pad=6)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _log_distance(percents: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """99 % -> 0, 99.9 % -> 1: minus the decimal logarithm of the error in percent."""
    errors = 100.0 - np.asarray(percents, dtype=np.float64)
    return np.asarray(-np.log10(np.maximum(errors, 0.005)), dtype=np.float64)


def _accuracy_axis(all_axes: Sequence[Axes], low: float) -> None:
    ticks = [tick for tick in ACCURACY_TICKS if tick >= low - 3 or tick >= 99]
    for axes in all_axes:
        axes.yaxis.set_major_locator(FixedLocator([float(v) for v in _log_distance(ticks)]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 - 10**-value:.4g}"))
    _share_limits(all_axes)


def _share_limits(all_axes: Sequence[Axes]) -> None:
    limits = [axes.get_ylim() for axes in all_axes]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    for axes in all_axes:
        axes.set_ylim(low, high)


def _finish_curves(figure: Figure, all_axes: list[Axes], narrow: bool, label: str) -> Figure:
    for place, axes in enumerate(all_axes):
        if narrow or place == 0:
            axes.set_ylabel(label)
        if not narrow:
            axes.tick_params(axis="y", length=0, labelleft=place == 0)
        if not narrow or place == len(all_axes) - 1:
            axes.set_xlabel("epoch")
    left = 0.15 if narrow else 0.075
    margins(figure, left=left, bottom=0.45, top=0.3, wspace=0.08, hspace=0.38)
    return figure
