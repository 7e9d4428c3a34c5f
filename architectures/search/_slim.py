"""Depthwise-separable units with a smooth activation, padded so that sides stay."""

from __future__ import annotations

from torch import nn


def unit(channels_in: int, channels_out: int, kernel: int) -> nn.Sequential:
    """Convolution without bias, BatchNorm, SiLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    )


def separable(channels_in: int, channels_out: int, kernel: int) -> nn.Sequential:
    """Depthwise convolution, BatchNorm, pointwise convolution, BatchNorm, SiLU."""
    return nn.Sequential(
        nn.Conv2d(
            channels_in,
            channels_in,
            kernel,
            padding=kernel // 2,
            groups=channels_in,
            bias=False,
        ),
        nn.BatchNorm2d(channels_in),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    )
