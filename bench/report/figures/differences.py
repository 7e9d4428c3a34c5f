"""Differences between two arms with their intervals, a row a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.report.figures.canvas import GREY, STAND_INS, STYLE
from bench.report.figures.rows import BESIDE_INCHES, room_beside, row_canvas, row_inches
from bench.report.figures.svg import mark
from bench.stats.format import written

ROW_INCHES = 0.22  # without its label


@dataclass(frozen=True)
class Difference:
    """First arm less second, in points; the interval is None where nothing varies."""

    label: str
    value: float
    interval: tuple[float, float] | None
    says: str = ""


def differences(rows: Sequence[Difference], margin: float) -> Figure:
    """Each difference with its interval, zero, and the margin within which none would matter.

    Args:
        rows: From top to bottom.
        margin: In points, to both sides of zero.
    """
    labels = [row.label for row in rows]
    with matplotlib.rc_context(STYLE):
        beside = room_beside(labels)
        inches = BESIDE_INCHES if beside else row_inches(labels, ROW_INCHES)
        figure, axes = row_canvas(labels, inches if beside else ROW_INCHES, beside=beside)
        band = axes.axvspan(-margin, margin, color=GREY, alpha=0.12, lw=0)
        mark(band, f"less than {written(margin)} points: a difference that would not matter")
        half = 0.5 if beside else ROW_INCHES / 2 / inches
        for place, row in enumerate(rows):
            style: dict[str, Any] = {"color": GREY, "solid_capstyle": "butt"}
            axes.plot((0, 0), (half - place, -half - place), lw=1, **style)  # spares the label
            if row.interval is not None:
                (bar,) = axes.plot(row.interval, (-place,) * 2, color=STAND_INS["ink"], lw=2)
                mark(bar, row.says)
            (point,) = axes.plot([row.value], [-place], "o", color=STAND_INS["ink"], ms=7)
            mark(point, [row.says])
        axes.margins(x=0.05)
        axes.set_xlabel("difference of mean test accuracy (percentage points)")
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(_signed))
        return figure


def _signed(value: float, _: int | None) -> str:
    rounded = round(value, 9)  # a tick beside 0 is 0
    return f"{'+' if rounded > 0 else ''}{written(rounded, 10)}"
