"""Which runs a word of the command line means: a suite, a part of it, or one arm. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError, nearest
from bench.records.arms import SPLITS, Split, identity
from bench.records.store import Suite
from bench.spec import RunRecord

# A place's part -> its words, and what a run has for it.
PARTS: dict[str, tuple[str, Callable[[RunRecord], str]]] = {
    "dataset": ("data set", lambda run: run.dataset.name),
    "architecture": ("architecture", lambda run: run.architecture),
    "digest": ("arm", lambda run: identity(run)[:6]),
}


@dataclass(frozen=True)
class Place:
    """What a person asks for: a suite, or one data set or architecture of it, or one arm.

    The digest is needed only where a suite holds several arms of one architecture.
    """

    suite: str
    dataset: str | None = None
    architecture: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        parts = (self.suite, self.dataset, self.architecture, self.digest)
        return "/".join(part for part in parts if part)


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


def runs_of_suites(places: Iterable[Place], results: Path) -> dict[str, list[RunRecord]]:
    """All runs of each suite that a place names, by the suite; a suite is read once.

    Raises:
        UsageError: no suite of that name, or no runs in it.
        StoreError: a record cannot be read.
    """
    found = {}
    for name in dict.fromkeys(place.suite for place in places):
        found[name] = require_suite(results, name).runs()
        if not found[name]:
            where, remedy = str(results / name), "train some: python -m bench train"
            raise UsageError("the suite has no runs", where=where, remedy=remedy)
    return found


def runs_at(place: Place, runs: list[RunRecord]) -> list[RunRecord]:
    """Those of a suite's runs that lie at the place, all arms together.

    Raises:
        UsageError: no runs of that data set or architecture.
    """
    for part, (words, value) in PARTS.items():
        name = getattr(place, part)
        if name is None:
            continue
        found = [run for run in runs if value(run) == name]
        if not found:
            known = sorted({value(run) for run in runs})
            what = f"the suite has no runs of {words} '{name}'"
            raise UsageError(what, where=str(place), remedy=nearest(name, known))
        runs = found
    return runs


def require_suite(results: Path, name: str) -> Suite:
    """The suite, which must be there; raises UsageError with the nearest name."""
    if not (results / name).is_dir():
        known = sorted(path.name for path in results.glob("[!.]*") if path.is_dir())
        remedy = nearest(name, known) if known else "make its runs first: python -m bench all"
        raise UsageError(f"no suite '{name}'", where=str(results), remedy=remedy)
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
