"""10-10, pool without stride, 16-16-16 dilated, SiLU: 7,344 parameters.

Source: ours; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _trous import unit
from torch import nn

DISPLAY_NAME = "10-10 · 16-16-16 dilated, SiLU"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(1, 10),
            unit(10, 10),
            nn.MaxPool2d(2, stride=1),
            unit(10, 16, 2),
            unit(16, 16, 2),
            unit(16, 16, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
