"""A square of numbers, shaded by their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.figures._canvas import STAND_INS, STYLE, canvas, series
from bench.figures._svg import mark

DARKEST = 0.45  # opacity at which ink on it is still easily read, light and dark
GAP = 0.25  # of a cell, before the sums
SMALL, NORMAL = 8.0, 9.0  # points; 10.7 and 12 CSS pixels


@dataclass(frozen=True)
class Entry:
    """One number: `shade` from 0 (none) to 1 (the largest)."""

    text: str
    shade: float = 0.0
    says: str = ""


@dataclass(frozen=True)
class Matrix:
    """Entries by row and column; the last row and the last column may be sums, set apart."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    entries: tuple[tuple[Entry, ...], ...]
    row_title: str
    column_title: str
    sums: bool = False


def matrix(shown: Matrix, colour: int | None, narrow: bool, owner: str = "") -> Figure:
    """The entries as shaded cells with their numbers.

    Args:
        shown: What to draw.
        colour: An architecture's place in the palette, None for all of them: then a grey.
        narrow: For a phone: the cells are squares.
        owner: The architecture whose numbers these are.
    """
    with matplotlib.rc_context(STYLE):
        cell_inches = 0.3 if narrow else 0.34
        figure, (axes,) = canvas(narrow, cell_inches * (len(shown.rows) + GAP) + 0.68, 1)
        paint = STAND_INS["muted"] if colour is None else series(colour)
        for y, row in enumerate(shown.entries):
            for x, entry in enumerate(row):
                place = _place(x, len(row), shown), _place(y, len(shown.rows), shown)
                _cell(axes, entry, place, paint, owner)
        for text in axes.texts:
            text.set_fontsize(SMALL if narrow else NORMAL)
        _label(axes, shown)
        width, height = figure.get_size_inches()
        axes.set_position((0.45 / width, 0.05 / height, 1 - 0.5 / width, 1 - 0.66 / height))
        return figure


def _place(number: int, n: int, shown: Matrix) -> float:
    return number + GAP if shown.sums and number == n - 1 else float(number)


def _cell(axes: Axes, entry: Entry, place: tuple[float, float], paint: str, owner: str) -> None:
    x, y = place
    if entry.says:
        alpha = max(0.03, DARKEST * entry.shade)  # a surface to point at
        style: dict[str, Any] = {"facecolor": paint, "edgecolor": "none", "alpha": alpha}
        mark(
            axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, **style)), entry.says, owner
        )
    if entry.text:
        axes.text(x, y, entry.text, ha="center", va="center_baseline")


def _label(axes: Axes, shown: Matrix) -> None:
    last = GAP if shown.sums else 0.0
    axes.set_xlim(-0.5, len(shown.columns) - 0.5 + last)
    axes.set_ylim(len(shown.rows) - 0.5 + last, -0.5)
    for axis, names, title in (
        (axes.xaxis, shown.columns, shown.column_title),
        (axes.yaxis, shown.rows, shown.row_title),
    ):
        axis.set_ticks([_place(i, len(names), shown) for i in range(len(names))], names)
        axis.set_label_text(title)
        axis.labelpad = 7
    axes.xaxis.set_label_position("top")
    axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def shades(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """Each value's part of the largest, 0 where all are 0."""
    top = max((value for row in values for value in row), default=0.0)
    return [[value / top if top else 0.0 for value in row] for row in values]
