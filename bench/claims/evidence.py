"""What suites hold about each subject: measures and runs. It knows no metric and no verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeVar

from bench.arms import Arm, Split, arms
from bench.spec import Claim, Measured, Portrait, RunRecord
from bench.stats import MISSING
from bench.store import PORTRAITS, Suite

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
    """Right answers of the runs of one arm, (n_runs,); `MISSING` for a run without a count."""

    counts: tuple[int, ...]
    n_images: int
    stands_on: tuple[str, ...]
    note: str = ""  # how the counts were chosen

    @property
    def known(self) -> list[int]:
        """The counts of the runs that have one."""
        return [count for count in self.counts if count != MISSING]


@dataclass(frozen=True)
class Pair:
    """Two samples; paired where run i of both shares seed, data order and augmentation."""

    first: Sample
    second: Sample
    paired: bool


@dataclass(frozen=True)
class Evidence:
    """Portraits and runs under their architecture's name, and the claims under their ids."""

    portraits: Mapping[str, tuple[Portrait, ...]]
    runs: Mapping[str, tuple[RunRecord, ...]]
    claims: Mapping[str, Claim]
    paths: Mapping[str, str] = field(default_factory=dict)  # key or digest -> below results/

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
        runs = self.runs.get(subject, ())
        if not runs:
            raise Absent(f"no runs of '{subject}'")
        _require_dataset(runs, dataset)
        found = arms("", [run for run in runs if run.dataset.name == dataset], split)
        if not found:
            raise Absent(f"no run of '{subject}' looked at the test split")
        own = [(p.architecture_digest, p.recipe) for p in self.portraits.get(subject, ())]
        fitting = [arm for arm in found if not own or _made_by(arm) in own]
        if not fitting:
            raise Absent(
                f"the runs of '{subject}' are of another recipe or source than the file's",
                "not comparable",
            )
        return max(fitting, key=lambda arm: len(arm.runs))

    def paths_of(self, arm: Arm) -> tuple[str, ...]:
        """The records of the arm, in the seeds' order."""
        return tuple(self.paths.get(run.key, run.key) for run in arm.runs)

    def _portraits(self, subject: str) -> tuple[Portrait, ...]:
        found = self.portraits.get(subject, ())
        if not found:
            raise Absent(f"'{subject}' is not measured: {MEASURE_AGAIN} --arch {subject}")
        return found


def gather(
    suites: Sequence[Suite], claims: Iterable[Claim], current: Mapping[str, str] | None = None
) -> Evidence:
    """Reads the suites.

    Args:
        suites: Where runs and portraits lie; they may be empty.
        claims: All that are to be judged together.
        current: Architecture's name -> digest of its file at hand. Where the suites hold
            something of that version, older versions do not count.

    Raises:
        StoreError: a record cannot be read.
    """
    held = [(suite.name, suite.runs(), suite.portraits()) for suite in suites]
    return arranged(held, claims, current)


def arranged(
    held: Iterable[tuple[str, list[RunRecord], list[Portrait]]],
    claims: Iterable[Claim],
    current: Mapping[str, str] | None = None,
) -> Evidence:
    """The same of what was read already: (suite's name, its runs, its portraits)."""
    paths: dict[str, str] = {}
    runs: dict[str, dict[str, RunRecord]] = {}
    portraits: dict[str, dict[str, Portrait]] = {}
    for name, its_runs, its_portraits in held:
        suite = Suite(Path(), name)
        for run in its_runs:
            runs.setdefault(run.architecture, {})[run.key] = run
            paths[run.key] = suite.path_of(run).as_posix()
        for portrait in its_portraits:
            known = portraits.setdefault(portrait.architecture, {})
            known[portrait.architecture_digest] = portrait
            file = f"{portrait.architecture}-{portrait.architecture_digest[:12]}.json"
            paths[portrait.architecture_digest] = f"{name}/{PORTRAITS}/{file}"
    of = current or {}
    return Evidence(
        {name: _of_version(each.values(), of.get(name)) for name, each in portraits.items()},
        {name: _of_version(each.values(), of.get(name)) for name, each in runs.items()},
        {claim.id: claim for claim in claims},
        paths,
    )


def _of_version(kept: Iterable[T], digest: str | None) -> tuple[T, ...]:
    every = tuple(kept)
    return tuple(each for each in every if each.architecture_digest == digest) or every


def _require_dataset(runs: Sequence[RunRecord], dataset: str) -> None:
    names = sorted({run.dataset.name for run in runs})
    if dataset not in names:
        raise Absent(f"runs of {', '.join(names)}, claim of {dataset}", "not comparable")


def _made_by(arm: Arm) -> tuple[str, object]:
    return arm.runs[0].architecture_digest, arm.runs[0].recipe
