"""Convolutions whose kernels are used in eight orientations: quarter turns, and these mirrored.

Group convolutions over the symmetries of the square (p4m; Cohen and Welling, 2016). An orientation
is a number 4m + r: mirrored left to right m times, then turned r times. The linear layer at the end
reads each orientation by itself, so that the network tells an image from its turned or mirrored
copy. Each map has a BatchNorm of its own: orientations share their kernels, not their scales, so
only before training does a turned image give exactly the turned features.
"""

from __future__ import annotations

from torch import Tensor, cat, nn

ORIENTATIONS = 8


def after(first: int, then: int) -> int:
    """The orientation of what has one orientation and is brought to another in addition."""
    turns = first % 4 if then < 4 else -first  # a mirror turns the other way what was turned before
    return 4 * ((first // 4 + then // 4) % 2) + (then + turns) % 4


class Lifted(nn.Conv2d):
    """(n, in, height, width) -> (n, 8 * out, height - 2, width - 2), orientations outermost.

    Args:
        channels_in: of an image, or of maps that stand for no orientation.
        channels_out: kernels; each gives one map an orientation.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, bias=False)

    def kernel(self, orientation: int) -> Tensor:
        """The weights in one orientation: (out, in, 3, 3)."""
        kernel = self.weight.flip(3) if orientation >= 4 else self.weight
        for _ in range(orientation % 4):
            kernel = kernel.transpose(2, 3).flip(2)
        return kernel

    def forward(self, x: Tensor) -> Tensor:
        kernels = cat([self.kernel(orientation) for orientation in range(ORIENTATIONS)])
        return self._conv_forward(x, kernels, None)


class Mirrored(Lifted):
    """(n, 8 * in, height, width) -> (n, 8 * out, height - 2, width - 2).

    What a kernel reads of one orientation, its copy in orientation g reads of that brought to g.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(ORIENTATIONS * channels_in, channels_out)

    def kernel(self, orientation: int) -> Tensor:
        read = super().kernel(orientation).chunk(ORIENTATIONS, 1)
        places = [after(first, orientation) for first in range(ORIENTATIONS)]
        return cat([read[places.index(place)] for place in range(ORIENTATIONS)], 1)


def unit(convolution: Lifted) -> nn.Sequential:
    """The convolution, BatchNorm, SiLU."""
    return nn.Sequential(
        convolution, nn.BatchNorm2d(ORIENTATIONS * convolution.out_channels), nn.SiLU()
    )
