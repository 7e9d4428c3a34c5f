"""6-8, pool, 8-10-10, SiLU: 2,876 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _smooth import unit
from torch import nn

DISPLAY_NAME = "6-8 · 8-10-10, SiLU"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 6),
            unit(6, 8),
            nn.MaxPool2d(2),
            unit(8, 8),
            unit(8, 10),
            unit(10, 10),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(10, 10),
        )
