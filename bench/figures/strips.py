"""Every run's accuracy as a dot, a row an arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.figures._canvas import STAND_INS, STYLE, canvas, margins, series
from bench.figures._svg import mark


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


def strips(rows: Sequence[Strip], target: float, narrow: bool) -> Figure:
    """Every run as a dot, with the mean's interval, the published number and the target.

    Args:
        rows: From top to bottom.
        target: In percent.
        narrow: For a phone: labels stand above their row.
    """
    with matplotlib.rc_context(STYLE):
        row_inches = 0.86 if narrow else 0.58
        figure, (axes,) = canvas(narrow, row_inches * len(rows) + 0.75, 1)
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
        margins(figure, left=left, bottom=0.5, top=0.1)
        return figure


def _strip(axes: Axes, height: float, row: Strip) -> None:
    if row.mean_interval is not None:
        low, high = row.mean_interval
        (band,) = axes.plot((low, high), (height,) * 2, color=series(row.colour), lw=9, alpha=0.22)
        mark(band, f"{row.label}: 95% t interval of the mean, {low:.3f} to {high:.3f}", row.series)
    _dots(axes, height, row)
    if row.percents:
        mean = float(np.mean(row.percents))
        (line,) = axes.plot(
            [mean] * 2, [height - 0.2, height + 0.2], color=STAND_INS["ink"], lw=1.6
        )
        mark(line, f"{row.label}: mean {mean:.3f}", row.series)
    if row.published is not None:
        (readme,) = axes.plot(
            row.published,
            height + 0.3,  # above the dots, so that it hides none
            marker="v",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=STAND_INS["published"],
            markeredgewidth=1.3,
        )
        mark(readme, [f"{row.label}: the README says {row.published:.2f}"], row.series)


def _dots(axes: Axes, height: float, row: Strip) -> None:
    xs, ys = _stacked(row.percents)
    style: dict[str, Any] = {"linestyle": "none", "color": series(row.colour), "alpha": 0.9}
    (dots,) = axes.plot(
        xs, [height + y for y in ys], marker="o", markersize=5.5, markeredgewidth=0, **style
    )
    order = sorted(range(len(row.percents)), key=lambda i: row.percents[i])
    if row.says:
        mark(dots, [row.says[i] for i in order], row.series)


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
