"""Differences between two arms with their intervals, a row a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import STAND_INS, STYLE
from bench.report.figures.rows import row_canvas
from bench.report.figures.svg import mark
from bench.stats.format import written


@dataclass(frozen=True)
class Difference:
    """First arm less second, in points; the interval is None where nothing varies."""

    label: str
    value: float
    interval: tuple[float, float] | None
    says: str = ""


def differences(rows: Sequence[Difference], margin: float, narrow: bool) -> Figure:
    """Each difference with its interval, zero, and the margin within which none would matter.

    Args:
        rows: From top to bottom.
        margin: In points, to both sides of zero.
        narrow: For a phone: labels stand above their row.
    """
    labels = [row.label for row in rows]
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas(labels, narrow)
        band = axes.axvspan(-margin, margin, color=STAND_INS["muted"], alpha=0.12, lw=0)
        mark(band, f"less than {written(margin)} points: a difference that would not matter")
        for place, row in enumerate(rows):
            half = 0.36 if narrow else 0.5  # narrow: it spares the label above
            style: dict[str, Any] = {"color": STAND_INS["muted"], "solid_capstyle": "butt"}
            axes.plot((0, 0), (half - place, -half - place), lw=1, **style)
            if row.interval is not None:
                (bar,) = axes.plot(row.interval, (-place,) * 2, color=STAND_INS["ink"], lw=2)
                mark(bar, row.says)
            (point,) = axes.plot([row.value], [-place], "o", color=STAND_INS["ink"], ms=7)
            mark(point, [row.says])
        axes.margins(x=0.05)
        axes.set_xlabel("difference of mean test accuracy (percentage points)")
        axes.xaxis.set_major_locator(MaxNLocator(5 if narrow else 8, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(_signed))
        return figure


def _signed(value: float, _: int | None) -> str:
    rounded = round(value, 9)  # a tick beside 0 is 0
    return f"{'+' if rounded > 0 else ''}{written(rounded, 10)}"
