"""The unit with SiLU and with padding, so that the maps keep their sides."""

from __future__ import annotations

from torch import nn


def padded(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 without bias, padded by one, BatchNorm, SiLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    )
