"""A sheet of images, each with what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from bench.report.figures.canvas import SMALL, STAND_INS, STYLE, canvas
from bench.report.figures.svg import mark
from bench.report.figures.tiles import colours
from bench.spec import Shape

COLUMNS = 5
IMAGE_INCHES, ROW_INCHES, TITLE_INCHES, LINE_INCHES = 0.64, 1.22, 0.2, 0.155
LINES = 2  # below an image, in a row of that height


@dataclass(frozen=True)
class Digit:
    """One tile: an image as a data set holds it, words above and below it, and what it says."""

    pixels: bytes
    title: str
    aside: str
    lines: tuple[str, ...]
    says: str
    shape: Shape = (1, 28, 28)


def digits(tiles: Sequence[Digit]) -> Figure:
    """The images in rows, in the data set's own shades: so on any page.

    Args:
        tiles: From left to right, then down.
    """
    with matplotlib.rc_context(STYLE):
        n_rows = -(-len(tiles) // COLUMNS)
        n_lines = max((len(tile.lines) for tile in tiles), default=LINES)
        row_inches = ROW_INCHES + (n_lines - LINES) * LINE_INCHES
        figure, (axes,) = canvas(row_inches * n_rows)
        width, height = figure.get_size_inches()
        axes.set_position((0, 0, 1, 1))
        axes.set_xlim(0, width)  # data are inches from the upper left corner
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        for place, tile in enumerate(tiles):
            row, column = divmod(place, COLUMNS)
            _tile(axes, tile, width / COLUMNS * column + 0.04, row_inches * row)
        return figure


def _tile(axes: Axes, tile: Digit, left: float, top: float) -> None:
    upper = top + TITLE_INCHES
    _, height, width = tile.shape
    across, down = (IMAGE_INCHES * side / max(height, width) for side in (width, height))
    image = AxesImage(
        axes,
        interpolation="none",  # the pixels themselves lie in the SVG
        extent=(left, left + across, upper + down, upper),
        clip_on=False,
    )
    image.set_data(colours(tile.pixels, tile.shape))
    axes.add_image(image)
    frame = Rectangle(
        (left, upper),
        IMAGE_INCHES,
        IMAGE_INCHES,
        facecolor=(*matplotlib.colors.to_rgb(STAND_INS["ink"]), 0.02),  # a surface to point at
        edgecolor=STAND_INS["grid"],
        linewidth=0.8,
        clip_on=False,
    )
    axes.add_artist(frame)  # limits stand already: `add_patch` would reckon them anew each time
    mark(frame, tile.says)
    muted: dict[str, Any] = {"color": STAND_INS["muted"], "fontsize": SMALL}
    axes.text(left, upper - 0.05, tile.title)
    axes.text(left + IMAGE_INCHES, upper - 0.05, tile.aside, ha="right", **muted)
    for number, line in enumerate(tile.lines, start=1):
        below = upper + IMAGE_INCHES + number * LINE_INCHES - 0.015
        axes.text(left, below, line, **({"fontsize": SMALL} if number == 1 else muted))
