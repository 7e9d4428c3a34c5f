"""Batched augmentation, equal bit for bit to torchvision's on one PIL image after another.

An image is rotated, then sheared, scaled and shifted, each with nearest interpolation and fill 0,
as `RandomRotation` and `RandomAffine` do. Both steps run as one integer gather, so that a CPU and
a GPU see the same numbers: everything that rounds is done on the host, in float64.

Pillow (libImaging/Geometry.c) finds the source of output pixel (x, y) under the inverse matrix
(a b c; d e f) in 16.16 fixed point, FIX(v) = floor(65536 v + 1/2)::

    source x = (FIX(c + a/2 + b/2) + x FIX(a) + y FIX(b)) >> 16       source y with d, e, f

and, where b = d = 0 exactly, by repeated addition in doubles: it starts at c + a/2, adds a for
every pixel and drops the fraction; a negative position is outside. Each output pixel's source in
the rotated image, and that pixel's source in the original, give one index.

    parameters = draw(augmentation, n_images, (28, 28), generator)
    maps = coefficients(parameters, (28, 28))
    batch = apply(images[rows], maps[rows])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Size = tuple[int, int]  # (height, width), pixels

FIXED_BITS = 16
ONE = 1 << FIXED_BITS
OUTSIDE = -(1 << 30)  # far left of any image, whatever a rotation adds to it
MAX_SIDE = 4096  # pixels; keeps a rotation's sums within 32 bits
MAX_REACH = 32_768.0  # pixels; beyond it Pillow leaves fixed point


@dataclass(frozen=True)
class Parameters:
    """What was drawn for each of n images: arrays of shape (n,)."""

    angle: Doubles  # degrees, counter-clockwise
    translate_x: Integers  # pixels, to the right
    translate_y: Integers  # pixels, down
    scale: Doubles  # above 1 enlarges
    shear: Doubles  # degrees, along x

    def __len__(self) -> int:
        return len(self.angle)

    @property
    def identity(self) -> bool:
        """Whether every image stays as it is."""
        still = (self.angle, self.translate_x, self.translate_y, self.shear)
        return not any(values.any() for values in still) and bool((self.scale == 1.0).all())


@dataclass(frozen=True)
class Coefficients:
    """The maps of n images as int32 tensors, on one device.

    The second step's sources in the rotated image are tables, since Pillow's repeated addition
    of doubles has no exact fixed-point form: `columns[i, x] + y * skew[i]` holds the x in
    16.16 fixed point, `rows[i, y]` the y in whole pixels. The first step's are six fixed-point
    numbers.
    """

    rotation: Tensor  # (n, 6): x = (m0 u + m1 v + m2) >> 16, y = (m3 u + m4 v + m5) >> 16
    columns: Tensor  # (n, width)
    skew: Tensor  # (n,)
    rows: Tensor  # (n, height)
    identity: bool  # the images stay as they are

    def __len__(self) -> int:
        return len(self.skew)

    def __getitem__(self, rows: slice | Tensor) -> Coefficients:
        """The maps of some images: a slice, or indices or a mask on the maps' device."""
        return self._each(lambda part: part[rows])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Coefficients:
        """The same maps on another device."""
        return self._each(lambda part: part.to(device, non_blocking=non_blocking))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Coefficients:
        return Coefficients(
            rotation=change(self.rotation),
            columns=change(self.columns),
            skew=change(self.skew),
            rows=change(self.rows),
            identity=self.identity,
        )


