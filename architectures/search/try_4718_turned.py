"""Stack 16-16, pool, 32 three times by the same, four orientations, SiLU: 4,718 parameters.

Source: ours, after Cohen and Welling, 2016; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _fine import FineStack
from _turned import Lifted, Turned, unit
from _turned_tied import TurnedTied
from torch import nn

DISPLAY_NAME = "16-16 · 32-32=32=32, turned, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(Lifted(1, 4, 4)),
            unit(Turned(4, 4, 4)),
            nn.MaxPool2d(2),
            unit(Turned(4, 8, 4)),
            TurnedTied(8, 4, 3),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, 10),
        )
