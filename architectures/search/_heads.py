"""Heads of the candidates: how the last map becomes one number a feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightedAndMax(nn.Module):
    """(n, channels, side, side) -> (n, 2 * channels): weighted means of pixels, and maxima."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, side, side), 1 / side**2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(((x * self.weight).sum((2, 3)), x.amax((2, 3))), 1)


class Maps(nn.Module):
    """(n, channels, side, side) -> (n, maps * channels): means by weights that channels share."""

    def __init__(self, side: int, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((maps, side, side), 1 / side**2))
        nn.init.normal_(self.weight, 1 / side**2, 0.5 / side**2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,mhw->ncm", x, self.weight).flatten(1)
