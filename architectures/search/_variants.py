"""Parts of the candidates that are no plain stack: padding, other heads, shared weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def unit(channels_in: int, channels_out: int, padding: int = 0) -> nn.Sequential:
    """Convolution 3x3 without bias, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def separable(channels_in: int, channels_out: int, kernel: int) -> nn.Sequential:
    """Depthwise and pointwise convolution, each normalised, ReLU after the second; padded."""
    edge = kernel // 2
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, kernel, padding=edge, groups=channels_in, bias=False),
        nn.BatchNorm2d(channels_in),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class MeanAndMax(nn.Module):
    """(n, channels, height, width) -> (n, 2 * channels): each channel's mean and its maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)


class Again(nn.Module):
    """One 3x3 convolution applied several times, each with a BatchNorm of its own; padded."""

    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(times))

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = norm(self.convolution(x)).relu()
        return x


class PixelWeights(nn.Module):
    """(n, channels, side, side) -> (n, channels): each channel's own weighted mean of pixels."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, side, side), 1 / side**2))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).sum((2, 3))
