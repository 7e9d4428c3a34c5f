"""A measure's notes: what all architectures share said once, the rest under each one's name."""

from __future__ import annotations

from bench.spec import Portrait


def notes(portraits: list[Portrait], measure: str) -> tuple[str, ...]:
    """Conventions and what was not counted; a measure that did not apply says why.

    Args:
        portraits: Each holds the measure.
        measure: Its name.
    """
    told = {p.display_name: _told(p, measure) for p in portraits}
    first = next(iter(told.values()), [])
    common = [note for note in first if all(note in own for own in told.values())]
    if len(told) < 2:
        return tuple(common)
    rest = {name: [note for note in own if note not in common] for name, own in told.items()}
    return (*common, *(f"{name}: {'; '.join(own)}" for name, own in rest.items() if own))


def _told(portrait: Portrait, measure: str) -> list[str]:
    found = portrait.measures[measure]
    return [*found.notes, *([f"not measured: {found.error}"] if found.error else [])]
