"""What a run's epochs say of the target, each outcome under its own name.

Counts have shape (n_runs, n_epochs): right answers after each epoch, `MISSING` for an epoch that
a run never reached. A missing count meets no target: a run that diverged is a miss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.values import MISSING

SUSTAINED_EPOCHS = 3

Runs = NDArray[np.bool_]  # (n_runs,)
Counts = NDArray[np.int64]  # (n_runs, n_epochs)


@dataclass(frozen=True)
class EpochsToTarget:
    """The first epoch that meets the target; a miss would meet it after the last epoch, if ever."""

    n: int
    n_reached: int
    first: tuple[int | None, ...]  # one a run, from 1; None for a miss
    median: int | None  # of all runs; None where fewer than half of them reach it


@dataclass(frozen=True)
class Outcomes:
    """Runs that meet the target, by each way to say so but the last epoch."""

    sustained: int  # after each of the last three epochs
    touched: int  # after any epoch: optimistic
    selected: int  # after the epoch with the best validation count
    epochs_to_target: EpochsToTarget


def epoch_counts(counts: ArrayLike) -> Counts:
    """(n_runs, n_epochs) of whole numbers.

    Raises:
        ValueError: another shape, or a count that is neither whole nor `MISSING`.
    """
    table = np.asarray(counts)
    if table.ndim != 2:
        raise ValueError(f"counts must have shape (n_runs, n_epochs), not {table.shape}")
    if table.size and (table.dtype.kind not in "iu" or table.min() < MISSING):
        raise ValueError("counts must be whole and not negative, MISSING where there is none")
    return table.astype(np.int64)


def sustained(counts: ArrayLike, target: int) -> Runs:
    """Whether each of the last three epochs meets it; no run does where there are fewer epochs."""
    table = epoch_counts(counts)
    if table.shape[1] < SUSTAINED_EPOCHS:
        return np.zeros(len(table), dtype=bool)
    return np.asarray((table[:, -SUSTAINED_EPOCHS:] >= target).all(axis=1))


def touched(counts: ArrayLike, target: int) -> Runs:
    """Whether any epoch meets it: optimistic, for the test split then chooses the epoch."""
    return np.asarray((epoch_counts(counts) >= target).any(axis=1))


def selected_epochs(validation_counts: ArrayLike) -> tuple[int | None, ...]:
    """The epoch, from 1, with each run's best validation count: the first of equals.

    None for a run without any.
    """
    table = epoch_counts(validation_counts)
    if not table.shape[1]:
        return (None,) * len(table)
    best, has_one = table.argmax(axis=1), table.max(axis=1) > MISSING
    return tuple(int(at) + 1 if one else None for at, one in zip(best, has_one, strict=True))


def selected(counts: ArrayLike, validation_counts: ArrayLike, target: int) -> Runs:
    """Whether the epoch with the best validation count meets the target.

    Raises:
        ValueError: the two tables differ in shape.
    """
    table, validation = epoch_counts(counts), epoch_counts(validation_counts)
    if table.shape != validation.shape:
        raise ValueError(f"test counts are {table.shape}, validation's {validation.shape}")
    epochs = selected_epochs(validation)
    rows = zip(table, epochs, strict=True)
    return np.array([at is not None and row[at - 1] >= target for row, at in rows], dtype=bool)


def epochs_to_target(counts: ArrayLike, target: int) -> EpochsToTarget:
    """When each run first meets the target.

    A run that diverged is a miss like any other: were it left out, the rest would look better.
    Of an even number of runs the median is the earlier of the two in the middle.
    """
    table = epoch_counts(counts)
    meets = table >= target
    reached = meets.any(axis=1)
    first = [int(row.argmax()) + 1 if row.any() else None for row in meets]
    median = median_low(at or math.inf for at in first) if first else math.inf
    return EpochsToTarget(
        n=len(table),
        n_reached=int(reached.sum()),
        first=tuple(first),
        median=None if math.isinf(median) else int(median),
    )


def count_outcomes(counts: ArrayLike, target: int, validation_counts: ArrayLike) -> Outcomes:
    """Every outcome of the runs, counted.

    Args:
        counts: (n_runs, n_epochs), of the split that the target speaks of.
        target: Right answers, see `target_count`.
        validation_counts: The same shape.
    """
    return Outcomes(
        sustained=int(sustained(counts, target).sum()),
        touched=int(touched(counts, target).sum()),
        selected=int(selected(counts, validation_counts, target).sum()),
        epochs_to_target=epochs_to_target(counts, target),
    )
