"""A fused step's input in one pass: the chosen digits gathered, augmented and normalised."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.augment import Coefficients
from bench.augment.nearest import NearestMaps
from bench.engine.kernels import Floats, compiled

Pixels = NDArray[np.uint8]
Fixed = NDArray[np.int32]
Indices = NDArray[np.int64]


def augmented(images: Tensor, maps: Coefficients, chosen: Tensor, grey: Tensor) -> Tensor | None:
    """What `augment.apply` and a look-up of the grey levels give, for nearest maps on a CPU.

    Args:
        images: (n, height, width) uint8.
        maps: n maps.
        chosen: (batch,) indices.
        grey: (256,) float32.

    Returns:
        (batch, 1, height, width) float32; None where the maps are of another kind.
    """
    if not isinstance(maps, NearestMaps) or maps.sources is not None or maps.identity:
        return None
    out = torch.empty((len(chosen), *images.shape[1:]))
    _nearest(
        images.numpy(),
        chosen.numpy(),
        maps.rotation.numpy(),
        maps.columns.numpy(),
        maps.skew.numpy(),
        maps.rows.numpy(),
        grey.numpy(),
        out.numpy(),
    )
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
    rotation: Fixed,
    columns: Fixed,
    skew: Fixed,
    rows: Fixed,
    grey: Floats,
    out: Floats,
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
def _look_up(pixels: Pixels, grey: Floats, out: Floats) -> None:
    for j in range(pixels.shape[0]):
        out[j] = grey[pixels[j]]
