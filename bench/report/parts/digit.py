"""One real digit to draw on: the one that most of the runs missed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.parts.misses import misses
from bench.report.summary import Summary
from bench.stats.format import integer


@dataclass(frozen=True)
class Shown:
    """Its 784 grey levels, and what it is, in words."""

    pixels: bytes
    words: str


def typical_digit(summary: Summary) -> Shown | None:
    """The digit that most of these runs missed, of those whose pixels the suite keeps."""
    found = misses(summary)
    if found is None:
        return None
    for place, index in enumerate(found.indices):
        digit = found.digits.get(int(index))
        if digit is None:
            continue
        label = "" if digit.label is None else f", a {digit.label}"
        n_missed, n_runs = int(found.n_missed[place]), len(found.runs)
        return Shown(
            pixels=bytes.fromhex(digit.pixels),
            words=f"test image {integer(int(index))}{label}, missed by {n_missed} of {n_runs} runs",
        )
    return None
