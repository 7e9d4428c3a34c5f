"""Stack 10-10, pool, 16-16-16, each kernel and its mirror image, SiLU, fine: 3,825 parameters.

Source: ours, after Cohen and Welling, 2016; a candidate of the search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _fine import FineStack
from _turned import Lifted, Turned, unit
from torch import nn

DISPLAY_NAME = "10-10 · 16-16-16, mirrored, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(Lifted(1, 5, 2)),
            unit(Turned(5, 5, 2)),
            nn.MaxPool2d(2),
            unit(Turned(5, 8, 2)),
            unit(Turned(8, 8, 2)),
            unit(Turned(8, 8, 2)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * 8, 10),
        )
