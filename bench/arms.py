"""Which recorded runs a person means, as arms: runs that differ in nothing but the seed.

No torch. An arm is named `suite/dataset/architecture/digest`; the digest, six hex digits over
what its runs share, is needed only where a suite holds several arms of one architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UsageError, nearest
from bench.spec import DatasetInfo, Epoch, RunRecord, canonical_json, digest
from bench.stats import MISSING
from bench.store import Suite

Split = Literal["test", "validation"]
SPLITS: tuple[Split, ...] = ("test", "validation")


@dataclass(frozen=True)
class Place:
    """What a person asks for: a suite, or one data set or architecture of it, or one arm."""

    suite: str
    dataset: str | None = None
    architecture: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        parts = (self.suite, self.dataset, self.architecture, self.digest)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class Arm:
    """Runs that differ only in the seed, one a seed, in the seeds' order."""

    suite: str
    runs: tuple[RunRecord, ...]

    @property
    def architecture(self) -> str:
        return self.runs[0].architecture

    @property
    def dataset(self) -> DatasetInfo:
        return self.runs[0].dataset

    @property
    def seeds(self) -> list[int]:
        return [run.seed for run in self.runs]

    @property
    def identity(self) -> str:
        """64 hex digits over what the runs share, whatever the architecture's name."""
        return _identity(self.runs[0])

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.dataset.name}/{self.architecture}/{self.identity[:6]}"

    def n_images(self, split: Split) -> int:
        return self.dataset.n_test if split == "test" else self.dataset.n_validation

    def counts(self, split: Split) -> list[int]:
        """Right answers after the last epoch, (n_runs,); `MISSING` for a run without them."""
        return [last_count(run, split) for run in self.runs]


def last_count(run: RunRecord, split: Split) -> int:
    """Right answers after the last epoch; `MISSING` for a run that did not complete."""
    if not run.completed:
        return MISSING
    count = _count(run.epochs[-1], split)
    return MISSING if count is None else count


def best_count(run: RunRecord, split: Split) -> int:
    """Right answers after the best epoch, chosen on that same split; `MISSING` as above."""
    if not run.completed:
        return MISSING
    counts = [_count(epoch, split) for epoch in run.epochs]
    return max((count for count in counts if count is not None), default=MISSING)


def _count(epoch: Epoch, split: Split) -> int | None:
    return epoch.test_correct if split == "test" else epoch.validation_correct


def parse_place(word: str, results: Path) -> Place:
    """`suite`, `suite/dataset`, `suite/dataset/architecture` or that with a digest.

    Args:
        word: What the user gave; a path below the results folder means the same.
        results: The results folder.

    Raises:
        UsageError: no such form.
    """
    parts = word.removeprefix(f"{results}/").rstrip("/").split("/")
    if not 1 <= len(parts) <= 4 or any(not part or part.startswith(".") for part in parts):
        raise UsageError(
            f"bad name '{word}'",
            where="compare",
            remedy="give a suite, or suite/dataset/architecture",
        )
    return Place(*parts)


def read(place: Place, results: Path) -> list[RunRecord]:
    """The runs of the place, all arms together.

    Raises:
        UsageError: no suite of that name, or no runs of that data set or architecture in it.
        StoreError: a record cannot be read.
    """
    runs = require_suite(results, place.suite).runs()
    if not runs:
        where, remedy = str(results / place.suite), "train some: python -m bench train"
        raise UsageError("the suite has no runs", where=where, remedy=remedy)
    runs = _named(runs, place.dataset, "dataset", place)
    runs = _named(runs, place.architecture, "architecture", place)
    return _named(runs, place.digest, "digest", place)


def require_suite(results: Path, name: str) -> Suite:
    """The suite, which must be there; raises UsageError with the nearest name."""
    if not (results / name).is_dir():
        known = sorted(path.name for path in results.glob("[!.]*") if path.is_dir())
        raise UsageError(f"no suite '{name}'", where=str(results), remedy=nearest(name, known))
    return Suite(results, name)


def choose_split(asked: str | None, sides: Iterable[list[RunRecord]]) -> Split:
    """The split to count on: the test split, unless some side was made without it.

    Raises:
        UsageError: no such split, or a side that never looked at the test split though asked to.
    """
    if asked is not None and asked not in SPLITS:
        remedy = nearest(asked, list(SPLITS))
        raise UsageError(f"unknown split '{asked}'", where="--split", remedy=remedy)
    untested = [runs for runs in sides if not any(run.evaluate_test for run in runs)]
    if asked == "test" and untested:
        first = untested[0][0]
        raise UsageError(
            "runs that never looked at the test split",
            where=f"{first.dataset.name}/{first.architecture}",
            remedy="compare them with --split validation",
        )
    return "validation" if asked == "validation" or untested else "test"


def arms(suite: str, runs: Iterable[RunRecord], split: Split) -> list[Arm]:
    """The arms that can be counted on the split, sorted by data set, architecture and size.

    A seed that was run both with and without the test split is one run: its bits are the same.
    """
    groups: dict[tuple[str, str, str], dict[int, RunRecord]] = {}
    for run in runs:
        if split == "test" and not run.evaluate_test:
            continue
        group = groups.setdefault((run.dataset.name, run.architecture, _identity(run)), {})
        if run.seed not in group or run.evaluate_test:
            group[run.seed] = run
    found = [Arm(suite, tuple(group[seed] for seed in sorted(group))) for group in groups.values()]
    return sorted(found, key=lambda a: (a.dataset.name, a.architecture, -len(a.runs), a.identity))


def _identity(run: RunRecord) -> str:
    """Whether a run looks at the test split changes none of its bits, so it is no part."""
    shared = (
        run.architecture_digest,
        run.recipe,
        run.dataset,
        run.numerics,
        run.engine_version,
    )
    return digest(canonical_json(shared))


Name = tuple[str, Callable[[RunRecord], str]]  # in words, and what a run has
NAMES: dict[str, Name] = {
    "dataset": ("data set", lambda run: run.dataset.name),
    "architecture": ("architecture", lambda run: run.architecture),
    "digest": ("arm", lambda run: _identity(run)[:6]),
}


def _named(runs: list[RunRecord], name: str | None, part: str, place: Place) -> list[RunRecord]:
    """The runs of that name; all where none is asked for."""
    if name is None:
        return runs
    words, of = NAMES[part]
    found = [run for run in runs if of(run) == name]
    if not found:
        known = sorted({of(run) for run in runs})
        what = f"the suite has no runs of {words} '{name}'"
        raise UsageError(what, where=str(place), remedy=nearest(name, known))
    return found
