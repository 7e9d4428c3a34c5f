"""Arms compared in pairs, their p corrected together; no wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bench.records.arms import Arm
from bench.report.summary import Summary
from bench.stats.comparison import Comparison, Design, compare, corrected

MOST_ARMS = 12  # of which every pair is compared
MOST_DRAWN = 10_000  # pairs times runs: above it all pairs would take longer than ten seconds
compared = lru_cache(maxsize=2_048)(compare)  # the index and report.md ask the same


@dataclass(frozen=True)
class Pair:
    """Two arms and what their runs say."""

    first: Arm
    second: Arm
    result: Comparison


def is_small(arms: Sequence[Arm]) -> bool:
    """Whether every pair is compared, not only those with the best arm."""
    n_pairs = len(arms) * (len(arms) - 1) // 2
    n_runs = max((len(arm.runs) for arm in arms), default=0)
    return len(arms) <= MOST_ARMS and n_pairs * n_runs <= MOST_DRAWN


def networks_of_many(summary: Summary, arms: list[Arm], *, few: bool) -> list[Arm]:
    """The arms; where they are not few, those that are no variation of another, if several."""
    networks = [arm for arm in arms if not summary.is_variation(arm)]
    return arms if few or len(networks) < 2 else networks


def tested(pairs: Sequence[tuple[Arm, Arm]]) -> list[Pair]:
    """Every pair compared, the p of all corrected together."""
    found = corrected([_compare(first, second) for first, second in pairs])
    return [Pair(*arms, one) for arms, one in zip(pairs, found, strict=True)]


def _compare(first: Arm, second: Arm) -> Comparison:
    ours, theirs = (tuple(arm.counts("test")) for arm in (first, second))
    return compared(ours, theirs, Design(first.n_test, n_resamples=0))
