"""Which test images the runs missed, counted over runs, and whose runs these are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.records.observations import MissedDigit
from bench.report.summary import Summary
from bench.spec import DatasetInfo, RunRecord, Shape
from bench.stats.format import integer, with_article


@dataclass(frozen=True)
class Misses:
    """The wrong answers of runs on one data set, the image that most runs missed first.

    Attributes:
        info: The data set.
        indices: (n_missed,), places in the test split.
        given: (n_missed, n_classes), how many runs gave each label.
        digits: What the suite keeps of them, by index.
    """

    runs: tuple[RunRecord, ...]
    info: DatasetInfo
    indices: NDArray[np.int64]
    given: NDArray[np.int64]
    digits: dict[int, MissedDigit]

    @property
    def n_test(self) -> int:
        return self.info.n_test

    @property
    def noun(self) -> str:
        """What an image shows: digit, image."""
        return self.info.shown

    @property
    def in_a_name(self) -> str:
        """The same of several, as a file's name can hold it: digits, hand-signs."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.noun}s".lower())

    def name(self, label: int) -> str:
        """The class's name; the label itself where classes have no names."""
        names = self.info.class_names
        return names[label] if label < len(names) else str(label)

    def told(self, label: int) -> str:
        """ ", a 3", ", labelled cat"; empty for an unknown label."""
        if label < 0:
            return ""
        return (
            f", labelled {self.name(label)}"
            if self.info.class_names
            else f", {with_article(str(label))}"
        )

    def pixels(self, place: int) -> bytes:
        """The image at that place, as the data set holds it; empty where the suite has none."""
        digit = self.digits.get(int(self.indices[place]))
        found = b"" if digit is None else bytes.fromhex(digit.pixels)
        return found if len(found) == math.prod(self.info.known_shape) else b""

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
        """(n_classes, n_classes), true label by label given, over all runs.

        Images without a label are left out.
        """
        n_classes = self.info.n_classes or 0
        table = np.zeros((n_classes, n_classes), dtype=np.int64)
        known = self.labels >= 0
        np.add.at(table, self.labels[known], self.given[known])
        return table


@dataclass(frozen=True)
class Shown:
    """One real image to draw on, as the data set holds it, and what it is, in words."""

    pixels: bytes
    words: str
    shape: Shape


def misses(summary: Summary) -> Misses | None:
    """Those of every completed run that looked at this test split; None for no such run."""
    if summary.dataset is None:
        return None
    runs = tuple(
        run
        for arm in summary.arms
        for run in arm.completed
        if run.test_misses is not None and run.dataset.digest == summary.dataset.digest
    )
    if not runs:
        return None
    digits = summary.findings.missed_digits.get(summary.dataset.name, {})
    indices, given = _counted(runs, summary.dataset.n_classes or 0)
    return Misses(runs, summary.dataset, indices, given, digits)


def typical_digit(summary: Summary) -> Shown | None:
    """The image that most of these runs missed, of those whose pixels the suite keeps."""
    found = misses(summary)
    if found is None:
        return None
    for place, index in enumerate(found.indices):
        pixels = found.pixels(place)
        if not pixels:
            continue
        label = found.told(int(found.labels[place]))
        n_missed, n_runs = int(found.n_missed[place]), len(found.runs)
        return Shown(
            pixels=pixels,
            words=f"test image {integer(int(index))}{label}, missed by {n_missed} of {n_runs} runs",
            shape=found.info.known_shape,
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


def _counted(
    runs: Sequence[RunRecord], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices and labels given, in `Misses`' order."""
    pairs = np.concatenate(
        [np.asarray(run.test_misses or [], dtype=np.int64).reshape(-1, 2) for run in runs]
    )
    indices, place = np.unique(pairs[:, 0], return_inverse=True)
    flat = np.bincount(place * n_classes + pairs[:, 1], minlength=len(indices) * n_classes)
    given = flat.reshape(-1, n_classes)
    order = np.lexsort((indices, -given.sum(axis=1)))
    return indices[order], given[order]
