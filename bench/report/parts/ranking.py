"""Arms in the order of their mean accuracy, and the cells that say it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from bench.records.arms import Arm
from bench.report.model import Cell
from bench.stats.format import NOT_AVAILABLE, count, fixed, integer, points
from bench.stats.means import Accuracy

FAILED_LAST = "Networks with a run that failed or diverged stand last."


@dataclass(frozen=True)
class Ranked:
    """An arm with the accuracy that it is ranked by."""

    arm: Arm
    found: Accuracy

    @property
    def is_whole(self) -> bool:
        """Whether every run completed."""
        return len(self.arm.completed) == len(self.arm.runs)

    def accuracy(self) -> Cell:
        """Mean ± standard deviation."""
        mean = self.found.mean_percent
        if mean is None:
            return Cell(NOT_AVAILABLE)
        return Cell(f"{fixed(mean, 3)} ± {points(self.found.sd_points)}", sort=float(mean))

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
    ranked = (
        Ranked(arm, arm.accuracy("test" if arm.first.evaluate_test else "validation"))
        for arm in arms
    )
    return sorted(ranked, key=_place)


def _place(one: Ranked) -> tuple[bool, Fraction | float, int, str]:
    mean = one.found.mean_percent
    height = math.inf if mean is None else -mean
    return not one.is_whole, height, one.arm.first.n_parameters or 0, one.arm.label
