"""What suites hold about each subject: measures and runs. It knows no metric and no verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeVar

from bench.records.arms import Arm, Split, arms
from bench.records.protocol import Protocol
from bench.records.store import PORTRAITS, Suite
from bench.spec import Claim, Measured, Portrait, RunRecord
from bench.stats import Accuracy, accuracy

T = TypeVar("T", RunRecord, Portrait)
Value = int | float | Fraction | str
MEASURE_AGAIN = "python -m bench measure"


class Absent(Exception):
    """Nothing to judge a claim by: it stays undecided, or cannot be compared.

    Attributes:
        why: One line.
        verdict: What follows for the claim.
        seeds_needed: Runs that would bring a verdict; None where runs are not what is missing.
    """

    def __init__(
        self,
        why: str,
        verdict: Literal["undecided", "not comparable"] = "undecided",
        seeds_needed: int | None = None,
    ) -> None:
        super().__init__(why)
        self.why, self.verdict, self.seeds_needed = why, verdict, seeds_needed


@dataclass(frozen=True)
class Exact:
    """A value that no seed changes.

    Attributes:
        value: In the metric's unit.
        stands_on: The measures or records that it was read from.
        slack: Rounding of the published numbers it was reckoned from.
    """

    value: Value
    stands_on: tuple[str, ...]
    slack: Fraction = Fraction(0)


@dataclass(frozen=True)
class Sample:
    """Right answers of the runs of one arm.

    Attributes:
        counts: (n_runs,), in the order of the seeds; `MISSING` for a run without a count.
        n_images: Of how many.
        stands_on: The records.
        note: How the counts were chosen.
        runs: The records themselves, in the same order.
        protocol: Of the suite; None for a fixed number of runs.
    """

    counts: tuple[int, ...]
    n_images: int
    stands_on: tuple[str, ...]
    note: str = ""
    runs: tuple[RunRecord, ...] = ()
    protocol: Protocol | None = None

    @property
    def accuracy(self) -> Accuracy:
        """Mean and spread of the runs that have a count."""
        return accuracy(self.counts, self.n_images)


@dataclass(frozen=True)
class Pair:
    """The samples of two networks."""

    first: Sample
    second: Sample


@dataclass(frozen=True)
class SuiteContents:
    """What one suite holds."""

    suite: str
    runs: Sequence[RunRecord]
    portraits: Sequence[Portrait]
    protocol: Protocol | None = None  # None for a fixed number of runs


@dataclass(frozen=True)
class Evidence:
    """All that claims are judged by.

    Attributes:
        held: The suites.
        claims: Id -> claim, for those that refer to each other.
        paths: A run's key or a source's digest -> its file below the results folder.
        current: Architecture's name -> digest of its file at hand.
    """

    held: tuple[SuiteContents, ...]
    claims: Mapping[str, Claim]
    paths: Mapping[str, str]
    current: Mapping[str, str]

    @property
    def subjects(self) -> set[str]:
        """The architectures that the suites know."""
        runs = {run.architecture for held in self.held for run in held.runs}
        return runs | {portrait.architecture for held in self.held for portrait in held.portraits}

    def value(self, subject: str, read: Callable[[Portrait], Exact]) -> Exact:
        """What the subject's portraits say with one voice.

        Raises:
            Absent: it was not measured, or its versions in the suite differ.
        """
        found = [read(portrait) for portrait in self._portraits(subject)]
        if len({exact.value for exact in found}) > 1:
            raise Absent(
                f"{len(found)} versions of '{subject}' that differ are measured; move the "
                "portraits of the old ones away"
            )
        return found[-1]

    def measured(self, subject: str, measure: str, read: Callable[[Measured], Value]) -> Exact:
        """A figure of one measure.

        Raises:
            Absent: it was not measured, or in part only.
        """

        def of(portrait: Portrait) -> Exact:
            found = portrait.measures.get(measure)
            if found is None:
                raise Absent(f"'{subject}' lacks the measure '{measure}': {MEASURE_AGAIN}")
            if found.error or found.at_least:
                raise Absent(found.error or f"'{measure}' could count parts of '{subject}' alone")
            place = self.paths.get(portrait.architecture_digest, subject)
            return Exact(read(found), (f"{place}#{measure}",))

        return self.value(subject, of)

    def arm(self, subject: str, dataset: str, split: Split) -> Arm:
        """The largest arm of the subject's own source and recipe.

        Raises:
            Absent: no such runs; "not comparable" where there are others.
        """
        runs = [(held, self._runs(held, subject)) for held in self.held]
        names = sorted({run.dataset.name for _, its_runs in runs for run in its_runs})
        if not names:
            raise Absent(f"no runs of '{subject}': python -m bench train --arch {subject}")
        if dataset not in names:
            raise Absent(f"runs of {', '.join(names)}, claim of {dataset}", "not comparable")
        found = [
            arm
            for held, its_runs in runs
            for arm in arms(held.suite, its_runs, split, held.protocol)
            if arm.dataset.name == dataset
        ]
        if not found:
            raise Absent(f"no run of '{subject}' looked at the test split")
        own = [(p.architecture_digest, p.recipe) for p in self._measured(subject)]
        fitting = [arm for arm in found if not own or _made_by(arm) in own]
        if not fitting:
            why = f"the runs of '{subject}' are of another recipe or source than the file's"
            raise Absent(why, "not comparable")
        return max(fitting, key=lambda arm: len(arm.runs))

    def paths_of(self, arm: Arm) -> tuple[str, ...]:
        """The records of the arm, in the seeds' order."""
        return tuple(self.paths.get(run.key, run.key) for run in arm.runs)

    def _portraits(self, subject: str) -> list[Portrait]:
        found = self._measured(subject)
        if not found:
            raise Absent(f"'{subject}' is not measured: {MEASURE_AGAIN} --arch {subject}")
        return found

    def _measured(self, subject: str) -> list[Portrait]:
        found = [p for held in self.held for p in held.portraits if p.architecture == subject]
        return self._of_version(found, subject)

    def _runs(self, held: SuiteContents, subject: str) -> list[RunRecord]:
        return self._of_version([run for run in held.runs if run.architecture == subject], subject)

    def _of_version(self, found: list[T], subject: str) -> list[T]:
        """Those of the file at hand, where there are any: older versions do not count then."""
        digest = self.current.get(subject)
        return [each for each in found if each.architecture_digest == digest] or found


