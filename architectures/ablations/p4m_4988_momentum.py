"""`p4m_4988` with a BatchNorm momentum of 0.01 instead of 0.1: 4,988 parameters.

Source: `architectures/record/p4m_4988.py`; its running statistics are means over about a hundred
steps instead of ten. It tells what that momentum is worth to that network.
Evidence: `results/reference/mnist/p4m_4988_momentum/`; docs/record.md has the effect.
"""

from __future__ import annotations

import _p4m_4988
from torch import nn

DISPLAY_NAME = "P4m stack 4,988, BatchNorm momentum 0.01"
RECIPE = _p4m_4988.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(_p4m_4988.Network):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.01
