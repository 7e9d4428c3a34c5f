"""Interval arithmetic of receptive fields, one axis of the image at a time.

Output position i of a layer sees the input pixels start + i * jump ... start + i * jump + size - 1;
pixels outside of the image are padding. A jump of 0 means that every position sees the same pixels.
Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019, https://distill.pub/2019/computing-receptive-fields. As usual, a dilated kernel counts with
its holes, and the size is the theoretical one: padding is part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


class UnevenJumpsError(ValueError):
    """Two branches meet whose positions lie on different grids of the image."""


@dataclass(frozen=True)
class Axis:
    """What the positions along one axis see. All in pixels of the input image.

    Attributes:
        image: The image's side.
        size: Receptive field along the local path.
        jump: Distance between neighbouring positions; 0 once all positions see the same.
        start: First pixel that position 0 sees; negative inside the padding.
        map_size: Receptive field of the last feature map, before everything was seen at once.
        gate: The widest view that a gate brought in (it scales a map by what it saw); 0 for none.
    """

    image: int
    size: int = 1
    jump: int = 1
    start: int = 0
    map_size: int = 1
    gate: int = 0

    @property
    def with_gates(self) -> int:
        """Receptive field along any path."""
        return max(self.size, self.gate)

    def window(self, kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> Axis:
        """After a sliding window; `before` is the padding in front of position 0."""
        size = self.size + (kernel - 1) * dilation * self.jump
        return replace(
            self,
            size=size,
            jump=self.jump * stride,
            start=self.start - before * self.jump,
            map_size=size if self.jump else self.map_size,
        )

    def everything(self, n_positions: int) -> Axis:
        """After pooling over all positions: the part of the image that they see together."""
        last = self.start + (n_positions - 1) * self.jump + self.size
        first = max(self.start, 0)
        return replace(self, size=min(last, self.image) - first, jump=0, start=first)

    def gated(self, size: int) -> Axis:
        """After multiplication by (or division by, or addition of) something that saw `size`."""
        return replace(self, gate=max(self.gate, size))


def merged(branches: Sequence[Axis]) -> Axis:
    """Branches that meet position by position: the interval from the first to the last pixel.

    A branch that sees the same everywhere (jump 0) gates the others and leaves their own view.

    Raises:
        UnevenJumpsError: the branches' positions lie on different grids.
    """
    local = [axis for axis in branches if axis.jump] or list(branches)
    gates = [axis for axis in branches if not axis.jump and local[0].jump]
    if len({axis.jump for axis in local}) > 1:
        raise UnevenJumpsError(f"jumps {sorted({axis.jump for axis in local})}")
    start = min(axis.start for axis in local)
    size = max(axis.start + axis.size for axis in local) - start
    map_size = size if local[0].jump else max(axis.map_size for axis in local)
    gate = max(axis.gate for axis in branches)
    hull = replace(local[0], size=size, start=start, map_size=map_size, gate=gate)
    return hull.gated(max((axis.with_gates for axis in gates), default=0))
