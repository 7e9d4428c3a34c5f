"""Bilinear interpolation, equal to torchvision's on uint8 tensors within one grey level.

torchvision samples twice, once for each step, in float32 (`grid_sample` without aligned corners,
zeros outside), and rounds to whole grey levels, halves to even, after each. Here the same two
steps run in fixed point: a position has 15 fractional bits, which are the weights too; a line's
blend keeps 8 fractional bits, so that the blend of two lines fits 32::

    top    = p00 + fx (p01 - p00)        bottom = p10 + fx (p11 - p10)
    result = round(top + fy (bottom - top))

Before it is rounded, a result is off by a twentieth of a grey level at most; it is exact wherever
the weights have 8 bits or fewer together, as for whole pixels, halves and quarters.

With a fill of 0 torchvision multiplies what it sampled by the sampled mask of the image, so a
pixel beside the border counts with the square of its weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import Doubles, Integers, Parameters
from bench.training.augment.steps import Size, cosines_and_sines, shear_tangents

MATRIX_BITS = 32  # fractional; so that 4,096 pixels add up to 2^-21 of a pixel at most
WEIGHT_BITS = 15  # fractional bits of a position
ONE = 1 << WEIGHT_BITS
LINE_BITS = 8  # fractional bits of a line's blend: 8 + 8 + 15 = 31
NARROW_REACH = 1 << 15  # pixels; up to here positions fit 32 bits


@dataclass(frozen=True)
class BilinearMaps(Coefficients):
    """The maps of n images: inverse matrices as int64 with 32 fractional bits."""

    rotation: Tensor  # (n, 6): x = m0 u + m1 v + m2, y = m3 u + m4 v + m5, in pixel indices
    affine: Tensor  # (n, 6), m3 = 0
    is_wide: bool  # the second step's positions need 64 bits

    def moved(self, images: Tensor) -> Tensor:
        """The images, each by its own map; all channels of an image move alike."""
        if images.dim() == 4:
            return torch.stack([self.moved(channel) for channel in images.unbind(1)], dim=1)
        height, width = images.shape[1:]
        columns = torch.arange(width, device=images.device)
        lines = torch.arange(height, device=images.device)
        m = self.rotation[:, :, None]  # (n, 6, 1)
        turned = _resampled(
            images,
            _positions(m[:, 0] * columns, m[:, 1] * lines + m[:, 2], torch.int32),
            _positions(m[:, 3] * columns, m[:, 4] * lines + m[:, 5], torch.int32),
        )
        m, dtype = self.affine[:, :, None], torch.int64 if self.is_wide else torch.int32
        return _resampled(
            turned,
            _positions(m[:, 0] * columns, m[:, 1] * lines + m[:, 2], dtype),
            # The same along a line, so (n, height, 1) is enough.
            _positions(m[:, 3], m[:, 4] * lines + m[:, 5], dtype),
        )


def maps(parameters: Parameters, size: Size) -> BilinearMaps:
    """The maps of n images of (height, width), on the CPU."""
    zero = np.zeros(len(parameters))
    cosine, sine = cosines_and_sines(np.radians(parameters.angle))
    a = 1.0 / parameters.scale
    b = shear_tangents(parameters) / parameters.scale
    right, down = parameters.translate_x, parameters.translate_y
    affine = _about_the_centre([a, b, -a * right - b * down, zero, a, -a * down], size)
    return BilinearMaps(
        rotation=_fixed(_about_the_centre([cosine, -sine, zero, sine, cosine, zero], size)),
        affine=_fixed(affine),
        is_wide=bool((_reach(affine, size) >= NARROW_REACH).any()),
        identity=parameters.identity,
    )


def _about_the_centre(matrix: list[Doubles], size: Size) -> Doubles:
    """Inverse matrices about the image's centre as (n, 6) on indices of pixels."""
    a, b, c, d, e, f = matrix
    y, x = (size[0] - 1) / 2, (size[1] - 1) / 2
    return np.stack([a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y], axis=1)


def _reach(matrices: Doubles, size: Size) -> Doubles:
    """No sum of a matrix's terms leads further from 0, in pixels, (n, 2)."""
    height, width = size
    terms = np.abs(matrices).reshape(-1, 2, 3) * np.array([width, height, 1.0])
    reach: Doubles = terms.sum(axis=2)
    return reach


def _fixed(matrices: Doubles) -> Tensor:
    fixed: Integers = np.rint(matrices * 2.0**MATRIX_BITS).astype(np.int64)
    return torch.from_numpy(fixed)


def _positions(columns: Tensor, lines: Tensor, dtype: torch.dtype) -> Tensor:
    """Sums of columns (n, width or 1) and lines (n, height): (n, height, width or 1)."""
    shift = MATRIX_BITS - WEIGHT_BITS
    half = 1 << (shift - 1)
    columns, lines = ((part + half >> shift).to(dtype) for part in (columns, lines))
    return columns[:, None, :] + lines[:, :, None]


def _resampled(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The images at positions x (n, height, width) and y (that or (n, height, 1)), uint8."""
    n_images, height, width = images.shape
    x, y = _masked(x, width), _masked(y, height)
    # A cell is a pixel and its three neighbours to the right and below; the first is (-1, -1).
    cell = (x >> WEIGHT_BITS) + ((y >> WEIGHT_BITS) * (width + 2) + (width + 3))
    four = _cells(images).gather(1, cell.flatten(1).long()).view(n_images, height, width)
    x.bitwise_and_(ONE - 1)
    y.bitwise_and_(ONE - 1)

    top = _line(four & 255, (four >> 8).bitwise_and_(255), x)
    bottom = _line((four >> 16).bitwise_and_(255), (four >> 24).bitwise_and_(255), x)
    blend = bottom.sub_(top).mul_(y).add_(top, alpha=ONE)
    return _rounded(blend, LINE_BITS + WEIGHT_BITS).to(torch.uint8)


def _masked(position: Tensor, side: int) -> Tensor:
    """Positions whose plain weights are what the mask leaves of the true ones, int32.

    Beside the border, with a distance d of 0 to 1 between the pixel's centre and the position,
    the pixel counts (1 - d)^2: as if at a distance 2 d - d^2.
    """
    position = position.clamp_(-ONE, side * ONE).int()
    beyond = position - position.clamp(0, (side - 1) * ONE)  # d, negative left of the image
    square = (beyond.abs() * beyond).bitwise_right_shift_(WEIGHT_BITS)
    return position.add_(beyond).sub_(square)


def _cells(images: Tensor) -> Tensor:
    """Each pixel of the image with a black border, and its three neighbours, a byte each.

    (n, height, width) uint8 -> (n, (height + 2) (width + 2)) int32
    """
    bordered = torch.nn.functional.pad(images, (1, 2, 1, 2)).int()
    pairs = (bordered[:, :, 1:] << 8).bitwise_or_(bordered[:, :, :-1])
    return (pairs[:, 1:] << 16).bitwise_or_(pairs[:, :-1]).flatten(1)


def _line(left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
    """A line's blend with 8 fractional bits; left and right are overwritten."""
    blend = right.sub_(left).mul_(weight).bitwise_right_shift_(WEIGHT_BITS - LINE_BITS)
    return blend.add_(left, alpha=1 << LINE_BITS)


def _rounded(values: Tensor, bits: int) -> Tensor:
    """Fixed point to whole numbers, halves to even; values are overwritten."""
    odd = (values >> bits).bitwise_and_(1)
    return values.add_(odd).add_((1 << (bits - 1)) - 1).bitwise_right_shift_(bits)
