"""Which input positions each output position of a layer reads, along one axis.

`of(i)` lists the input positions on a plane without borders. `rate` is the number of input
positions by which the reading moves from one output position to the next. `BORDERS` says what a
position beyond the map stands for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


class Taps(Protocol):
    """A layer's reading, one axis."""

    @property
    def rate(self) -> Fraction: ...

    def of(self, position: int) -> Sequence[int]: ...


@dataclass(frozen=True)
class Window:
    """A sliding window: convolution, pooling, padding (kernel 1), a slice."""

    kernel: int = 1
    stride: int = 1
    before: int = 0  # padding in front of position 0; negative where positions are cut off
    dilation: int = 1

    @property
    def rate(self) -> Fraction:
        return Fraction(self.stride)

    def of(self, position: int) -> Sequence[int]:
        first = position * self.stride - self.before
        return range(first, first + self.kernel * self.dilation, self.dilation)


@dataclass(frozen=True)
class Spread:
    """A transposed convolution: position i adds tap t to position i * stride + t - cut.

    Where the kernel is smaller than the stride, some positions read nothing.
    """

    kernel: int
    stride: int
    cut: int  # torch calls it padding
    dilation: int

    @property
    def rate(self) -> Fraction:
        return Fraction(1, self.stride)

    def of(self, position: int) -> Sequence[int]:
        offsets = (position + self.cut - tap * self.dilation for tap in range(self.kernel))
        return [offset // self.stride for offset in offsets if offset % self.stride == 0]


@dataclass(frozen=True)
class Repeat:
    """Each position `factor` times: nearest upsampling, pixel shuffle."""

    factor: int

    @property
    def rate(self) -> Fraction:
        return Fraction(1, self.factor)

    def of(self, position: int) -> Sequence[int]:
        return (position // self.factor,)


@dataclass(frozen=True)
class Between:
    """Linear interpolation: the two neighbours of a coordinate, or the one it falls on.

    Without aligned corners the coordinate of position i is (i + 1/2) / factor - 1/2, with them
    i (n - 1) / (n_out - 1); torch's `area_pixel_compute_source_index`.
    """

    rate: Fraction
    offset: Fraction

    def of(self, position: int) -> Sequence[int]:
        at = position * self.rate + self.offset
        return (math.floor(at),) if at.denominator == 1 else (math.floor(at), math.floor(at) + 1)


@dataclass(frozen=True)
class Share:
    """Adaptive pooling: `n` positions shared among `n_out`; they overlap unless n_out divides n."""

    n: int
    n_out: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.n, self.n_out)

    def of(self, position: int) -> Sequence[int]:
        return range(math.floor(position * self.rate), math.ceil((position + 1) * self.rate))


def _dropped(position: int, n: int) -> int | None:
    return position if 0 <= position < n else None


def _clamped(position: int, n: int) -> int | None:
    return min(max(position, 0), n - 1)


def _reflected(position: int, n: int) -> int | None:
    """The mirror stands on the first or last position itself, as in torch's `reflect`."""
    if n == 1:
        return 0
    folded = position % (2 * n - 2)
    return min(folded, 2 * n - 2 - folded)


# torch's padding mode -> the position inside the map that one beyond it repeats; None for no pixel.
BORDERS: dict[str, Callable[[int, int], int | None]] = {
    "zeros": _dropped,
    "constant": _dropped,
    "replicate": _clamped,
    "reflect": _reflected,
}
