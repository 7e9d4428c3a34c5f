"""Interval arithmetic of receptive fields, one axis of the image at a time.

An `Axis` follows two things side by side:

- On a plane without borders the views repeat: every P positions they move by a fixed number of
  pixels (P is 1 until something is upsampled). This gives the theoretical size, jump and start,
  padding included.
- Inside the image every position has its exact first and last pixel, padding left out, so that a
  statement about any position can be checked with a gradient.

The positions lie along one dim of a tensor, not always one of the last: rows may be channels, and
rows and columns may lie one after another in one dim. There both axes have a box a position.

Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019, https://distill.pub/2019/computing-receptive-fields. As usual, a dilated kernel counts with
its holes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bench.measuring.receptive.taps import BORDERS, Taps

Box = tuple[int, int]  # first and last pixel
Boxes = tuple[Box | None, ...]  # None: the position sees nothing but padding


class UnevenJumpsError(ValueError):
    """Two branches meet whose positions lie on different grids of the image."""


def hull(boxes: Iterable[Box | None]) -> Box | None:
    """From the first to the last pixel of all boxes; None where all are empty."""
    full = [box for box in boxes if box is not None]
    return (min(box[0] for box in full), max(box[1] for box in full)) if full else None


def length(box: Box | None) -> int:
    """Pixels from the first to the last."""
    return 0 if box is None else box[1] - box[0] + 1


@dataclass(frozen=True)
class Axis:
    """What the positions along one axis see, in pixels of the input image.

    Attributes:
        image: The image's side.
        phases: Boxes of positions 0 ... P - 1 on a plane without borders.
        shift: Pixels by which the boxes move every P positions; 0 once all see the same.
        dim: The tensor's dim along which the positions lie, from its end: -1 is the last. None once
            every number sees the same.
        seen: Box of every position inside the image, along the local path. One box where all
            positions see the same.
        seen_with_gates: The same along any path.
        map_size: Receptive field of the last feature map, before everything was seen at once.
        gate: The widest view of a gate, which scales a map by what it saw; 0 without a gate.
        sequence: Pixels lie one after another in reading order: sizes count them, not their sides.
        before: The axis before its positions were joined with others, which a reshape may undo, and
            the sizes of the tensor's dims from that axis on.
    """

    image: int
    phases: Boxes
    shift: int
    seen: Boxes
    seen_with_gates: Boxes
    dim: int | None
    map_size: int = 1
    gate: int = 0
    sequence: bool = False
    before: tuple[Axis, tuple[int, ...]] | None = None

    @classmethod
    def of_image(cls, side: int, dim: int) -> Axis:
        """The image itself: every position along that dim sees its own pixel."""
        own: Boxes = tuple((pixel, pixel) for pixel in range(side))
        return cls(image=side, phases=((0, 0),), shift=1, seen=own, seen_with_gates=own, dim=dim)

    @property
    def is_image(self) -> bool:
        """True while every position sees its own pixel alone."""
        return self == Axis.of_image(self.image, self.dim or 0)

    @property
    def size(self) -> int:
        """Receptive field along the local path: the largest over the phases that occur."""
        return _largest(self.phases, len(self.seen))

    @property
    def box(self) -> int:
        """The most pixels that a position sees inside the image."""
        return max(length(box) for box in self.seen)

    @property
    def jump(self) -> Fraction:
        """Distance between neighbours; below 1 after upsampling, 0 where all see the same."""
        return Fraction(self.shift, len(self.phases))

    @property
    def start(self) -> int:
        """First pixel that position 0 sees; negative where it is padding."""
        return next((box[0] for box in self.phases if box is not None), 0)

    @property
    def with_gates(self) -> int:
        """Receptive field along any path."""
        return max(self.size, self.gate)

    def phase(self, position: int) -> Box | None:
        """The box of any position on the plane without borders."""
        periods, rest = divmod(position, len(self.phases))
        box, moved = self.phases[rest], periods * self.shift
        return None if box is None else (box[0] + moved, box[1] + moved)

    def through(self, taps: Taps, n_out: int, border: str = "zeros") -> Axis:
        """The axis after a layer whose position i reads the positions `taps.of(i)` of this axis.

        Args:
            taps: The layer's window.
            n_out: Positions after the layer.
            border: Key of `BORDERS`: what a position beyond the map stands for.
        """
        if self.dim is None:
            return self
        if not taps.rate:  # one position becomes many
            return self.everything()
        have, rate = len(self.phases), taps.rate
        period = have * rate.denominator // math.gcd(have * rate.denominator, rate.numerator)
        phases = tuple(hull(self.phase(i) for i in taps.of(r)) for r in range(period))
        inside = BORDERS[border]
        reads = [[inside(i, len(self.seen)) for i in taps.of(o)] for o in range(n_out)]
        return replace(
            self,
            phases=phases,
            shift=int(self.shift * period * rate / have),
            seen=_gathered(self.seen, reads),
            seen_with_gates=_gathered(self.seen_with_gates, reads),
            map_size=_largest(phases, n_out),
            before=None,
        )

    def everything(self) -> Axis:
        """The axis after pooling over all positions: what they see together."""
        whole, with_gates = hull(self.seen), hull(self.seen_with_gates)
        return self._same(whole, with_gates)

    def at(self, position: int) -> Axis:
        """The axis after one position has been taken out."""
        return self._same(self.seen[position], self.seen_with_gates[position])

    def _same(self, box: Box | None, with_gates: Box | None) -> Axis:
        return replace(
            self,
            phases=(box,),
            shift=0,
            seen=(box,),
            seen_with_gates=(with_gates,),
            dim=None,
            sequence=False,
            before=None,
        )

    def gated(self, box: Box | None, size: int) -> Axis:
        """The axis after a gate that saw `box` has multiplied, divided or shifted the map."""
        wider = tuple(hull((own, box)) for own in self.seen_with_gates)
        return replace(self, gate=max(self.gate, size), seen_with_gates=wider, before=None)


def joined(axes: Sequence[Axis], dim: int) -> tuple[Axis, ...]:
    """The axes whose positions lie one after another in one dim, the last axis fastest.

    The pixels of an image become a sequence, whose sizes count pixels. The positions of a map that
    sees more repeat each row's view, and run through the columns again and again.
    """
    sides = [len(axis.seen) for axis in axes]
    of_pixels = all(axis.is_image for axis in axes)
    found = []
    for at, axis in enumerate(axes):
        times, run = math.prod(sides[:at]), math.prod(sides[at + 1 :])
        round_again = tuple(axis.phase(i // run) for i in range(sides[at] * run))
        repeated = tuple(box for box in axis.phases for _ in range(run))
        found.append(
            replace(
                axis,
                phases=axis.phases if of_pixels else repeated if times == 1 else round_again,
                shift=axis.shift if of_pixels or times == 1 else 0,
                seen=_laid_out(axis.seen, run, times),
                seen_with_gates=_laid_out(axis.seen_with_gates, run, times),
                dim=dim,
                sequence=of_pixels,
                before=(axis, (sides[at],)),
            )
        )
    return tuple(found)


def _laid_out(boxes: Boxes, run: int, times: int) -> Boxes:
    return tuple(box for box in boxes for _ in range(run)) * times


def _largest(phases: Boxes, n_positions: int) -> int:
    return max(length(box) for box in phases[:n_positions])


def _gathered(boxes: Boxes, reads: Sequence[Sequence[int | None]]) -> Boxes:
    return tuple(hull(boxes[i] for i in row if i is not None) for row in reads)


def merged(branches: Sequence[Axis]) -> Axis:
    """The axis where branches meet position by position: from the first to the last pixel.

    A branch that sees the same everywhere gates the others; their own views stay.

    Raises:
        UnevenJumpsError: the branches' positions lie on different grids, or along other dims.
    """
    local = [axis for axis in branches if axis.dim is not None] or list(branches)
    gates = [axis for axis in branches if axis.dim is None and local[0].dim is not None]
    jumps = sorted({axis.jump for axis in local})
    if len(jumps) > 1:
        raise UnevenJumpsError(f"jumps [{', '.join(str(jump) for jump in jumps)}]")
    if len({(axis.dim, axis.sequence) for axis in local}) > 1:
        raise UnevenJumpsError("layout: an axis of the image lies along other dims")
    if len(branches) == 1:
        return branches[0]
    met = _met(local, jumps[0])
    for axis in gates:
        met = met.gated(hull(axis.seen_with_gates), axis.with_gates)
    return met


def _met(local: Sequence[Axis], jump: Fraction) -> Axis:
    period = math.lcm(*(len(axis.phases) for axis in local))
    phases = tuple(hull(axis.phase(r) for axis in local) for r in range(period))
    pooled = local[0].dim is None
    n = len(local[0].seen)
    map_size = max(a.map_size for a in local) if pooled else _largest(phases, n)
    return replace(
        local[0],
        phases=phases,
        shift=int(jump * period),
        seen=tuple(map(hull, zip(*(axis.seen for axis in local), strict=True))),
        seen_with_gates=tuple(map(hull, zip(*(a.seen_with_gates for a in local), strict=True))),
        map_size=map_size,
        gate=max(axis.gate for axis in local),
        before=None,
    )
