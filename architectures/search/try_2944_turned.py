"""Stack 8-12, pool, 20-20-20, each kernel in four orientations, SiLU, fine: 2,944 parameters.

Source: ours, after Cohen and Welling, 2016; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _fine import FineStack
from _turned import Lifted, Turned, unit
from torch import nn

DISPLAY_NAME = "8-12 · 20-20-20, turned, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(Lifted(1, 2, 4)),
            unit(Turned(2, 3, 4)),
            nn.MaxPool2d(2),
            unit(Turned(3, 5, 4)),
            unit(Turned(5, 5, 4)),
            unit(Turned(5, 5, 4)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(20, 10),
        )
