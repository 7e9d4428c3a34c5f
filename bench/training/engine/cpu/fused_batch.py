"""A fused step's input in one pass: the chosen digits gathered, augmented and normalised."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.training.augment import Coefficients
from bench.training.augment.bilinear import LINE_BITS, MATRIX_BITS, ONE, WEIGHT_BITS, BilinearMaps
from bench.training.augment.nearest import NearestMaps
from bench.training.engine.cpu.kernels import Floats, compiled

Pixels = NDArray[np.uint8]
Fixed = NDArray[np.int32]
Indices = NDArray[np.int64]

SHIFT = MATRIX_BITS - WEIGHT_BITS
HALF = 1 << (SHIFT - 1)
BITS = LINE_BITS + WEIGHT_BITS  # fractional, of the blend of two lines


def augmented(images: Tensor, maps: Coefficients, chosen: Tensor, grey: Tensor) -> Tensor | None:
    """What `augment.apply` and a look-up of the grey levels give, on a CPU.

    Args:
        images: (n, height, width) uint8; those in colour these loops do not know.
        maps: n maps.
        chosen: (batch,) indices.
        grey: (256,) float32.

    Returns:
        (batch, 1, height, width) float32; None where the images or the maps are such that these
        loops do not know them.
    """
    loop: Callable[..., None]
    if images.dim() != 3:
        return None
    if isinstance(maps, NearestMaps) and maps.sources is None and not maps.identity:
        loop, parts = _nearest, [maps.rotation, maps.columns, maps.skew, maps.rows]
    elif isinstance(maps, BilinearMaps) and not maps.is_wide and not maps.identity:
        loop, parts = _bilinear, [maps.rotation, maps.affine]
    else:
        return None
    out = torch.empty((len(chosen), *images.shape[1:]))
    batch = images, chosen, grey, out, *parts
    loop(*(tensor.numpy() for tensor in batch))
    return out.unsqueeze(1)


def looked_up(images: Tensor, grey: Tensor) -> Tensor:
    """(n, height, width) uint8 -> (n, 1, height, width) float32 through (256,) grey levels."""
    out = torch.empty(images.shape)
    _look_up(images.contiguous().view(-1).numpy(), grey.numpy(), out.view(-1).numpy())
    return out.unsqueeze(1)


@compiled
def _nearest(
    images: Pixels,
    chosen: Indices,
    grey: Floats,
    out: Floats,
    rotation: Fixed,
    columns: Fixed,
    skew: Fixed,
    rows: Fixed,
) -> None:
    height, width = images.shape[1], images.shape[2]
    for i in range(chosen.shape[0]):
        n = chosen[i]
        turn, image = rotation[n], images[n]
        for y in range(height):
            v = rows[n, y]
            for x in range(width):
                u = (columns[n, x] + y * skew[n]) >> 16
                source_x = (turn[0] * u + turn[1] * v + turn[2]) >> 16
                source_y = (turn[3] * u + turn[4] * v + turn[5]) >> 16
                inside = 0 <= u < width and 0 <= v < height
                if inside and 0 <= source_x < width and 0 <= source_y < height:
                    out[i, y, x] = grey[image[source_y, source_x]]
                else:
                    out[i, y, x] = grey[0]


@compiled
def _bilinear(
    images: Pixels,
    chosen: Indices,
    grey: Floats,
    out: Floats,
    rotation: Indices,
    affine: Indices,
) -> None:
    height, width = images.shape[1], images.shape[2]
    # With a border of zeros, so that each pixel has three neighbours to the right and below.
    image = np.zeros((height + 3, width + 3), np.uint8)
    turned = np.zeros((height + 3, width + 3), np.uint8)
    moved = np.empty((height, width), np.uint8)
    for i in range(chosen.shape[0]):
        n = chosen[i]
        image[1 : height + 1, 1 : width + 1] = images[n]
        _resampled(image, rotation[n], turned[1 : height + 1, 1 : width + 1])
        _resampled(turned, affine[n], moved)
        for y in range(height):
            for x in range(width):
                out[i, y, x] = grey[moved[y, x]]


@compiled
def _resampled(source: Pixels, matrix: Indices, out: Pixels) -> None:
    """`bilinear._resampled` of one image with its border, the same sums in the same order."""
    height, width = out.shape
    xs, ys = np.empty(width, np.int32), np.empty(width, np.int32)
    for y in range(height):
        line_x = (matrix[1] * y + matrix[2] + HALF) >> SHIFT
        line_y = (matrix[4] * y + matrix[5] + HALF) >> SHIFT
        for x in range(width):
            xs[x] = _masked(((matrix[0] * x + HALF) >> SHIFT) + line_x, width)
            ys[x] = _masked(((matrix[3] * x + HALF) >> SHIFT) + line_y, height)
        for x in range(width):
            column, line = (xs[x] >> WEIGHT_BITS) + 1, (ys[x] >> WEIGHT_BITS) + 1
            right, down = xs[x] & (ONE - 1), ys[x] & (ONE - 1)
            top = _blend(source[line, column], source[line, column + 1], right)
            bottom = _blend(source[line + 1, column], source[line + 1, column + 1], right)
            value = (bottom - top) * down + top * ONE
            odd = (value >> BITS) & 1  # halves to even
            out[y, x] = (value + odd + (1 << (BITS - 1)) - 1) >> BITS


@compiled
def _masked(position: int, side: int) -> int:
    inside = min(max(position, -ONE), side * ONE)
    beyond = inside - min(max(inside, 0), (side - 1) * ONE)
    return inside + beyond - ((abs(beyond) * beyond) >> WEIGHT_BITS)


@compiled
def _blend(left: np.uint8, right: np.uint8, weight: np.int32) -> np.int64:
    first, second = np.int64(left), np.int64(right)
    return ((second - first) * weight >> (WEIGHT_BITS - LINE_BITS)) + (first << LINE_BITS)


@compiled
def _look_up(pixels: Pixels, grey: Floats, out: Floats) -> None:
    for j in range(pixels.shape[0]):
        out[j] = grey[pixels[j]]
