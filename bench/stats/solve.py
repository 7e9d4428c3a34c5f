"""Two searches that the intervals and the plans share."""

from __future__ import annotations

from collections.abc import Callable

HALVINGS = 60  # an interval of length 1 shrinks below 1e-18


def last_true(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds at `low` and not at `high` stops to hold; it turns once."""
    for _ in range(HALVINGS):
        centre = (low + high) / 2
        low, high = (centre, high) if holds(centre) else (low, centre)
    return low


def fewest(holds: Callable[[int], bool], start: int = 0, limit: int = 10**7) -> int | None:
    """The smallest whole number from `start` at which a condition holds; it never turns back.

    Returns:
        None where it does not hold up to the limit.
    """
    if holds(start):
        return start
    fails, step = start, 1
    while not holds(fails + step):
        fails, step = fails + step, step * 2
        if fails + step > limit:
            return None
    meets = fails + step
    while meets - fails > 1:
        centre = (fails + meets) // 2
        fails, meets = (fails, centre) if holds(centre) else (centre, meets)
    return meets