def gather(
    suites: Sequence[Suite], claims: Iterable[Claim], current: Mapping[str, str] | None = None
) -> Evidence:
    """Reads the suites.

    Args:
        suites: Where runs and portraits lie; they may be empty.
        claims: All that are to be judged together.
        current: Architecture's name -> digest of its file at hand.

    Raises:
        StoreError: a record cannot be read.
    """
    held = [
        SuiteContents(each.name, each.runs(), each.portraits(), each.protocol()) for each in suites
    ]
    return arranged(held, claims, current)


def arranged(
    held: Iterable[SuiteContents], claims: Iterable[Claim], current: Mapping[str, str] | None = None
) -> Evidence:
    """The same of suites that were read already."""
    every = tuple(held)
    paths: dict[str, str] = {}
    for each in every:
        suite = Suite(Path(), each.suite)
        paths |= {run.key: suite.path_of(run).as_posix() for run in each.runs}
        for portrait in each.portraits:
            file = f"{portrait.architecture}-{portrait.architecture_digest[:12]}.json"
            paths[portrait.architecture_digest] = f"{each.suite}/{PORTRAITS}/{file}"
    return Evidence(every, {claim.id: claim for claim in claims}, paths, current or {})


def _made_by(arm: Arm) -> tuple[str, object]:
    return arm.first.architecture_digest, arm.first.recipe
