"""Pixels as paths: small in an SVG, coloured by roles, sharp at every size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from bench.report.figures.canvas import STAND_INS
from bench.spec import Shape

LUMA = (299, 587, 114)  # of red, green and blue, in thousandths (ITU-R 601)


def colours(pixels: bytes, shape: Shape) -> NDArray[np.uint8]:
    """The levels of an image as a data set holds it, as (height, width, 3)."""
    levels = np.frombuffer(pixels, dtype=np.uint8).reshape(shape).transpose(1, 2, 0)
    return levels[..., :3] if shape[0] >= 3 else np.repeat(levels[..., :1], 3, axis=2)


def grey_levels(pixels: bytes, shape: Shape) -> NDArray[np.float64]:
    """The same as one level a pixel, (height, width)."""
    levels = np.frombuffer(pixels, dtype=np.uint8).reshape(shape).astype(np.float64)
    if shape[0] != len(LUMA):
        return np.asarray(levels.mean(axis=0))
    return np.asarray(np.tensordot(LUMA, levels, axes=1) / sum(LUMA))


def shade_paths(shades: NDArray[Any]) -> Iterator[tuple[int, Path]]:
    """A path a shade above 0; neighbours of equal shade in a row are one rectangle.

    Args:
        shades: (n_rows, n_columns), whole numbers.
    """
    boxes: dict[int, list[Path]] = {}
    for row, values in enumerate(np.asarray(shades)):
        column = 0
        for shade, same in groupby(values):
            width = len(list(same))
            corners = (column - 0.5, row - 0.5), (column + width - 0.5, row + 0.5)
            boxes.setdefault(int(shade), []).append(rectangle(*corners))
            column += width
    for shade in sorted(set(boxes) - {0}):
        yield shade, Path.make_compound_path(*boxes[shade])


def rectangle(low: tuple[float, float], high: tuple[float, float]) -> Path:
    """From the corner with the smaller x and y to the other."""
    (left, top), (right, bottom) = low, high
    return Path([(left, top), (right, top), (right, bottom), (left, bottom)], closed=False)


def frame(box: tuple[int, int, int, int], role: str, **style: Any) -> Rectangle:
    """Around the pixels from the top, left one to the bottom, right one."""
    top, left, bottom, right = box
    style = {"edgecolor": STAND_INS[role], "linewidth": 1.2, **style}
    return Rectangle(
        (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, **style
    )
