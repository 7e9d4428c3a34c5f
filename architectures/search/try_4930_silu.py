"""8-8-8, pool, 12-12-12, SiLU: 4,930 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _smooth import unit
from torch import nn

DISPLAY_NAME = "8-8-8 · 12-12-12, SiLU"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 8),
            unit(8, 8),
            unit(8, 8),
            nn.MaxPool2d(2),
            unit(8, 12),
            unit(12, 12),
            unit(12, 12),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, 10),
        )
