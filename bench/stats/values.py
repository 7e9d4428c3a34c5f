"""Arrays of runs as they come in, and the interval that most results carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.declared import CONFIDENCE

MISSING = -1  # the count of a run or an epoch that has none: it failed before it was measured


@dataclass(frozen=True)
class Interval:
    """Both ends, in the unit of the values."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def times(self, factor: float) -> Interval:
        """The same in another unit, e.g. counts of 10,000 times 0.01 in points."""
        return Interval(self.low * factor, self.high * factor)

    def within(self, least: float, most: float) -> Interval:
        """The part that the quantity can be, e.g. 0 to 100 % of an accuracy.

        The true value lies between `least` and `most`. So it lies in the cut interval whenever it
        lies in the whole one: the coverage stays the same.
        """
        return Interval(min(max(self.low, least), most), max(min(self.high, most), least))


def vector(values: ArrayLike) -> NDArray[Any]:
    """The runs as (n_runs,); whole numbers stay whole, so that their sums and ties are exact.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    runs = np.asarray(values)
    if runs.ndim != 1:
        raise ValueError(f"runs must have shape (n_runs,), not {runs.shape}")
    if not np.isfinite(runs).all():
        raise ValueError("a run's value must be finite")
    return runs.astype(np.int64) if runs.dtype.kind in "biu" else runs.astype(np.float64)


def count_vector(counts: ArrayLike) -> NDArray[np.int64]:
    """Right answers as (n_runs,), `MISSING` for a run that has no count.

    Raises:
        ValueError: another shape, a fraction, or a count below `MISSING`.
    """
    runs = vector(counts)
    whole = runs.astype(np.int64)
    if (whole != runs).any():
        raise ValueError("counts must be whole numbers")
    if (whole < MISSING).any():
        raise ValueError("counts must not be negative, MISSING where there is none")
    return whole


def is_flat(runs: NDArray[Any]) -> bool:
    """Fewer than two runs, or runs that are all equal: nothing to estimate a spread from."""
    return len(runs) < 2 or bool((runs == runs[0]).all())


def middle(replicates: NDArray[Any]) -> Interval:
    """The 95 % percentile interval of bootstrap replicates, (n_resamples,)."""
    low, high = np.quantile(replicates, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Interval(float(low), float(high))
