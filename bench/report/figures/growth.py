"""The figure of a receptive field that grows from layer to layer, over a digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from bench.report.figures.canvas import ACCENT, SMALL, STAND_INS, STYLE, canvas
from bench.report.figures.svg import mark
from bench.report.figures.tiles import frame, grey_levels, shade_paths
from bench.spec import Shape

IMAGE_INCHES = 2.5  # names take the rest of the width
LABEL_INCHES = 0.15
MOST_LETTERS = 28  # of a name
DIGIT_SHADES, DARKEST = 5, 0.5


@dataclass(frozen=True)
class Box:
    """What one unit sees: top, left, bottom, right pixel, inclusive, and how that is told.

    `detail` follows the label where there is room.
    """

    label: str
    detail: str
    pixels: tuple[int, int, int, int]
    says: str


def growth(
    boxes: Sequence[Box],
    digit: bytes | None,
    series_name: str,
    shape: Shape = (1, 28, 28),
) -> Figure:
    """Nested frames over the image, the last one strongest, named at the right.

    Args:
        boxes: From the first layer to the last.
        digit: An image as a data set holds it; None leaves the image empty.
        series_name: The architecture.
        shape: Of the network's images: channels, height, width.
    """
    with matplotlib.rc_context(STYLE):
        low, high = _extent(boxes, shape)
        inch = (high - low) / IMAGE_INCHES
        named = _apart(boxes, LABEL_INCHES * inch)
        top = low - LABEL_INCHES * inch / 2
        bottom = max([high, *(height + LABEL_INCHES * inch for height, _ in named)])
        figure, (axes,) = canvas((bottom - top) / inch)
        axes.set_position((0, 0, 1, 1))
        axes.set_axis_off()
        axes.add_patch(frame((0, 0, shape[1] - 1, shape[2] - 1), "muted", linewidth=1.0))
        if digit is not None:
            paint(axes, digit, shape)
        for number, box in enumerate(boxes, start=1):
            outline = _outline(box.pixels, 0.35 + 0.65 * number / len(boxes))
            mark(axes.add_patch(outline), box.says, series_name)
        _labels(axes, named, high)
        axes.set_xlim(low, low + figure.get_figwidth() * inch)
        axes.set_ylim(bottom, top)
        return figure


def paint(axes: Axes, digit: bytes, shape: Shape, darkest: float = DARKEST) -> None:
    """The image's grey levels as shades of muted ink, dark on light pages, light on dark ones."""
    levels = grey_levels(digit, shape) / 255
    for shade, path in shade_paths(np.round(DIGIT_SHADES * levels).astype(int)):
        style: dict[str, Any] = {"facecolor": STAND_INS["muted"], "edgecolor": "none"}
        alpha = darkest * shade / DIGIT_SHADES
        axes.add_patch(PathPatch(path, alpha=alpha, linewidth=0, **style))


def _extent(boxes: Sequence[Box], shape: Shape) -> tuple[float, float]:
    """Of a square that holds the image and every box."""
    edges = [edge for box in boxes for edge in box.pixels]
    return min([0, *edges]) - 1.0, max([*(side - 1 for side in shape[1:]), *edges]) + 1.0


def _outline(box: tuple[int, int, int, int], alpha: float) -> PathPatch:
    """A frame without an inside: what lies within a larger one can still be pointed at."""
    top, left, bottom, right = box
    low, high = (left - 0.5, top - 0.5), (right + 0.5, bottom + 0.5)
    closed = Path([low, (high[0], low[1]), high, (low[0], high[1]), low])
    style: dict[str, Any] = {"facecolor": "none", "edgecolor": ACCENT, "linewidth": 1.5}
    return PathPatch(closed, alpha=alpha, **style)


def _apart(boxes: Sequence[Box], spacing: float) -> list[tuple[float, Box]]:
    """Each box with the height of its name, from the top: at its upper edge, or as near as fits."""
    found, lowest = [], -np.inf
    for box in sorted(boxes, key=lambda box: (box.pixels[0], -box.pixels[2])):
        lowest = max(box.pixels[0] - 0.5, lowest + spacing)
        found.append((lowest, box))
    return found


def _labels(axes: Axes, named: Sequence[tuple[float, Box]], right: float) -> None:
    """A name a box beside the image, joined to the box's upper edge."""
    for height, box in named:
        top, _, _, box_right = box.pixels
        line: dict[str, Any] = {"color": STAND_INS["grid"], "linewidth": 0.8, "zorder": 0.5}
        axes.plot((box_right + 0.5, right, right + 1), (top - 0.5, top - 0.5, height), **line)
        name = _shortened(f"{box.label}  {box.detail}")
        axes.text(right + 1.3, height, name, fontsize=SMALL, va="center")


def _shortened(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
