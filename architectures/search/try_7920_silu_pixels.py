"""10-10, pool, 16-16-16, SiLU, pixels weighted by channel: 7,920 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _smooth import unit
from _variants import PixelWeights
from torch import nn

DISPLAY_NAME = "10-10 · 16-16-16, SiLU, weighted pixels"
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
            unit(16, 16),
            PixelWeights(16, 6),
            nn.Linear(16, 10),
        )
