"""10-12, pool, 14-16, pool, 18, SiLU: 7,620 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _smooth import unit
from torch import nn

DISPLAY_NAME = "10-12 · 14-16 · 18, SiLU"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 10),
            unit(10, 12),
            nn.MaxPool2d(2),
            unit(12, 14),
            unit(14, 16),
            nn.MaxPool2d(2),
            unit(16, 18),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(18, 10),
        )
