"""Numbers -> matplotlib figures -> SVG text; no files, no global state of pyplot.

Colours are roles, not values: a figure is drawn in stand-in colours that become CSS variables in
the SVG (`templates/palette.css` gives them for light and dark). An architecture's colour is its
place among the sorted names, so it is the same in every figure.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

WIDE_INCHES, NARROW_INCHES = 7.5, 3.6  # 720 and 346 CSS pixels: text keeps its size
N_SERIES = 8  # colours in the palette; from the ninth architecture on they come again
STAND_INS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "paper": "#040404",
    "target": "#050505",
    "published": "#060606",
    **{f"series-{i}": f"#0000{16 + i:02x}" for i in range(N_SERIES)},
}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's own face
    "font.size": 9.0,
    "axes.edgecolor": STAND_INS["grid"],
    "axes.labelcolor": STAND_INS["ink"],
    "axes.titlesize": 9.0,
    "axes.titlecolor": STAND_INS["ink"],
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": STAND_INS["ink"],
    "xtick.color": STAND_INS["grid"],
    "ytick.color": STAND_INS["grid"],
    "xtick.labelcolor": STAND_INS["muted"],
    "ytick.labelcolor": STAND_INS["muted"],
    "grid.color": STAND_INS["grid"],
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
}
ACCURACY_TICKS = (50, 80, 90, 95, 98, 99, 99.4, 99.7, 99.9)  # percent


@dataclass(frozen=True)
class Strip:
    """One row of dots: every run's accuracy in percent, shape (n_runs,)."""

    label: str
    colour: int
    percents: tuple[float, ...]
    mean_interval: tuple[float, float] | None  # 95 %, None for one run
    published: float | None


@dataclass(frozen=True)
class Panel:
    """One small plot of curves: a run each, shape (n_epochs,), ragged where a run broke off."""

    title: str
    runs: tuple[tuple[float, ...], ...]


def series(colour: int) -> str:
    """The stand-in of an architecture's colour."""
    return STAND_INS[f"series-{colour % N_SERIES}"]


def strips(rows: Sequence[Strip], target: float, narrow: bool) -> Figure:
    """Every run as a dot, with the mean's interval, the published number and the target.

    Args:
        rows: From top to bottom.
        target: In percent.
        narrow: For a phone: labels stand above their row.
    """
    with matplotlib.rc_context(STYLE):
        row_inches = 0.86 if narrow else 0.58
        figure, (axes,) = _canvas(narrow, row_inches * len(rows) + 0.75, 1)
        axes.axvline(target, color=STAND_INS["target"], linewidth=1.2, linestyle=(0, (4, 3)))
        for place, row in enumerate(rows):
            _strip(axes, -place, row)
        _label_rows(axes, rows, narrow)
        axes.set_ylim(-len(rows) + 0.4, 0.85 if narrow else 0.6)
        axes.set_xlabel("test accuracy after the last epoch (%)")
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2f}"))
        axes.margins(x=0.06)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        left = 0.03 if narrow else 0.22
        _margins(figure, left=left, bottom=0.5, top=0.1)
        return figure


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


def svg(figure: Figure, name: str) -> str:
    """The figure as one `<svg>` element whose colours are CSS variables.

    Args:
        figure: One of this module's.
        name: Goes before every id, so that figures can share a page.
    """
    stream = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return _compact(text[text.index("<svg") :], name)


def _compact(text: str, name: str) -> str:
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(
        r' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|PathCollect'
        r'ion|LineCollection|FillBetweenPolyCollection)_\d+"',
        "",
        text,
    )
    text = re.sub(r' id="([^"]+)"', rf' id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", text)  # matplotlib before 3.11
    text = re.sub(r"font-family: [^;\"]+; ?", "", text)  # the page's own face
    text = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", text)
    text = re.sub(r"(-?\d+\.\d{2})\d+", r"\1", text)  # a hundredth of a point is plenty
    for role, stand_in in STAND_INS.items():
        text = text.replace(stand_in, f"var(--{role})")
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, count=1, flags=re.DOTALL)
    return re.sub(r">\s+<", "><", text).replace("<defs></defs>", "").strip()


def _canvas(narrow: bool, height: float, n_panels: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, height))
    figure.patch.set_visible(False)
    shape = (n_panels, 1) if narrow else (1, n_panels)
    all_axes = [axes for row in figure.subplots(*shape, squeeze=False) for axes in row]
    for axes in all_axes:
        axes.patch.set_visible(False)
    return figure, all_axes


def _margins(figure: Figure, *, left: float, bottom: float, top: float, **more: float) -> None:
    """`left` as a fraction of the width, the others in inches."""
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=left, right=0.97, bottom=bottom / height, top=1 - top / height, **more
    )


def _strip(axes: Axes, height: float, row: Strip) -> None:
    if row.mean_interval is not None:
        axes.plot(row.mean_interval, (height, height), color=series(row.colour), lw=9, alpha=0.22)
    dots: dict[str, Any] = {"linestyle": "none", "color": series(row.colour), "alpha": 0.9}
    xs, ys = _stacked(row.percents)
    axes.plot(xs, [height + y for y in ys], marker="o", markersize=5.5, markeredgewidth=0, **dots)
    if row.percents:
        mean = float(np.mean(row.percents))
        axes.plot([mean] * 2, [height - 0.2, height + 0.2], color=STAND_INS["ink"], lw=1.6)
    if row.published is not None:
        axes.plot(
            row.published,
            height + 0.3,  # above the dots, so that it hides none
            marker="v",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=STAND_INS["published"],
            markeredgewidth=1.3,
        )


def _stacked(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Equal values fan out around the row, so that each run is seen."""
    totals, seen = Counter(values), Counter[float]()
    xs, ys = [], []
    for value in sorted(values):
        step = min(0.11, 0.5 / totals[value])
        xs.append(value)
        ys.append((seen[value] - (totals[value] - 1) / 2) * step)
        seen[value] += 1
    return xs, ys


def _label_rows(axes: Axes, rows: Sequence[Strip], narrow: bool) -> None:
    labels = [f"{row.label}, n = {len(row.percents)}" for row in rows]
    axes.set_yticks([-place for place in range(len(rows))] if not narrow else [])
    if not narrow:
        axes.set_yticklabels(labels, color=STAND_INS["ink"])
        axes.tick_params(axis="y", length=0)
        return
    for place, label in enumerate(labels):
        axes.annotate(label, (0.0, 0.42 - place), xycoords=("axes fraction", "data"), va="bottom")


def _curve_canvas(n_panels: int, narrow: bool) -> tuple[Figure, list[Axes]]:
    return _canvas(narrow, 1.75 * n_panels + 0.4 if narrow else 2.7, n_panels)


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
    _margins(figure, left=left, bottom=0.45, top=0.3, wspace=0.08, hspace=0.38)
    return figure
