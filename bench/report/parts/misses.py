"""Which test digits the runs missed, counted over runs, and whose runs these are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.records.observations import MissedDigit
from bench.report.summary import Summary
from bench.spec import RunRecord
from bench.stats.format import integer

N_LABELS = 10


@dataclass(frozen=True)
class Misses:
    """The wrong answers of runs on one data set, the digit that most runs missed first.

    Attributes:
        indices: (n_digits,), places in the test split.
        given: (n_digits, 10), how many runs gave each label.
        digits: What the suite keeps of them, by index.
        noun: What such an image shows: digit, or image where nothing is known.
    """

    runs: tuple[RunRecord, ...]
    n_arms: int
    n_test: int
    indices: NDArray[np.int64]
    given: NDArray[np.int64]
    digits: dict[int, MissedDigit]
    noun: str = "image"

    @cached_property
    def n_missed(self) -> NDArray[np.int64]:
        """(n_digits,), how many runs missed each."""
        return np.asarray(self.given.sum(axis=1), dtype=np.int64)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(n_digits,), the true labels, -1 where none is kept."""
        kept = (self.digits.get(int(index)) for index in self.indices)
        known = [-1 if digit is None or digit.label is None else digit.label for digit in kept]
        return np.asarray(known, dtype=np.int64)

    def answers(self, place: int) -> list[tuple[int, int]]:
        """The labels given to the digit at that place, with their runs, the commonest first."""
        row = self.given[place]
        return sorted(((k, int(n)) for k, n in enumerate(row) if n), key=lambda a: (-a[1], a[0]))

    def confusion(self) -> NDArray[np.int64]:
        """(10, 10), true label by label given, over all runs; digits without a label left out."""
        table = np.zeros((N_LABELS, N_LABELS), dtype=np.int64)
        known = self.labels >= 0
        np.add.at(table, self.labels[known], self.given[known])
        return table


@dataclass(frozen=True)
class Shown:
    """One real digit to draw on: its 784 grey levels, and what it is, in words."""

    pixels: bytes
    words: str


def misses(summary: Summary) -> Misses | None:
    """Those of every completed run that looked at this test split; None for no such run."""
    if summary.dataset is None:
        return None
    of_arms = [
        [
            run
            for run in arm.completed
            if run.test_misses is not None and run.dataset.digest == summary.dataset.digest
        ]
        for arm in summary.arms
    ]
    runs = tuple(run for of_arm in of_arms for run in of_arm)
    if not runs:
        return None
    n_arms = sum(bool(of_arm) for of_arm in of_arms)
    digits = summary.findings.missed_digits.get(summary.dataset.name, {})
    return Misses(runs, n_arms, summary.dataset.n_test, *_counted(runs), digits, summary.noun)


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


def owner(summary: Summary) -> str:
    """The architecture whose own page this is, empty for all of them."""
    return summary.arms[0].architecture if summary.base and summary.arms else ""


def whose(summary: Summary) -> str:
    """ " of Network" on an architecture's own page."""
    own = owner(summary)
    return f" of {summary.display_name(own)}" if own else ""


def stem(summary: Summary) -> str:
    """What the names of figures and files begin with: an architecture's page has its own."""
    return "-".join(part for part in (summary.place, owner(summary)) if part)


def together(summary: Summary, found: Misses) -> tuple[str, ...]:
    """Says that arms are pooled, where they are."""
    if found.n_arms < 2:
        return ()
    text = f"Runs of {found.n_arms} arms together: one with more runs weighs more."
    rest = "" if owner(summary) else " The page of each architecture shows its own."
    return (text + rest,)


def _counted(runs: Sequence[RunRecord]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices and labels given, in `Misses`' order."""
    pairs = np.concatenate(
        [np.asarray(run.test_misses or [], dtype=np.int64).reshape(-1, 2) for run in runs]
    )
    indices, place = np.unique(pairs[:, 0], return_inverse=True)
    flat = np.bincount(place * N_LABELS + pairs[:, 1], minlength=len(indices) * N_LABELS)
    given = flat.reshape(-1, N_LABELS)
    order = np.lexsort((indices, -given.sum(axis=1)))
    return indices[order], given[order]
