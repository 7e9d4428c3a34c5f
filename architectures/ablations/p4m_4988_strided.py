"""`p4m_4988` evaluated as it is trained, at an output stride of 2: 4,988 parameters.

Source: `architectures/record/p4m_4988.py`; the training is the same, step for step. It tells what
the finer evaluation is worth to that network.
Evidence: `results/reference/mnist/p4m_4988_strided/`; docs/record.md has the effect.
"""

from __future__ import annotations

from typing import Self

import _p4m_4988
from torch import nn

DISPLAY_NAME = "P4m stack 4,988, strided"
RECIPE = _p4m_4988.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(_p4m_4988.Network):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def train(self, mode: bool = True) -> Self:
        """Sets the mode, and in evaluation leaves the output stride at that of training."""
        nn.Sequential.train(super().train(True), mode)
        return self
