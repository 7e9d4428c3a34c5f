"""10-10, pool, 16-16-16, milder augmentation: 7,344 parameters.

A candidate of the search that docs/record.md tells of, trained by `--no-test` runs alone.
"""

from __future__ import annotations

import _stack
from msgspec.structs import replace

DISPLAY_NAME = "10-10 · 16-16-16, milder augmentation"
RECIPE = replace(
    _stack.RECIPE,
    augmentation=replace(_stack.RECIPE.augmentation, rotation_degrees=4.0, translate=0.05),
)
COMPONENTS: dict[str, str] = {}


class Network(_stack.Stack):
    """(n, 1, 28, 28) images -> (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__((10, 10), (16, 16, 16))
