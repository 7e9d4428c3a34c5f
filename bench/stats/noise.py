"""The noise floor: what seeds alone move, beside what a finite test set cannot tell apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.means import sd_interval, standard_deviation
from bench.stats.planning import minimal_detectable_difference
from bench.stats.values import MISSING, Interval, count_vector


@dataclass(frozen=True)
class NoiseFloor:
    """Spread over seeds against the binomial sampling error of the test set, in points.

    The seeds share their test images, so the two need not agree: a ratio below 1 says that runs
    agree on which images are hard, and that the digits' choice is the larger uncertainty.
    """

    n: int  # runs that have a count
    n_images: int
    sd_points: float | None  # over seeds
    sd_interval: Interval | None  # 95 %, points, were runs normal; None below three runs, or flat
    sampling_sd_points: float | None  # 100 sqrt(p (1 - p) / n_images), 0.077 at 9,940 of 10,000
    variance_ratio: float | None  # seeds' variance over the sampling variance
    # The true difference of two such arms that is seen with power 0.80; None where the interval is.
    detectable_points: float | None


def noise_floor(counts: ArrayLike, n_images: int) -> NoiseFloor:
    """Compares the two kinds of noise. Sources: Jordan 2023 (2304.01910), Dietterich 1998.

    Args:
        counts: (n_runs,), right answers; `MISSING` ones are left out.
        n_images: Of the test split.
    """
    runs = count_vector(counts)
    runs = runs[runs > MISSING]
    n = len(runs)
    sd = standard_deviation(runs)
    points = 100 / n_images
    spread = sd_interval(runs)
    # An accuracy from 0 to 100 % has an sd of 50 at the most.
    possible = spread.times(points).within(0, 50) if spread else None
    known = sd * points if sd and spread else None  # two runs hardly know their spread
    sampling = sampling_sd_points(float(runs.mean()) / n_images, n_images) if n else None
    return NoiseFloor(
        n=n,
        n_images=n_images,
        sd_points=None if sd is None else sd * points,
        sd_interval=possible,
        sampling_sd_points=sampling,
        variance_ratio=(sd * points / sampling) ** 2 if sd is not None and sampling else None,
        detectable_points=minimal_detectable_difference(known, n) if known else None,
    )


def sampling_sd_points(accuracy: float, n_images: int) -> float:
    """Standard deviation of an accuracy over test sets of this size, in points."""
    return float(100 * math.sqrt(accuracy * (1 - accuracy) / n_images))


def independent_sd_points(correct: ArrayLike) -> float | None:
    """What the spread over seeds would be if images were right or wrong independently.

    Each image keeps its own chance to be right. A spread well above this one means that whole
    runs are better or worse. Source: Jordan 2023.

    Args:
        correct: (n_runs, n_images), whether each run got each image right.

    Returns:
        Percentage points; None for fewer than two runs, or no images.
    """
    table = np.asarray(correct, dtype=bool)
    if table.ndim != 2:
        raise ValueError(f"right answers must have shape (n_runs, n_images), not {table.shape}")
    n_runs, n_images = table.shape
    if n_runs < 2 or not n_images:
        return None
    return float(100 * table.var(axis=0, ddof=1).sum() ** 0.5 / n_images)
