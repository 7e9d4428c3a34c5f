"""Which seeds a command means."""

from __future__ import annotations

import re

from bench.errors import UsageError

RANGE = re.compile(r"(\d+)-(\d+)")
MAX_SEEDS = 100_000
TOO_LONG = re.compile(r"\d{19}")  # torch takes seeds of 64 bits


def parse_seeds(text: str) -> list[int]:
    """`5` -> seeds 0 to 4; `0-29` -> a range; `0,3,7` -> a list, ranges allowed in it.

    Raises:
        UsageError: no seeds, a negative or unreadable one, a range that runs backwards, or
            one seed twice.
    """
    if TOO_LONG.search(text):
        raise _bad_seeds(text[:60], "a seed has more than 18 digits")
    if text.strip().isascii() and text.strip().isdigit():
        seeds = list(range(_bounded(text, int(text.strip()))))
    else:
        seeds = [seed for part in text.split(",") for seed in _part(text, part.strip())]
    if not seeds:
        raise _bad_seeds(text, "no seeds")
    if len(set(seeds)) < len(seeds):
        raise _bad_seeds(text, "a seed is given twice")
    return seeds


def _part(text: str, part: str) -> list[int]:
    if part.isascii() and part.isdigit():
        return [int(part)]
    match = RANGE.fullmatch(part)
    if not match or not part.isascii():
        raise _bad_seeds(text, f"'{part}' is no seed")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise _bad_seeds(text, f"the range '{part}' runs backwards")
    _bounded(text, last - first + 1)
    return list(range(first, last + 1))


def _bounded(text: str, n_seeds: int) -> int:
    if n_seeds > MAX_SEEDS:
        raise _bad_seeds(text, f"more than {MAX_SEEDS} seeds")
    return n_seeds


def _bad_seeds(text: str, what: str) -> UsageError:
    return UsageError(
        f"bad seeds '{text}': {what}", where="--seeds", remedy="give 5, 0-29 or 0,3,7"
    )
