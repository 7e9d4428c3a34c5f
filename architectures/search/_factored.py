"""Kernels in eight orientations, each a product: a spatial kernel times a share an orientation.

Separable group convolutions (Lengyel and van Gemert, 2021): what a map reads of another is one 3x3
kernel for all orientations of that other, times one number for each, 17 weights instead of 72.
"""

from __future__ import annotations

import torch
from _mirrored import ORIENTATIONS, Lifted, after
from torch import Tensor, nn


class Factored(Lifted):
    """(n, 8 * in, height, width) -> (n, 8 * out, height - 2, width - 2), orientations outermost."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out)  # the spatial kernels: (out, in, 3, 3)
        shares = torch.randn(ORIENTATIONS, channels_out, channels_in)
        self.shares = nn.Parameter(shares / ORIENTATIONS**0.5)

    def forward(self, x: Tensor) -> Tensor:
        turned = torch.stack([self.kernel(orientation) for orientation in range(ORIENTATIONS)])
        kernels = turned.unsqueeze(2) * self.shares[READ].transpose(1, 2)[..., None, None]
        return self._conv_forward(x, kernels.flatten(2, 3).flatten(0, 1), None)


def _read(orientation: int) -> list[int]:
    """Which ones are brought to the first, second, ... place by that orientation."""
    places = [after(first, orientation) for first in range(ORIENTATIONS)]
    return [places.index(place) for place in range(ORIENTATIONS)]


READ = torch.tensor([_read(orientation) for orientation in range(ORIENTATIONS)])
