"""Figures of one row an arm: its label above what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.figures.canvas import INCHES, canvas, margins, wrapped

LETTERS, LINE_INCHES = 58, 0.155  # of a label
LEFT, RIGHT = 0.03, 0.95  # fractions of the width: half a tick's number may stand out
AXES_POINTS = 72 * INCHES * (RIGHT - LEFT)  # the width in which is drawn
BELOW_INCHES, ABOVE_INCHES = 0.5, 0.06
LONG = 12  # with more rows the axis stands on top, too
AXIS_INCHES = 0.2


def row_canvas(labels: Sequence[str], inches: float) -> tuple[Figure, Axes]:
    """A figure with a row for each label, whose middles are at heights 0, -1, -2 ...

    Args:
        labels: Long ones are wrapped.
        inches: What is drawn below each label is as high.
    """
    lines = [wrapped(label, LETTERS) for label in labels]
    row = row_inches(labels, inches)
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
        at = (0.0, half - place)
        axes.annotate(label, at, xycoords=("axes fraction", "data"), va="bottom")
    margins(figure, left=LEFT, right=RIGHT, bottom=BELOW_INCHES, top=top)
    return figure, axes


def row_inches(labels: Sequence[str], inches: float) -> float:
    """The height of each row with its label, which may take more than a line."""
    n_lines = max((wrapped(label, LETTERS).count("\n") + 1 for label in labels), default=1)
    return inches + n_lines * LINE_INCHES
