"""What stands beside the intervals of means."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.arms import Arm
from bench.stats.means import FEWEST_FOR_T

APPROXIMATE = (
    f"A 95% t interval of fewer than {FEWEST_FOR_T} runs is approximate. Near 100 % the counts "
    "can be skewed. Then the interval contains the true mean in 91 to 92 of 100 cases."
)


def notes(arms: Iterable[Arm]) -> tuple[str, ...]:
    """How far the arms' t intervals can be trusted; nothing where every one is exact enough."""
    return (APPROXIMATE,) if any(arm.accuracy().is_approximate for arm in arms) else ()
