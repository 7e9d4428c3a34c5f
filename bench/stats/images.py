"""Claims about new digits: uncertainty of the seeds and of the test images together.

A table of right answers has shape (n_runs, n_images). Runs and images are both drawn again
(crossed, Owen 2007); the images of two arms are the same and are drawn together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.means import N_RESAMPLES, standard_deviation
from bench.stats.values import Interval, is_flat, middle

BATCH = 500  # resamples held in memory at once

Table = NDArray[np.bool_]  # (n_runs, n_images)


@dataclass(frozen=True)
class Crossed:
    """A difference of two accuracies that is meant for new runs on new digits."""

    n_first: int
    n_second: int
    n_images: int
    points: float | None  # percentage points; None without runs or images
    interval: Interval | None  # 95 %, percentile; None for fewer than two runs or images
    seeds_error_points: float | None  # standard error that new seeds alone would bring
    images_error_points: float | None  # the same of new images alone
    seed: int
    n_resamples: int


def crossed_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> Crossed:
    """First arm's mean accuracy less the second's, on the same images.

    Args:
        first: (n_first, n_images)
        second: (n_second, n_images), the same images in the same order.
        seed: Of the bootstrap.
        n_resamples: Of the bootstrap.

    Raises:
        ValueError: other images.
    """
    ours, theirs = _table(first), _table(second)
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(f"arms saw {ours.shape[1]} and {theirs.shape[1]} images")
    ready = min(ours.shape[1], len(ours), len(theirs)) > 0
    return Crossed(
        n_first=len(ours),
        n_second=len(theirs),
        n_images=ours.shape[1],
        points=100 * float(ours.mean() - theirs.mean()) if ready else None,
        interval=_interval(ours, theirs, seed, n_resamples),
        seeds_error_points=_seeds_error(ours, theirs) if ready else None,
        images_error_points=_images_error(ours, theirs) if ready else None,
        seed=seed,
        n_resamples=n_resamples,
    )


def _table(correct: ArrayLike) -> Table:
    table = np.asarray(correct)
    if table.ndim != 2:
        raise ValueError(f"right answers must have shape (n_runs, n_images), not {table.shape}")
    return table.astype(bool)


def _seeds_error(ours: Table, theirs: Table) -> float | None:
    errors = []
    for table in (ours, theirs):
        sd = standard_deviation(table.sum(axis=1))  # of right answers, (n_runs,)
        if sd is None:
            return None
        errors.append(sd / math.sqrt(len(table)))
    return float(100 * math.hypot(*errors) / ours.shape[1])


def _images_error(ours: Table, theirs: Table) -> float | None:
    per_image = ours.mean(axis=0) - theirs.mean(axis=0)  # (n_images,)
    sd = standard_deviation(per_image)
    return None if sd is None else 100 * sd / math.sqrt(len(per_image))


def _interval(ours: Table, theirs: Table, seed: int, n_resamples: int) -> Interval | None:
    if min(ours.shape[1], len(ours), len(theirs)) < 2:
        return None
    # Images that the runs got right and wrong in the same pattern are drawn as one: nearly all
    # of 10,000 are right in every run.
    both = np.concatenate([ours, theirs])
    patterns, repeats = np.unique(both, axis=1, return_counts=True)
    tables = np.split(patterns.astype(float), [len(ours)])
    rng = np.random.default_rng(seed)
    sizes = [min(BATCH, n_resamples - at) for at in range(0, n_resamples, BATCH)]
    batches = [_replicates(rng, tables, repeats, size) for size in sizes]
    replicates = np.concatenate(batches)
    return None if is_flat(replicates) else middle(replicates)


def _replicates(
    rng: np.random.Generator,
    tables: list[NDArray[np.float64]],
    repeats: NDArray[np.int64],
    size: int,
) -> NDArray[np.float64]:
    """Percentage points of `size` draws; sums are whole numbers, exact in floats."""
    n_images = int(repeats.sum())
    images = rng.multinomial(n_images, repeats / n_images, size=size)  # (size, n_patterns)
    drawn: list[NDArray[np.float64]] = []
    for table in tables:
        n_runs = len(table)
        runs = rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=size).astype(float)
        right = ((runs @ table) * images).sum(axis=1)  # (size,)
        drawn.append(100 * right / (n_runs * n_images))
    return drawn[0] - drawn[1]
