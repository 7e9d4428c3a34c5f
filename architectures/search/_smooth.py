"""The stack's unit with a smooth activation."""

from __future__ import annotations

from torch import nn


def unit(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 without padding or bias, BatchNorm, SiLU: each side is 2 smaller."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    )
