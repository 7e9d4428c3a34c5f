"""Figures of one row an arm: its label above what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from bench.report.figures.canvas import INCHES, STYLE, canvas, margins, wrapped

LETTERS, LINE_INCHES = 58, 0.155  # of a label
LEFT, RIGHT = 0.03, 0.95  # fractions of the width: half a tick's number may stand out
BELOW_INCHES, ABOVE_INCHES = 0.5, 0.06
LONG = 12  # with more rows the axis stands on top, too, and short labels beside their rows
BESIDE = 0.42  # of the width, that such labels take at most
GAP_POINTS = 4  # between such a label and the axis, at whose edge half a mark may stand
BESIDE_INCHES = 0.185  # of such a row
AXIS_INCHES = 0.2


def row_canvas(labels: Sequence[str], inches: float, *, beside: float = 0.0) -> tuple[Figure, Axes]:
    """A figure with a row for each label, whose middles are at heights 0, -1, -2 ...

    Args:
        labels: Long ones are wrapped.
        inches: What is drawn below, or beside, each label is as high.
        beside: As `room_beside` says.
    """
    lines = [wrapped(label, LETTERS) for label in labels]
    row = inches if beside else row_inches(labels, inches)
    top = ABOVE_INCHES + (AXIS_INCHES if len(labels) > LONG else 0)
    figure, (axes,) = canvas(row * len(labels) + BELOW_INCHES + top)
    half = inches / 2 / row
    axes.set_ylim(1 - len(labels) - half, 1 - half)
    axes.set_yticks([1 - half - place for place in range(1, len(labels))])  # between the rows
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labeltop=len(labels) > LONG)
    axes.grid()
    axes.set_axisbelow(True)
    for place, label in enumerate(lines):
        at, coords = (0.0, half - place), ("axes fraction", "data")
        if beside:
            at, coords = (0.0, -place), ("figure fraction", "data")
        axes.annotate(label, at, xycoords=coords, va="center" if beside else "bottom")
    margins(figure, left=beside or LEFT, right=RIGHT, bottom=BELOW_INCHES, top=top)
    return figure, axes


def axes_points(beside: float = 0.0) -> float:
    """The width in which is drawn."""
    return 72 * INCHES * (RIGHT - (beside or LEFT))


def room_beside(labels: Sequence[str]) -> float:
    """The part of the width that a long figure has for labels at the left of their rows.

    It is 0 where the labels stand above their rows: in a short figure, and where one is too wide.
    """
    if len(labels) <= LONG:
        return 0.0
    room = (max(map(_points, labels)) + GAP_POINTS) / (72 * INCHES)
    return room if room <= BESIDE else 0.0


def _points(label: str) -> float:
    """The width of a label in matplotlib's own letters, which are wider than most."""
    letters = FontProperties(size=STYLE["font.size"])
    return float(text_to_path.get_text_width_height_descent(label, letters, ismath=False)[0])


def row_inches(labels: Sequence[str], inches: float) -> float:
    """The height of each row with its label, which may take more than a line."""
    n_lines = max((wrapped(label, LETTERS).count("\n") + 1 for label in labels), default=1)
    return inches + n_lines * LINE_INCHES
