"""10-10, pool, 16-16-16, SiLU, dropout before each of the last three: 7,344 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _smooth import unit
from torch import nn

DISPLAY_NAME = "10-10 · 16-16-16, SiLU, dropout"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 10),
            unit(10, 10),
            nn.MaxPool2d(2),
            nn.Dropout(0.05),
            unit(10, 16),
            nn.Dropout(0.05),
            unit(16, 16),
            nn.Dropout(0.05),
            unit(16, 16),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
