"""Dilated units: what a pooling with stride would skip is computed, and averaged at the end."""

from __future__ import annotations

from torch import nn


def unit(channels_in: int, channels_out: int, dilation: int = 1) -> nn.Sequential:
    """Convolution 3x3 without padding or bias, BatchNorm, SiLU: sides are 2 * dilation smaller."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, dilation=dilation, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    )
