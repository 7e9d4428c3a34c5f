"""Stacks that are evaluated at a finer output stride than they are trained at.

While it trains, max-pooling halves the sides. In evaluation it has no stride, and what follows is
dilated instead: the same weights read every second pixel of a map that is whole, and the mean at
the end is taken over all positions instead of every fourth. DeepLabv3 (Chen et al., 2017) trains
at an output stride of 16 and evaluates at 8 in this way.
"""

from __future__ import annotations

from typing import Self

from torch import nn


class FineStack(nn.Sequential):
    """Layers one after another, the pooling's stride replaced by dilation in evaluation mode."""

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        rate = 1
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                layer.dilation = (rate, rate)
            elif isinstance(layer, nn.MaxPool2d):
                layer.stride, layer.dilation = (2 if mode else 1), rate
                rate *= 1 if mode else 2
        return self
