"""Arms: runs that differ in nothing but the seed; and which of them a person means.

Runs of another recipe, source, data set or kind of device are another arm: they are shown beside
it and never averaged with it. No torch. An arm is named `suite/dataset/architecture/digest`; the
digest, six hex digits over what its runs share, is needed only where a suite holds several arms of
one architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from bench.errors import UsageError, nearest
from bench.records import until_decided
from bench.records.protocol import Protocol
from bench.records.store import Suite
from bench.spec import DatasetInfo, Epoch, RunRecord, canonical_json, digest
from bench.stats import (
    DECLARED_RATE,
    MISSING,
    TARGET,
    Accuracy,
    Outcomes,
    RateVerdict,
    SequenceVerdict,
    accuracy,
    count_outcomes,
    rate_verdict,
    target_count,
)

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
    """Runs that differ only in the seed, one a seed, in the seeds' order.

    Attributes:
        protocol: Of the suite; None for a fixed number of runs.
        label, slug: The name that the report gives it, for a reader and for a file.
    """

    suite: str
    runs: tuple[RunRecord, ...]
    protocol: Protocol | None = None
    label: str = ""
    slug: str = ""

    @property
    def first(self) -> RunRecord:
        return self.runs[0]

    @property
    def architecture(self) -> str:
        return self.first.architecture

    @property
    def dataset(self) -> DatasetInfo:
        return self.first.dataset

    @property
    def n_test(self) -> int:
        return self.dataset.n_test

    @property
    def seeds(self) -> list[int]:
        return [run.seed for run in self.runs]

    @cached_property
    def environments(self) -> frozenset[str]:
        """The fingerprints of the environments that the runs were made in."""
        return frozenset(run.environment.fingerprint for run in self.runs)

    @cached_property
    def identity(self) -> str:
        """64 hex digits over what the runs share, whatever the architecture's name."""
        return identity(self.first)

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.dataset.name}/{self.architecture}/{self.identity[:6]}"

    def n_images(self, split: Split) -> int:
        return self.dataset.n_test if split == "test" else self.dataset.n_validation

    def counts(self, split: Split) -> list[int]:
        """Right answers after the last epoch, (n_runs,); `MISSING` for a run without them."""
        return [last_count(run, split) for run in self.runs]

    def accuracy(self, split: Split = "test") -> Accuracy:
        """Mean and spread after the last epoch, over the runs that have a count."""
        return accuracy(self.counts(split), self.n_images(split))

    @cached_property
    def completed(self) -> tuple[RunRecord, ...]:
        return tuple(run for run in self.runs if run.completed)

    @cached_property
    def tested(self) -> tuple[tuple[RunRecord, int], ...]:
        """Completed runs with their right answers on the test split after the last epoch."""
        counted = ((run, last_count(run, "test")) for run in self.runs)
        return tuple((run, count) for run, count in counted if count != MISSING)

    @property
    def test_counts(self) -> list[int]:
        """Right answers on the test split after the last epoch; completed runs only."""
        return [count for _, count in self.tested]

    @property
    def best_test_counts(self) -> list[int]:
        """The best epoch's right answers on the test split; optimistic by choice."""
        return [best_count(run, "test") for run, _ in self.tested]

    @property
    def validation_counts(self) -> list[int]:
        """Right answers on the validation split after the last epoch; completed runs only."""
        return [last_count(run, "validation") for run in self.completed]

    @property
    def best_validation_counts(self) -> list[int]:
        """The best epoch's right answers on the validation split; optimistic by choice."""
        return [best_count(run, "validation") for run in self.completed]

    @property
    def target(self) -> int:
        """Right answers that 99.40 % asks for."""
        return target_count(self.n_test)

    @property
    def n_reached(self) -> int:
        return sum(count >= self.target for count in self.test_counts)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What the epochs of every run say of the target; a run that did not complete is a miss."""
        n_epochs = max(self.first.recipe.epochs, *(len(run.epochs) for run in self.runs))
        test, validation = [], []
        for run in self.runs:
            epochs = run.epochs if run.completed else []
            rest = [MISSING] * (n_epochs - len(epochs))
            counts = [MISSING if e.test_correct is None else e.test_correct for e in epochs]
            test.append(counts + rest)
            validation.append([e.validation_correct for e in epochs] + rest)
        return count_outcomes(test, self.target, validation)

    @property
    def verdict(self) -> RateVerdict | SequenceVerdict:
        """Over every run: one that failed or diverged is a miss.

        Runs that went on until they were decided are judged by their confidence sequence only.
        """
        if self.protocol is not None:
            return until_decided.judge(self.runs, self.protocol, TARGET, DECLARED_RATE)
        return rate_verdict(self.n_reached, len(self.runs))


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


def arms(
    suite: str, runs: Iterable[RunRecord], split: Split, protocol: Protocol | None = None
) -> list[Arm]:
    """The arms that can be counted on the split, sorted by data set, architecture and size.

    A seed that was run both with and without the test split is one run: its bits are the same.
    """
    groups: dict[tuple[str, str, str], dict[int, RunRecord]] = {}
    for run in runs:
        if split == "test" and not run.evaluate_test:
            continue
        group = groups.setdefault((run.dataset.name, run.architecture, identity(run)), {})
        if run.seed not in group or run.evaluate_test:
            group[run.seed] = run
    found = [
        Arm(suite, tuple(group[seed] for seed in sorted(group)), protocol)
        for group in groups.values()
    ]
    return sorted(found, key=lambda a: (a.dataset.name, a.architecture, -len(a.runs), a.identity))


def identity(run: RunRecord) -> str:
    """64 hex digits over all that decides a run's bits but its seed.

    Whether a run looked at the test split changes none of its bits, so it is no part.
    """
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
    "digest": ("arm", lambda run: identity(run)[:6]),
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
