"""How far the layers of a network see, a row a network: a dot for each width that they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.report.figures.canvas import ACCENT, DASHED, STAND_INS, STYLE
from bench.report.figures.dots import triangle
from bench.report.figures.rows import row_canvas
from bench.report.figures.svg import mark

ROW_INCHES = 0.42  # without its label


@dataclass(frozen=True)
class Depth:
    """A network's receptive fields in pixels, from the first layer on, with what each dot says.

    Attributes:
        label: Stands above the row.
        published: What a document gives, each with what its triangle says.
    """

    label: str
    fields: tuple[tuple[float, str], ...]
    published: tuple[tuple[float, str], ...] = ()
    series: str = ""


def depths(rows: Sequence[Depth], side: int) -> Figure:
    """Dots on a line of pixels, with the side of the image.

    Args:
        rows: From top to bottom.
        side: Of the image, in pixels.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas([row.label for row in rows], ROW_INCHES)
        furthest = max([side, *(pixels for row in rows for pixels, _ in row.fields)])
        said = [pixels for row in rows for pixels, _ in row.published]
        axes.set_xlim(0, 1.03 * max([furthest, *said]))
        line = axes.axvline(side, lw=1.2, color=STAND_INS["muted"], linestyle=DASHED)
        mark(line, f"the image: {side} pixels")
        for place, row in enumerate(rows):
            _row(axes, -place, row)
        axes.set_xlabel("receptive field, pixels")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        return figure


def _row(axes: Axes, height: float, row: Depth) -> None:
    style: dict[str, Any] = {"color": ACCENT, "clip_on": False}
    ends = [pixels for pixels, _ in row.fields]
    (line,) = axes.plot([min(ends), max(ends)], [height] * 2, lw=1, alpha=0.5, **style)
    mark(line, "", row.series)
    (drawn,) = axes.plot(ends, [height] * len(ends), "o", ms=5, **style)
    mark(drawn, [says for _, says in row.fields], row.series)
    for pixels, says in row.published:
        triangle(axes, pixels, height + 0.18, says, row.series)
