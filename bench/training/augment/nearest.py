"""Nearest interpolation, equal bit for bit to torchvision's on PIL images.

Both steps run as one integer gather: each output pixel's source in the rotated image, and that
pixel's source in the original, give one index. Pillow (libImaging/Geometry.c) finds the source of
output pixel (x, y) under the inverse matrix (a b c; d e f) in one of three ways:

* in 16.16 fixed point, FIX(v) = floor(65536 v + 1/2)::

    source x = (FIX(c + a/2 + b/2) + x FIX(a) + y FIX(b)) >> 16       source y with d, e, f

* where b = d = 0 exactly, by repeated addition in doubles: it starts at c + a/2, adds a for
  every pixel and drops the fraction; a negative position is outside;
* where a corner's source lies 32,768 pixels away or more, by repeated addition too: along the
  first column from c + b/2 + a/2 in steps of b, and from there along each line in steps of a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import Doubles, Integers, Parameters
from bench.training.augment.steps import Size, cosines_and_sines, shear_tangents

FIXED_BITS = 16
ONE = 1 << FIXED_BITS
OUTSIDE = -(1 << 30)  # far left of any image, whatever a rotation adds to it
FIXED_REACH = 32_768.0  # pixels; beyond it Pillow leaves fixed point


@dataclass(frozen=True)
class NearestMaps(Coefficients):
    """The maps of n images as int32 tensors.

    The second step's sources in the rotated image are tables, since Pillow's repeated addition
    of doubles has no exact fixed-point form: `columns[i, x] + y * skew[i]` holds the x in
    16.16 fixed point, `rows[i, y]` the y in whole pixels. The first step's are six fixed-point
    numbers.
    """

    rotation: Tensor  # (n, 6): x = (m0 u + m1 v + m2) >> 16, y = (m3 u + m4 v + m5) >> 16
    columns: Tensor  # (n, width)
    skew: Tensor  # (n,)
    rows: Tensor  # (n, height)
    # (n, height, width) int16: each pixel's x instead of columns and skew, where one of the images
    # reaches beyond Pillow's fixed point.
    sources: Tensor | None = None

    def moved(self, images: Tensor) -> Tensor:
        """The images, each by its own map; all channels of an image move alike."""
        if images.dim() == 4:
            return torch.stack([self.moved(channel) for channel in images.unbind(1)], dim=1)
        n_images, height, width = images.shape
        turn = self.rotation[:, :, None]  # (n, 6, 1)

        # Where output pixel (x, y) comes from in the rotated image: (u, v), v the same on a line.
        u = self._u(height)  # (n, height, width)
        # -1 beside the image, else 0. Comparisons and `where` cost several times what integer
        # arithmetic does on a CPU.
        outside = (width - 1 - u).bitwise_or_(u).bitwise_right_shift_(31)
        v = self.rows
        missed = ((height - 1 - v) | v) >> 31  # (n, height)

        # Where (u, v) comes from in the original with a border of one black pixel, hence + ONE.
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

    def _u(self, height: int) -> Tensor:
        if self.sources is not None:
            return self.sources.int()
        return _sheared(self.columns, self.skew, height)


def _sheared(columns: Tensor, skew: Tensor, height: int) -> Tensor:
    """Each pixel's x in the rotated image, (n, height, width) int32, by fixed point."""
    lines = torch.arange(height, dtype=torch.int32, device=skew.device)
    u = columns[:, None, :] + (skew[:, None] * lines)[:, :, None]
    return u.bitwise_right_shift_(FIXED_BITS)


def maps(parameters: Parameters, size: Size) -> NearestMaps:
    """The maps of n images of (height, width), on the CPU."""
    affine = _Affine.of(parameters, size)
    columns, rows = affine.tables(size)
    skew = _int32(_fixed(affine.b))
    far = affine.is_far(size)
    return NearestMaps(
        rotation=_int32(_rotation_matrices(parameters.angle, size)),
        columns=columns,
        skew=skew,
        rows=rows,
        sources=_sources(affine, columns, skew, far, size) if far.any() else None,
        identity=parameters.identity,
    )


