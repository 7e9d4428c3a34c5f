"""Convolutions whose kernels are used in several orientations: maps that share their weights.

Group convolutions (Cohen and Welling, 2016) over a cyclic group: the four quarter turns, or the
image and its mirror image. An output map stands for a kernel in one orientation; the same weights
give the maps of the others. The linear layer at the end reads each orientation by itself, so the
network tells a 6 from a 9 and a 2 from its mirror image. Each map has a BatchNorm of its own:
orientations share their kernels, not their scales, so only before training does a turned image give
exactly the turned features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Lifted(nn.Conv2d):
    """(n, in, height, width) -> (n, orientations * out, height - 2, width - 2).

    Args:
        channels_in: of an image, or of maps that stand for no orientation.
        channels_out: kernels; each gives one map an orientation, the orientations outermost.
        orientations: 4 for the quarter turns, 2 for the image and its mirror image.
    """

    def __init__(self, channels_in: int, channels_out: int, orientations: int) -> None:
        super().__init__(channels_in, channels_out, 3, bias=False)
        self.orientations = orientations

    def kernel(self, orientation: int) -> Tensor:
        """The weights in one orientation: (out, in, 3, 3)."""
        kernel = self.weight
        for _ in range(orientation):
            kernel = kernel.flip(3) if self.orientations == 2 else kernel.transpose(2, 3).flip(2)
        return kernel

    def forward(self, x: Tensor) -> Tensor:
        kernels = torch.cat([self.kernel(turn) for turn in range(self.orientations)])
        return self._conv_forward(x, kernels, None)


class Turned(Lifted):
    """(n, orientations * in, height, width) -> (n, orientations * out, height - 2, width - 2).

    What a kernel reads of orientation g, its copy turned by h reads of orientation g + h.
    """

    def __init__(self, channels_in: int, channels_out: int, orientations: int) -> None:
        super().__init__(orientations * channels_in, channels_out, orientations)

    def kernel(self, orientation: int) -> Tensor:
        per_orientation = self.in_channels // self.orientations
        return super().kernel(orientation).roll(orientation * per_orientation, 1)


def unit(convolution: Lifted) -> nn.Sequential:
    """The convolution, BatchNorm, SiLU."""
    channels_out = convolution.orientations * convolution.out_channels
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.SiLU())
