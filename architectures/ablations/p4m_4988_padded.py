"""`p4m_4988` with padded convolutions: 4,988 parameters.

Source: `architectures/record/p4m_4988.py` with a border of zeros around what each convolution
reads, so that only the pooling shrinks: 28, 28, 14, 14, 14, 14, 14 pixels a side, not 26, 24, 12,
10, 8, 6, 4. Where a convolution is dilated its border is as wide as its reach. It tells what
padding is worth to that network.
Evidence: `results/reference/mnist/p4m_4988_padded/`; docs/record.md has the effect.
"""

from __future__ import annotations

from typing import Self

import _p4m_4988
from torch import nn

DISPLAY_NAME = "P4m stack 4,988, padded"
RECIPE = _p4m_4988.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(_p4m_4988.Network):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def train(self, mode: bool = True) -> Self:
        """As the whole network's; each convolution's padding follows its dilation."""
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                layer.padding = layer.dilation
        return self
