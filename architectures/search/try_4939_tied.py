"""9-10, pool, 16, 16 twice by the same weights, SiLU, evaluated without stride: 4,939 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _fine import FineStack
from _smooth import unit
from _tied import Tied
from torch import nn

DISPLAY_NAME = "9-10 · 16-16=16, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 9),
            unit(9, 10),
            nn.MaxPool2d(2),
            unit(10, 16),
            Tied(16, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
