"""The comparison of two sides, row by row; data alone, no wording."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.errors import bad_option
from bench.evidence.comparison.drift import Difference, differences
from bench.evidence.comparison.matching import match
from bench.records.arms import Arm, Split, arms
from bench.records.bits import Bits, bits
from bench.records.places import Place, choose_split, runs_at, runs_of_suites
from bench.records.store import Suite
from bench.spec import NOT_KNOWN, RunRecord
from bench.stats.comparison import Comparison, Design, corrected
from bench.stats.comparison import compare as compare_counts
from bench.stats.declared import DRAW_SEED, MARGIN_POINTS
from bench.stats.images import Crossed, crossed_difference

EXIT_NOT_REPRODUCED = 1


@dataclass(frozen=True)
class Request:
    """What to compare, and what was declared before."""

    first: Place
    second: Place
    results: Path
    split: str | None = None
    margin_points: float = MARGIN_POINTS


@dataclass(frozen=True)
class Side:
    """One arm: every run counts in `n`, the figures stand on the `n_counted` completed ones."""

    name: str
    architecture: str
    seeds: list[int]
    n: int
    n_counted: int
    misses: dict[str, int]  # diverged or failed -> runs
    mean_percent: float | None
    sd_points: float | None
    minimum: int | None  # right answers
    maximum: int | None
    origin: str = "engine"  # else how runs that are not ours are marked


@dataclass(frozen=True)
class ComparedPair:
    """First arm less second arm."""

    dataset: str
    split: Split
    n_images: int
    first: Side
    second: Side
    comparison: Comparison
    new_images: Crossed | None  # as if both met other images; None without missed images
    can_reach_alpha: bool  # whether so few runs could have given a p below 0.05, after Holm
    differences: list[Difference]
    same_environment: bool | None  # all runs have one fingerprint; None: a run's is not known


@dataclass(frozen=True)
class SideComparison:
    """All that was found."""

    first: str
    second: str
    margin_points: float
    bootstrap_seed: int
    rows: list[ComparedPair]
    left_out: list[str]  # arms without a counterpart
    bits: Bits

    @property
    def exit_code(self) -> int:
        return EXIT_NOT_REPRODUCED if self.bits.failures else 0


def compare(request: Request) -> SideComparison:
    """Reads both sides and compares what they have in common.

    Raises:
        UsageError: a side that is not there, other images, or nothing in common.
        StoreError: a record cannot be read.
    """
    if not 0 < request.margin_points < 100:
        remedy = "give points between 0 and 100, such as 0.05"
        raise bad_option("margin", request.margin_points, remedy)
    places = (request.first, request.second)
    runs_of = runs_of_suites(places, request.results)
    sides = [runs_at(place, runs_of[place.suite]) for place in places]
    split = choose_split(request.split, sides)
    found = [
        arms(place.suite, runs, split, Suite(request.results, place.suite).protocol())
        for place, runs in zip(places, sides, strict=True)
    ]
    across = all(place.architecture for place in places)
    matched = match(found[0], found[1], across=across)
    compared = [_compared(*pair, split, request.margin_points) for pair in matched.pairs]
    return SideComparison(
        first=str(request.first),
        second=str(request.second),
        margin_points=request.margin_points,
        bootstrap_seed=DRAW_SEED,
        rows=[
            _row(*pair, split, result)
            for pair, result in zip(matched.pairs, corrected(compared), strict=True)
        ],
        left_out=list(matched.left_out),
        bits=bits(*sides) if request.first.suite != request.second.suite else Bits(0, ()),
    )


def _compared(ours: Arm, theirs: Arm, split: Split, margin_points: float) -> Comparison:
    design = Design(ours.n_images(split), margin_points)
    return compare_counts(ours.counts(split), theirs.counts(split), design)


def _row(ours: Arm, theirs: Arm, split: Split, found: Comparison) -> ComparedPair:
    environments = ours.environments | theirs.environments
    return ComparedPair(
        dataset=ours.dataset.name,
        split=split,
        n_images=ours.n_images(split),
        first=_side(ours, split),
        second=_side(theirs, split),
        comparison=found,
        new_images=_on_new_images(ours, theirs) if split == "test" else None,
        can_reach_alpha=found.can_reach_alpha,
        differences=differences(ours.runs, theirs.runs),
        same_environment=None if NOT_KNOWN in environments else len(environments) == 1,
    )


def _on_new_images(ours: Arm, theirs: Arm) -> Crossed | None:
    """The difference over new runs on new images; records say which test images were missed."""
    tables = [arm.right_answers() for arm in (ours, theirs)]
    if not all(map(len, tables)):
        return None
    return crossed_difference(*tables)


def _side(arm: Arm, split: Split) -> Side:
    found = arm.accuracy(split)
    mean = found.mean_percent
    return Side(
        name=arm.name,
        architecture=arm.architecture,
        seeds=arm.seeds,
        n=len(arm.runs),
        n_counted=len(found.counts),
        misses=_misses(arm.runs),
        mean_percent=None if mean is None else float(mean),
        sd_points=found.sd_points,
        minimum=min(found.counts, default=None),
        maximum=max(found.counts, default=None),
        origin=arm.first.foreign.words if arm.first.foreign else "engine",
    )


def _misses(runs: tuple[RunRecord, ...]) -> dict[str, int]:
    return dict(sorted(Counter(run.status for run in runs if not run.completed).items()))
