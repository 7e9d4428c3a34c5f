"""Stack 16-16, pool, 48-48-48, eight orientations, all factored, SiLU, fine: 2,356 parameters.

Source: ours, after Cohen and Welling, 2016, and Lengyel and van Gemert, 2021; a candidate of the
search that docs/record.md tells of.
Evidence: `results/search/`, runs that never looked at the test split.
"""

from __future__ import annotations

import _stack
from _factored import Factored
from _fine import FineStack
from _mirrored import Lifted, unit
from torch import nn

DISPLAY_NAME = "16-16 · 48-48-48, mirrored and turned, all factored, SiLU, fine"
RECIPE = _stack.RECIPE
COMPONENTS: dict[str, str] = {}


class Network(FineStack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__(
            unit(Lifted(1, 2)),
            unit(Factored(2, 2)),
            nn.MaxPool2d(2),
            unit(Factored(2, 6)),
            unit(Factored(6, 6)),
            unit(Factored(6, 6)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(48, 10),
        )
