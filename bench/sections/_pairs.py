"""Arms compared in pairs, their p corrected together; no wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bench.sections._summary import Arm, Summary
from bench.stats import DRAW_SEED, MISSING, TEST_ALPHA, Comparison, Design, compare, holm

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
    results = [_compare(first, second) for first, second in pairs]
    tests = [one.test for one in results]
    corrected = holm([test.p if test else None for test in tests])
    smallest = holm([test.smallest_p if test else None for test in tests])
    return [
        Pair(*arms, replace(one, holm_p=p, smallest_holm_p=least))
        for arms, one, p, least in zip(pairs, results, corrected, smallest, strict=True)
    ]


def _compare(first: Arm, second: Arm) -> Comparison:
    """In pairs of one seed where most runs of both have a partner, else as two samples."""
    ours, theirs = _by_seed(first), _by_seed(second)
    shared = sorted(ours.keys() & theirs.keys())
    paired = 2 * len(shared) > max(len(ours), len(theirs))
    seeds = (shared, shared) if paired else (sorted(ours), sorted(theirs))
    return compared(
        tuple(ours[seed] for seed in seeds[0]),
        tuple(theirs[seed] for seed in seeds[1]),
        Design(n_images=first.n_test, paired=paired, seed=DRAW_SEED, n_resamples=0),
    )


def _by_seed(arm: Arm) -> dict[int, int]:
    right = {run.seed: correct for run, correct in arm.tested}
    return {run.seed: right.get(run.seed, MISSING) for run in arm.runs}


def seeds_to_reach(n_pairs: int) -> int:
    """The fewest seeds whose most extreme sign-flip p, 2 / 2^n, passes Holm's first step."""
    return next(n for n in range(1, 64) if n_pairs * 2.0 ** (1 - n) < TEST_ALPHA)