def _rotation_matrices(angle: Doubles, size: Size) -> Integers:
    """`PIL.Image.rotate`'s inverse matrices in fixed point, (n, 6), offsets at pixel centres.

    Its short cuts for multiples of 90 degrees need no case of their own: the rounded entries are
    0 and 1 there, the offsets halves, and the fixed-point form gives the same pixels.
    """
    height, width = size
    cosine, sine = map(_rounded, cosines_and_sines(-np.radians(np.mod(angle, 360.0))))
    x = cosine * (-width / 2) + sine * (-height / 2) + width / 2
    y = -sine * (-width / 2) + cosine * (-height / 2) + height / 2
    to_x = [cosine, sine, x + cosine * 0.5 + sine * 0.5]
    to_y = [-sine, cosine, y - sine * 0.5 + cosine * 0.5]
    return np.stack([_fixed(each) for each in (*to_x, *to_y)], axis=1)


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


@dataclass(frozen=True)
class _Affine:
    """torchvision's `_get_inverse_affine_matrix` without rotation, (a b c; 0 a f): (n,) each."""

    a: Doubles
    b: Doubles
    c: Doubles
    f: Doubles

    @classmethod
    def of(cls, parameters: Parameters, size: Size) -> _Affine:
        height, width = size
        a = 1.0 / parameters.scale
        b = shear_tangents(parameters) / parameters.scale
        from_x = -width * 0.5 - parameters.translate_x
        from_y = -height * 0.5 - parameters.translate_y
        c = a * from_x + b * from_y + width * 0.5
        return cls(a=a, b=b, c=c, f=a * from_y + height * 0.5)

    def is_far(self, size: Size) -> NDArray[np.bool_]:
        """Whether Pillow leaves fixed point, (n,): its `check_fixed` at the four corners."""
        height, width = size
        far = np.maximum(np.abs(self.f), np.abs(height * self.a + self.f)) >= FIXED_REACH
        for x, y in ((0, 0), (width, height), (0, height), (width, 0)):
            far |= np.abs(x * self.a + y * self.b + self.c) >= FIXED_REACH
        return far & ~self.is_straight

    @property
    def is_straight(self) -> NDArray[np.bool_]:
        """Where nothing shears, (n,): Pillow adds doubles."""
        straight: NDArray[np.bool_] = self.b == 0.0
        return straight

    def tables(self, size: Size) -> tuple[Tensor, Tensor]:
        """The columns (n, width) and the rows (n, height), int32; columns of far images are idle.

        Their fixed-point numbers may leave 32 bits: they wrap, and so do Pillow's.
        """
        height, width = size
        a, c, f = self.a, self.c, self.f

        def fixed(start: Doubles, n_pixels: int) -> Integers:
            return _fixed(start)[:, None] + _fixed(a)[:, None] * np.arange(n_pixels)

        columns = fixed(c + a * 0.5 + self.b * 0.5, width)
        rows = fixed(f + a * 0.5, height) >> FIXED_BITS
        straight, added = self.is_straight, self.is_straight | self.is_far(size)
        starts = c[straight] + a[straight] * 0.5
        columns[straight] = _whole(_added(starts, a[straight], width), width) << FIXED_BITS
        rows[added] = _whole(_added(f[added] + a[added] * 0.5, a[added], height), height)
        return _int32(columns), _int32(rows)


def _sources(
    affine: _Affine, columns: Tensor, skew: Tensor, far: NDArray[np.bool_], size: Size
) -> Tensor:
    """Each pixel's x in the rotated image, (n, height, width) int16; outside: -1 or width."""
    height, width = size
    sources = _sheared(columns, skew, height).clamp_(-1, width).short()
    a, b, c = affine.a[far], affine.b[far], affine.c[far]
    starts = _added(c + b * 0.5 + a * 0.5, b, height)  # (n_far, height)
    positions = _added(starts, np.repeat(a[:, None], height, axis=1), width)
    sources[torch.from_numpy(far)] = torch.from_numpy(_whole(positions, width)).short()
    return sources


def _added(start: Doubles, step: Doubles, n_pixels: int) -> Doubles:
    """n_pixels positions, (..., n_pixels), by repeated addition to start (...)."""
    steps = np.repeat(step[..., None], n_pixels, axis=-1)
    steps[..., 0] = start
    return np.add.accumulate(steps, axis=-1)


def _whole(positions: Doubles, side: int) -> Integers:
    """The pixels that hold the positions; outside: -1 or side."""
    whole: Integers = np.floor(np.clip(positions, -1.0, side)).astype(np.int64)
    return whole


def _fixed(values: Doubles) -> Integers:
    """Pillow's FIX: 16.16 fixed point."""
    nearest: Integers = np.floor(values * ONE + 0.5).astype(np.int64)
    return nearest


def _int32(values: Integers) -> Tensor:
    return torch.from_numpy(values.astype(np.int32))
