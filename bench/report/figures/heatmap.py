"""The figure of an effective receptive field, in the roles and style of `bench.report.figures`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from bench.report.figures.canvas import ACCENT, DASHED, STAND_INS, STYLE, canvas, margins, wrapped
from bench.report.figures.tiles import frame, grey_levels, shade_paths
from bench.spec import Shape

N_SHADES = 10
HALF_GREY = 127.5
LETTERS = 24  # of a title, in a line


@dataclass(frozen=True)
class Focus:
    """How strongly a unit reacts to each pixel.

    Attributes:
        mass: (n_rows, n_columns), adds up to 1.
        centre: Row and column of the middle of what the unit sees.
        box: Analytic: top, left, bottom, right pixel, inclusive; None where none is known.
        digit: An image as a data set holds it, whose edge is drawn over it.
        shape: Of that image: channels, height, width.
    """

    mass: tuple[tuple[float, ...], ...]
    centre: tuple[float, float]
    box: tuple[int, int, int, int] | None
    digit: bytes | None = None
    shape: Shape = (1, 28, 28)


def focus(shown: Focus) -> Figure:
    """The mass as shaded pixels, and how much of it lies within squares around the centre.

    Args:
        shown: One network's.
    """
    with matplotlib.rc_context(STYLE):
        figure, (pixels, squares) = canvas(2.75, n_columns=2)
        margins(figure, left=0.11, bottom=0.5, top=0.45, wspace=0.25)
        _shades(pixels, np.asarray(shown.mass))
        if shown.digit is not None:
            _outline(pixels, shown.digit, shown.shape)
        if shown.box is not None:
            pixels.add_patch(frame(shown.box, "target", linestyle=DASHED))
        _limit(pixels, shown)
        sides = _sides(shown)
        shares = [100 * _within(shown, side) for side in sides]
        squares.plot(sides, shares, color=ACCENT, lw=1.8, clip_on=False)
        if shown.box is not None:
            side = shown.box[2] - shown.box[0] + 1
            squares.axvline(side, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
        _label_focus(pixels, squares)
        return figure


def _label_focus(pixels: Axes, squares: Axes) -> None:
    pixels.set_title(wrapped("share of the gradient by pixel", LETTERS), pad=6)
    pixels.set_aspect("equal")
    pixels.set_xlabel("column")
    pixels.set_ylabel("row")
    squares.set_title(wrapped("within a square around the centre (%)", LETTERS), pad=6)
    squares.set_xlabel("side of the square (pixels)")
    squares.set_ylim(0, 100)
    squares.set_xlim(left=0)
    squares.grid()
    squares.set_axisbelow(True)


def _shades(axes: Axes, mass: NDArray[np.float64]) -> None:
    n_rows, n_columns = mass.shape
    shades = np.ceil(N_SHADES * (mass / mass.max())).astype(int)  # 0: no mass at all
    for shade, path in shade_paths(shades):
        style: dict[str, Any] = {"facecolor": ACCENT, "edgecolor": "none", "linewidth": 0}
        axes.add_patch(PathPatch(path, alpha=shade / N_SHADES, **style))
    axes.add_patch(frame((0, 0, n_rows - 1, n_columns - 1), "muted"))


def _outline(axes: Axes, digit: bytes, shape: Shape) -> None:
    """The image's edge at half its full grey level; a rim of paper keeps it off every shade."""
    levels = grey_levels(digit, shape)
    edges = contour_generator(z=np.pad(levels.astype(float), 1)).lines(HALF_GREY)
    if not edges:
        return
    path = Path.make_compound_path(*(Path(np.asarray(edge) - 1) for edge in edges))
    for role, width in (("paper", 3.2), ("ink", 1.4)):
        style: dict[str, Any] = {"facecolor": "none", "edgecolor": STAND_INS[role]}
        axes.add_patch(PathPatch(path, linewidth=width, joinstyle="round", **style))


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
