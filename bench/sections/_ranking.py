"""Arms in the order of their mean accuracy, and the cells that say it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from bench.sections import Cell
from bench.sections._cells import sd_points
from bench.sections._summary import Arm
from bench.stats.format import NOT_AVAILABLE, count, fixed, integer

FAILED_LAST = "Networks with a run that failed or diverged stand last."


@dataclass(frozen=True)
class Ranked:
    """An arm with the right answers of its completed runs, of `n_images` each."""

    arm: Arm
    counts: list[int]
    n_images: int

    @property
    def is_whole(self) -> bool:
        """Whether every run completed."""
        return len(self.arm.completed) == len(self.arm.runs)

    @property
    def mean(self) -> Fraction | None:
        """In percent; None where no run completed."""
        if not self.counts:
            return None
        return self.percent(Fraction(sum(self.counts), len(self.counts)))

    def percent(self, right: int | Fraction) -> Fraction:
        """Right answers in percent, exact."""
        return 100 * Fraction(right) / self.n_images

    def accuracy(self) -> Cell:
        """Mean ± standard deviation."""
        mean = self.mean
        if mean is None:
            return Cell(NOT_AVAILABLE)
        return Cell(f"{fixed(mean, 3)} ± {sd_points(self.counts, self.n_images)}", sort=float(mean))

    def runs(self, note: str = "") -> Cell:
        """How many, and how many of them completed where not all did."""
        n, completed = len(self.arm.runs), len(self.arm.completed)
        text = count(n, "run") if self.is_whole else f"{integer(completed)} of {integer(n)}"
        return Cell(text, note, sort=completed)


def in_order(arms: Iterable[Arm]) -> list[Ranked]:
    """The highest mean first; of equal ones, that with fewer parameters.

    The mean is one of test counts, or of validation counts where the test split was not looked at.
    Arms with a run that failed come after all others: the mean of their other runs flatters them.
    """
    return sorted((_ranked(arm) for arm in arms), key=_place)


def _ranked(arm: Arm) -> Ranked:
    if arm.first.evaluate_test:
        return Ranked(arm, arm.test_counts, arm.n_test)
    return Ranked(arm, arm.validation_counts, arm.first.dataset.n_validation)


def _place(one: Ranked) -> tuple[bool, Fraction | float, int, str]:
    height = math.inf if one.mean is None else -one.mean
    return not one.is_whole, height, one.arm.first.n_parameters, one.arm.label