def draw(
    augmentation: Augmentation, n_images: int, size: Size, generator: torch.Generator
) -> Parameters:
    """Draws every image's parameters from torchvision's distributions.

    Uniform in float32; translations are rounded to whole pixels, halves to even. A part that is
    switched off draws nothing.

    Args:
        augmentation: The ranges.
        n_images: How many images.
        size: The images' (height, width).
        generator: The random stream, on the CPU; the global one is not touched.
    """
    height, width = size

    def uniform(low: float, high: float, off: float) -> Doubles:
        values = torch.full((n_images,), off)
        if (low, high) != (off, off):
            values.uniform_(low, high, generator=generator)
        return values.double().numpy()

    def symmetric(limit: float) -> Doubles:
        return uniform(-limit, limit, 0.0)

    return Parameters(
        angle=symmetric(augmentation.rotation_degrees),
        translate_x=np.rint(symmetric(augmentation.translate * width)).astype(np.int64),
        translate_y=np.rint(symmetric(augmentation.translate * height)).astype(np.int64),
        scale=uniform(augmentation.scale_min, augmentation.scale_max, 1.0),
        shear=symmetric(augmentation.shear_degrees),
    )


def coefficients(parameters: Parameters, size: Size) -> Coefficients:
    """The maps of n images of (height, width), on the CPU.

    Raises:
        TrainingError: An image is too large, or shrunk or sheared beyond Pillow's fixed point.
    """
    if max(size) > MAX_SIDE:
        raise TrainingError(
            f"images of {size[0]} x {size[1]} pixels are too large to augment",
            where="the data set",
            remedy=f"use images of at most {MAX_SIDE} pixels a side",
        )
    columns, skew, rows = _affine_tables(parameters, size)
    return Coefficients(
        rotation=_int32(_rotation_matrices(parameters.angle, size)),
        columns=_int32(columns),
        skew=_int32(skew),
        rows=_int32(rows),
        identity=parameters.identity,
    )


def apply(images: Tensor, maps: Coefficients) -> Tensor:
    """Augments each image by its own map.

    Args:
        images: (n, height, width) uint8.
        maps: n maps for this size, on the images' device.

    Returns:
        (n, height, width) uint8; the images themselves where the maps leave them as they are.
    """
    if maps.identity:
        return images
    n_images, height, width = images.shape
    turn = maps.rotation[:, :, None]  # (n, 6, 1)
    lines = torch.arange(height, dtype=torch.int32, device=images.device)

    # Where output pixel (x, y) comes from in the rotated image: (u, v), v the same along a line.
    u = maps.columns[:, None, :] + (maps.skew[:, None] * lines)[:, :, None]  # (n, height, width)
    u >>= FIXED_BITS
    outside = (width - 1 - u).bitwise_or_(u).bitwise_right_shift_(31)  # -1 beside the image, else 0
    v = maps.rows
    missed = ((height - 1 - v) | v) >> 31  # (n, height)

    # Where (u, v) comes from in the original with a border of one black pixel, hence + ONE.
    # Comparisons and `where` cost several times what integer arithmetic does on a CPU.
    line_x = turn[:, 1] * v + (turn[:, 2] + ONE)  # (n, height)
    line_x = (line_x & ~missed) | (missed & OUTSIDE)
    line_y = turn[:, 4] * v + (turn[:, 5] + ONE)
    source_x = (u * turn[:, :1]).add_(line_x[:, :, None]).bitwise_or_(outside)
    source_x.bitwise_right_shift_(FIXED_BITS).clamp_(0, width + 1)
    source_y = u.mul_(turn[:, 3:4]).add_(line_y[:, :, None])
    source_y.bitwise_right_shift_(FIXED_BITS).clamp_(0, height + 1)

    index = source_x.add_(source_y, alpha=width + 2).flatten(1).long()
    bordered = torch.nn.functional.pad(images, (1, 1, 1, 1)).flatten(1)
    return bordered.gather(1, index).view(n_images, height, width)


