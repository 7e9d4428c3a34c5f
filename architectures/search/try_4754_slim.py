"""16, pool, separable 28-28, pool, separable 32, SiLU: 4,754 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _slim import separable, unit
from torch import nn

DISPLAY_NAME = "16 · 28-28 · 32, separable, SiLU"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 16, 3),
            nn.MaxPool2d(2),
            separable(16, 28, 5),
            separable(28, 28, 5),
            nn.MaxPool2d(2),
            separable(28, 32, 5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, 10),
        )
