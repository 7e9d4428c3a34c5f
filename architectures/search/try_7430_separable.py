"""24, separable 24, pool, 32-36, pool, 36: 7,430 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _variants import separable, unit
from torch import nn

DISPLAY_NAME = "24-24 · 32-36 · 36, separable"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 24),
            separable(24, 24, 3),
            nn.MaxPool2d(2),
            separable(24, 32, 5),
            separable(32, 36, 5),
            nn.MaxPool2d(2),
            separable(36, 36, 5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(36, 10),
        )
