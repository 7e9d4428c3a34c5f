"""10-10, pool, 16-16-14, weighted pixels and maximum read: 7,676 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _heads import WeightedAndMax
from _variants import unit
from torch import nn

DISPLAY_NAME = "10-10 · 16-16-14, weighted and max"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 10),
            unit(10, 10),
            nn.MaxPool2d(2),
            unit(10, 16),
            unit(16, 16),
            unit(16, 14),
            WeightedAndMax(14, 6),
            nn.Linear(28, 10),
        )
