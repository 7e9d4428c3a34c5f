"""The two steps' numbers on the host, in float64, and how far they may go."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bench.errors import TrainingError
from bench.training.augment.parameters import Doubles, Parameters

Size = tuple[int, int]  # (height, width), pixels

MAX_SIDE = 4096  # pixels; keeps a rotation's sums within 32 bits
MAX_REACH = 1 << 29  # pixels; keeps a bilinear map's sums within 64 bits


def cosines_and_sines(radians: Doubles) -> tuple[Doubles, Doubles]:
    """The C library's, as Pillow and torchvision call it.

    NumPy's own differ in the last bit from one processor to another.
    """
    return each(math.cos, radians), each(math.sin, radians)


def shear_tangents(parameters: Parameters) -> Doubles:
    """Pixels to the side for every pixel down, (n,)."""
    return each(math.tan, np.radians(parameters.shear))


def check(parameters: Parameters, size: Size) -> None:
    """Refuses what the integers cannot hold.

    Raises:
        TrainingError: An image is too large, or shrunk or sheared beyond any use.
    """
    if max(size) > MAX_SIDE:
        raise TrainingError(
            f"images of {size[0]} x {size[1]} pixels are too large to augment",
            where="the data set",
            remedy=f"use images of at most {MAX_SIDE} pixels a side",
        )
    height, width = size
    across = width + np.abs(parameters.translate_x)
    down = height + np.abs(parameters.translate_y)
    # Written without the division, which a scale of 0 (a tiny float32) would break.
    reach = across + (1.0 + np.abs(np.tan(np.radians(parameters.shear)))) * down
    if (reach >= MAX_REACH * parameters.scale).any():
        raise TrainingError(
            f"an image is shrunk or sheared beyond {MAX_REACH:,} pixels",
            where="the recipe's augmentation",
            remedy="raise scale_min or lower shear_degrees",
        )


def each(function: Callable[[float], float], values: Doubles) -> Doubles:
    """The function of Python's math of every value, (n,)."""
    return np.array([function(value) for value in values.tolist()])
