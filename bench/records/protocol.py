"""How a whole suite is judged, where that was declared before its first run. No torch.

A suite without such a declaration is of a fixed number of runs. One that goes on until it is
decided stops because of what it found, so exact bounds for a fixed number would be wrong for it:
it is judged by its confidence sequence only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bench.spec import SCHEMA, Count, Fraction, Frozen, PositiveInt


class Protocol(Frozen, frozen=True, kw_only=True):
    """The declaration as it lies in `results/<suite>/protocol.json`. Immutable."""

    schema: int = SCHEMA
    rule: Literal["until-decided"] = "until-decided"
    rate: Fraction  # the share of runs that must meet the target
    target: Annotated[float, msgspec.Meta(gt=0, le=100)]  # percent of the test images
    cap: PositiveInt  # runs of an architecture at most
    alpha: Fraction  # one-sided, of each bound
    first_seed: Count = 0  # the runs are judged in the order of their seeds, from this one
