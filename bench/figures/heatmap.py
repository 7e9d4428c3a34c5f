"""The figure of an effective receptive field, in the roles and style of `bench.figures`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from bench.figures._canvas import NARROW_INCHES, STAND_INS, STYLE, WIDE_INCHES, series

N_SHADES = 10
DASHED = (0, (4, 3))


@dataclass(frozen=True)
class Focus:
    """How strongly a unit reacts to each pixel.

    Attributes:
        mass: (n_rows, n_columns), adds up to 1.
        centre: Row and column of the middle of what the unit sees.
        box: Analytic: top, left, bottom, right pixel, inclusive; None where none is known.
    """

    mass: tuple[tuple[float, ...], ...]
    centre: tuple[float, float]
    box: tuple[int, int, int, int] | None


def focus(shown: Focus, colour: int, narrow: bool) -> Figure:
    """The mass as shaded pixels, and how much of it lies within squares around the centre.

    Args:
        shown: One network's.
        colour: The architecture's place in the palette.
        narrow: Panels below each other instead of side by side.
    """
    with matplotlib.rc_context(STYLE):
        figure, pixels, squares = _canvas(narrow)
        _shades(pixels, np.asarray(shown.mass), colour)
        if shown.box is not None:
            pixels.add_patch(_frame(shown.box, "target", DASHED))
        _limit(pixels, shown)
        sides = _sides(shown)
        shares = [100 * _within(shown, side) for side in sides]
        squares.plot(sides, shares, color=series(colour), lw=1.8)
        if shown.box is not None:
            side = shown.box[2] - shown.box[0] + 1
            squares.axvline(side, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
        _label_focus(pixels, squares)
        return figure


def _canvas(narrow: bool) -> tuple[Figure, Axes, Axes]:
    width, height = (NARROW_INCHES, 6.6) if narrow else (WIDE_INCHES, 3.4)
    figure = Figure(figsize=(width, height))
    figure.patch.set_visible(False)
    pixels, squares = figure.subplots(*((2, 1) if narrow else (1, 2)))
    for axes in (pixels, squares):
        axes.patch.set_visible(False)
    figure.subplots_adjust(
        left=0.15 if narrow else 0.06,
        right=0.97,
        bottom=0.5 / height,
        top=1 - 0.3 / height,
        wspace=0.18,
        hspace=0.3,
    )
    return figure, pixels, squares


def _label_focus(pixels: Axes, squares: Axes) -> None:
    pixels.set_title("share of the gradient by pixel", pad=6)
    pixels.set_aspect("equal")
    pixels.set_xlabel("column")
    pixels.set_ylabel("row")
    squares.set_title("within a square around the centre (%)", pad=6)
    squares.set_xlabel("side of the square (pixels)")
    squares.set_ylim(0, 103)
    squares.set_xlim(left=0)
    squares.grid()
    squares.set_axisbelow(True)


def _shades(axes: Axes, mass: NDArray[np.float64], colour: int) -> None:
    """A path a shade, so that the file stays small; runs of equal shade are one rectangle."""
    n_rows, n_columns = mass.shape
    shades = np.ceil(N_SHADES * mass / mass.max()).astype(int)  # 0: no mass at all
    boxes: dict[int, list[Path]] = {}
    for row, values in enumerate(shades):
        column = 0
        for shade, same in groupby(values):
            width = len(list(same))
            corners = (column - 0.5, row - 0.5), (column + width - 0.5, row + 0.5)
            boxes.setdefault(int(shade), []).append(_rectangle(*corners))
            column += width
    for shade in sorted(set(boxes) - {0}):
        path = Path.make_compound_path(*boxes[shade])
        style: dict[str, Any] = {"facecolor": series(colour), "edgecolor": "none", "linewidth": 0}
        axes.add_patch(PathPatch(path, alpha=shade / N_SHADES, **style))
    axes.add_patch(_frame((0, 0, n_rows - 1, n_columns - 1), "muted", "solid"))


def _rectangle(low: tuple[float, float], high: tuple[float, float]) -> Path:
    (left, top), (right, bottom) = low, high
    return Path([(left, top), (right, top), (right, bottom), (left, bottom)], closed=False)


def _frame(box: tuple[int, int, int, int], role: str, line: Any) -> Rectangle:
    top, left, bottom, right = box
    size = right - left + 1, bottom - top + 1
    style: dict[str, Any] = {"fill": False, "edgecolor": STAND_INS[role], "linewidth": 1.2}
    return Rectangle((left - 0.5, top - 0.5), *size, linestyle=line, **style)


def _limit(axes: Axes, shown: Focus) -> None:
    """The whole image and the whole box, rows downwards."""
    n_rows, n_columns = len(shown.mass), len(shown.mass[0])
    top, left, bottom, right = shown.box or (0, 0, n_rows - 1, n_columns - 1)
    axes.set_xlim(min(left, 0) - 1.5, max(right, n_columns - 1) + 1.5)
    axes.set_ylim(max(bottom, n_rows - 1) + 1.5, min(top, 0) - 1.5)


def _sides(shown: Focus) -> list[int]:
    """Sides of squares that take in whole pixels: even where the centre lies between two."""
    between = shown.centre[0] % 1 != 0
    far = max(max(c, len(shown.mass) - 1 - c) for c in shown.centre)
    box = shown.box[2] - shown.box[0] + 1 if shown.box else 0
    return list(range(2 if between else 1, max(int(2 * far) + 1, box) + 3, 2))


def _within(shown: Focus, side: int) -> float:
    """The mass of the pixels whose centres lie within the square of that side."""
    mass = np.asarray(shown.mass)
    rows, columns = (
        np.abs(np.arange(n) - c) for n, c in zip(mass.shape, shown.centre, strict=True)
    )
    return float(mass[np.ix_(rows < side / 2 + 1e-9, columns < side / 2 + 1e-9)].sum())
