"""Parts of the candidates that are no plain stack: padding, other heads, shared weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def unit(channels_in: int, channels_out: int, padding: int = 0, kernel: int = 3) -> nn.Sequential:
    """Convolution without bias, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=padding, bias=False),
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


class Levels(nn.Module):
    """Layers one after another; (n, sum of their channels): the mean pixel of each one's output."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        means = []
        for layer in self.layers:
            x = layer(x)
            means.append(x.mean((2, 3)))
        return torch.cat(means, 1)


class Dense(nn.Module):
    """Padded units that read all that came before them; (n, sum of all channels, sides as were)."""

    def __init__(self, channels: int, growth: int, times: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(
            unit(channels + number * growth, growth, padding=1) for number in range(times)
        )

    def forward(self, x: Tensor) -> Tensor:
        for each in self.units:
            x = torch.cat((x, each(x)), 1)
        return x
