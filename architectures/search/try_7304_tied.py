"""10-12, pool, 20, 20 twice by the same weights, SiLU, evaluated without stride: 7,304 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _fine import FineStack
from _smooth import unit
from _tied import Tied
from torch import nn

DISPLAY_NAME = "10-12 · 20-20=20, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 10),
            unit(10, 12),
            nn.MaxPool2d(2),
            unit(12, 20),
            Tied(20, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(20, 10),
        )
