"""Claims about new images: uncertainty of the seeds and of the test images together.

A table of right answers has shape (n_runs, n_images). Every run meets every image, and both arms
meet the same images: runs and images are crossed random effects. The variance of a difference has
three parts: new runs, new images, and what a run does on an image beyond both (the interaction).

The spread over runs holds the first part and the third. The spread over images holds the second
part and the third. So their sum holds the interaction twice, and it is subtracted once. Source:
Gallas, Pennello and Myers 2007, the same design in radiology (readers for runs, cases for images).
A bootstrap that draws runs and images again counts the interaction three times (Owen 2007): on
MNIST, where nearly every miss is one run's own, it covers 99 to 100 % where 95 % is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from bench.stats.declared import CONFIDENCE, FEWEST_RUNS
from bench.stats.means import standard_deviation
from bench.stats.values import Interval

Table = NDArray[np.bool_]  # (n_runs, n_images)


@dataclass(frozen=True)
class Crossed:
    """A difference of two accuracies that is meant for new runs on new images."""

    n_first: int
    n_second: int
    n_images: int
    points: float | None  # percentage points; None without runs or images
    interval: Interval | None  # 95 %; None below three runs an arm or two images, or if flat
    seeds_error_points: float | None  # standard error that new seeds alone would bring
    images_error_points: float | None  # the same of new images alone


@dataclass(frozen=True)
class _Arm:
    """Variances of one arm's mean accuracy, a share from 0 to 1."""

    n_runs: int
    of_runs: float  # between runs, the interaction included
    of_interaction: float


def crossed_difference(first: ArrayLike, second: ArrayLike) -> Crossed:
    """First arm's mean accuracy less the second's, on the same images.

    Args:
        first: (n_first, n_images)
        second: (n_second, n_images), the same images in the same order.

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
        interval=_interval(ours, theirs),
        seeds_error_points=_seeds_error(ours, theirs) if ready else None,
        images_error_points=_images_error(ours, theirs) if ready else None,
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


def _interval(ours: Table, theirs: Table) -> Interval | None:
    """Difference +- t times the root of the variance, cut at -100 and 100 points."""
    n_images = ours.shape[1]
    if min(len(ours), len(theirs)) < FEWEST_RUNS or n_images < 2:
        return None
    arms = _variances(ours), _variances(theirs)
    per_image = ours.mean(axis=0) - theirs.mean(axis=0)  # (n_images,)
    # An estimate can fall below 0, the variance itself cannot.
    of_images = max(
        float(per_image.var(ddof=1)) / n_images - sum(arm.of_interaction for arm in arms), 0.0
    )
    variance = sum(arm.of_runs for arm in arms) + of_images
    if variance == 0.0:
        return None
    # Welch and Satterthwaite's degrees of freedom, with the images as a third sample.
    known = of_images**2 / (n_images - 1) + sum(arm.of_runs**2 / (arm.n_runs - 1) for arm in arms)
    half = float(stdtrit(variance**2 / known, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    middle = float(ours.mean() - theirs.mean())
    return Interval(middle - half, middle + half).times(100).within(-100, 100)


def _variances(table: Table) -> _Arm:
    """From the mean squares of the table's analysis of variance."""
    n_runs, n_images = table.shape
    runs, images = table.mean(axis=1), table.mean(axis=0)
    within_images = n_runs * float((images * (1 - images)).sum())  # squares around their means
    between_runs = n_images * float(((runs - runs.mean()) ** 2).sum())
    rest = max(within_images - between_runs, 0.0) / ((n_runs - 1) * (n_images - 1))
    return _Arm(n_runs, float(runs.var(ddof=1)) / n_runs, rest / (n_runs * n_images))