def _rotation_matrices(angle: Doubles, size: Size) -> Integers:
    """`PIL.Image.rotate`'s inverse matrices in fixed point, (n, 6), offsets at pixel centres.

    Its short cuts for multiples of 90 degrees need no case of their own: the rounded entries are
    0 and 1 there, the offsets halves, and the fixed-point form gives the same pixels.
    """
    height, width = size
    radians = -np.radians(np.mod(angle, 360.0))
    # The C library's functions, as Pillow calls them: NumPy's differ in the last bit by processor.
    cosine = _rounded(np.array([math.cos(value) for value in radians.tolist()]))
    sine = _rounded(np.array([math.sin(value) for value in radians.tolist()]))
    x = cosine * (-width / 2) + sine * (-height / 2) + width / 2
    y = -sine * (-width / 2) + cosine * (-height / 2) + height / 2
    return np.stack(
        [
            _fixed(cosine),
            _fixed(sine),
            _fixed(x + cosine * 0.5 + sine * 0.5),
            _fixed(-sine),
            _fixed(cosine),
            _fixed(y - sine * 0.5 + cosine * 0.5),
        ],
        axis=1,
    )


def _rounded(values: Doubles) -> Doubles:
    """Python's `round(value, 15)` of each, at a fraction of its cost.

    NumPy's own differs beside a tie, where multiplying by 1e15 has rounded already (by at most
    1/16, as the products are below 2**50); those values take Python's.
    """
    scaled = values * 1e15
    nearest: Doubles = np.rint(scaled)
    tied = np.abs(np.abs(scaled - nearest) - 0.5) <= 1 / 16
    nearest /= 1e15
    nearest[tied] = [round(value, 15) for value in values[tied].tolist()]
    return nearest


def _affine_tables(parameters: Parameters, size: Size) -> tuple[Integers, Integers, Integers]:
    """The second step's tables: columns (n, width), skew (n,), rows (n, height).

    The matrix is torchvision's `_get_inverse_affine_matrix` without rotation: (a b c; 0 a f).
    """
    height, width = size
    tangent = np.array([math.tan(value) for value in np.radians(parameters.shear).tolist()])
    a = 1.0 / parameters.scale
    b = tangent / parameters.scale
    from_x, from_y = -width * 0.5 - parameters.translate_x, -height * 0.5 - parameters.translate_y
    c = a * from_x + b * from_y + width * 0.5
    f = a * from_y + height * 0.5
    _check_reach(a, b, c, f, size)

    columns = _fixed(c + a * 0.5 + b * 0.5)[:, None] + _fixed(a)[:, None] * np.arange(width)
    rows = (_fixed(f + a * 0.5)[:, None] + _fixed(a)[:, None] * np.arange(height)) >> FIXED_BITS
    straight = b == 0.0  # no shear: Pillow adds doubles
    columns[straight] = _added(c[straight], a[straight], width) << FIXED_BITS
    rows[straight] = _added(f[straight], a[straight], height)
    return columns, _fixed(b), rows


def _added(start: Doubles, step: Doubles, n_pixels: int) -> Integers:
    """Whole positions of n_pixels pixels by repeated addition, (n, n_pixels); outside: -1 or n."""
    steps = np.repeat(step[:, None], n_pixels, axis=1)
    steps[:, 0] = start + step * 0.5
    positions = np.add.accumulate(steps, axis=1)
    whole: Integers = np.floor(np.clip(positions, -1.0, n_pixels)).astype(np.int64)
    return whole


def _check_reach(a: Doubles, b: Doubles, c: Doubles, f: Doubles, size: Size) -> None:
    height, width = size
    reach_x = np.abs(c) + np.abs(a) * width + np.abs(b) * height
    reach_y = np.abs(f) + np.abs(a) * height
    if len(a) and max(reach_x.max(), reach_y.max()) >= MAX_REACH:
        raise TrainingError(
            f"an image is shrunk or sheared beyond {MAX_REACH:,.0f} pixels",
            where="the recipe's augmentation",
            remedy="raise scale_min above 0.01 or lower shear_degrees below 80",
        )


def _fixed(values: Doubles) -> Integers:
    """Pillow's FIX: 16.16 fixed point."""
    nearest: Integers = np.floor(values * ONE + 0.5).astype(np.int64)
    return nearest


def _int32(values: Integers) -> Tensor:
    return torch.from_numpy(values.astype(np.int32))
