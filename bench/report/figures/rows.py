"""Figures of one row an arm: labels, heights and margins."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.figures.canvas import (
    NARROW_INCHES,
    STAND_INS,
    WIDE_INCHES,
    canvas,
    margins,
    wrapped,
)

POINTS_A_LETTER = 4.9  # of the figures' 9 point type, on average
WIDE_LETTERS, NARROW_LETTERS = 28, 48
NARROW_LEFT = 0.03
BELOW_INCHES, ABOVE_INCHES = 0.5, 0.1


def row_canvas(labels: Sequence[str], narrow: bool) -> tuple[Figure, Axes]:
    """A figure with a row for each label, from the top at heights 0, -1, -2 ...

    Args:
        labels: Long ones are wrapped.
        narrow: For a phone: labels stand above their row.
    """
    wrapped = [_wrapped(label, narrow) for label in labels]
    figure, (axes,) = canvas(narrow, row_inches(labels, narrow) * len(labels) + 0.75, 1)
    axes.set_ylim(-len(labels) + 0.4, 0.85 if narrow else 0.6)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    _label(axes, wrapped, narrow)
    margins(figure, left=left_margin(labels, narrow), bottom=BELOW_INCHES, top=ABOVE_INCHES)
    return figure, axes


def row_inches(labels: Sequence[str], narrow: bool) -> float:
    """The height of each row: higher where a label takes more than a line."""
    n_lines = max((_wrapped(label, narrow).count("\n") + 1 for label in labels), default=1)
    return 0.86 + 0.18 * (n_lines - 1) if narrow else max(0.58, 0.2 * n_lines)


def left_margin(labels: Sequence[str], narrow: bool) -> float:
    """As a fraction of the width: room for the longest line of a label."""
    if narrow:
        return NARROW_LEFT
    lines = [line for label in labels for line in _wrapped(label, narrow).split("\n")]
    points = POINTS_A_LETTER * max((len(line) for line in lines), default=0) + 10
    return max(0.12, points / (72 * WIDE_INCHES))


def axes_points(labels: Sequence[str], narrow: bool) -> float:
    """The axes' width in points."""
    width = NARROW_INCHES if narrow else WIDE_INCHES
    return 72 * width * (0.97 - left_margin(labels, narrow))


def _wrapped(label: str, narrow: bool) -> str:
    return wrapped(label, NARROW_LETTERS if narrow else WIDE_LETTERS)


def _label(axes: Axes, labels: Sequence[str], narrow: bool) -> None:
    axes.set_yticks([-place for place in range(len(labels))] if not narrow else [])
    if not narrow:
        axes.set_yticklabels(labels, color=STAND_INS["ink"])
        axes.tick_params(axis="y", length=0)
        return
    for place, label in enumerate(labels):
        axes.annotate(label, (0.0, 0.42 - place), xycoords=("axes fraction", "data"), va="bottom")
