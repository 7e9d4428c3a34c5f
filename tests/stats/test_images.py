"""Claims about new digits: hand-worked parts, and coverage over new seeds and new images."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.special import ndtr

from bench.stats.images import Crossed, crossed_difference
from tests.stats.coverage import assert_share

N_IMAGES = 400


def tables(rng: np.random.Generator, n_runs: int, quality: float, images: np.ndarray) -> np.ndarray:
    """Right answers of runs that differ in quality, on images that differ in ease."""
    runs = rng.normal(quality, 0.3, (n_runs, 1))
    return np.asarray(rng.random((n_runs, len(images))) < ndtr(runs + images))


def truth(quality: float) -> float:
    """Mean accuracy of all runs on all images, in points."""
    return float(100 * ndtr(quality / (1 + 0.3**2 + 1) ** 0.5))


def alone(table: ArrayLike, seed: int = 0, n_resamples: int = 10_000) -> Crossed:
    """One arm against one that is never right: what is left is that arm's own accuracy."""
    never = np.zeros_like(table)
    return crossed_difference(table, never, seed=seed, n_resamples=n_resamples)


def test_parts_of_a_hand_worked_table() -> None:
    """Counts 3 and 1 of 4: sd sqrt(2) of two runs, so an error of 1 image, 25 points."""
    found = alone([[1, 1, 1, 0], [1, 0, 0, 0]])
    assert (found.n_first, found.n_second, found.n_images) == (2, 2, 4)
    assert found.points == 50.0
    assert found.seeds_error_points == pytest.approx(25.0)
    per_image = np.array([1, 0.5, 0.5, 0])
    assert found.images_error_points == pytest.approx(100 * per_image.std(ddof=1) / 2)


def test_grouped_images_are_drawn_as_single_ones() -> None:
    """Against a bootstrap that draws every image by itself."""
    rng = np.random.default_rng(0)
    table = tables(rng, 6, 3.0, rng.normal(0, 1, N_IMAGES))
    found = alone(table, seed=1, n_resamples=8000)
    rows, columns = rng.integers(6, size=(8000, 6)), rng.integers(N_IMAGES, size=(8000, N_IMAGES))
    naive = [100 * table[np.ix_(r, c)].mean() for r, c in zip(rows, columns, strict=True)]
    low, high = np.quantile(naive, (0.025, 0.975))
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.parametrize(("n_runs", "least"), [(5, 0.92), (20, 0.94)])
def test_an_accuracy_for_new_digits_is_covered(n_runs: int, least: float) -> None:
    rng = np.random.default_rng(n_runs)
    hits = []
    for seed in range(400):
        table = tables(rng, n_runs, 3.0, rng.normal(0, 1, N_IMAGES))
        found = alone(table, seed, n_resamples=300)
        hits.append(found.interval is not None and truth(3.0) in found.interval)
    assert_share(hits, least, 0.98)


def test_a_difference_for_new_digits_is_covered() -> None:
    rng = np.random.default_rng(2)
    hits = []
    for seed in range(300):
        images = rng.normal(0, 1, N_IMAGES)
        first, second = (tables(rng, 10, quality, images) for quality in (3.0, 2.7))
        found = crossed_difference(first, second, seed=seed, n_resamples=300)
        hits.append(found.interval is not None and truth(3.0) - truth(2.7) in found.interval)
    assert_share(hits, 0.93, 0.985)


def test_shared_images_cancel_in_a_difference() -> None:
    """Two arms that fail on the same images differ by less than their images' noise."""
    rng = np.random.default_rng(3)
    table = tables(rng, 10, 2.5, rng.normal(0, 1, N_IMAGES))
    apart = crossed_difference(table, table, seed=0)
    by_itself = alone(table)
    assert apart.interval is not None
    assert by_itself.interval is not None
    assert (apart.points, apart.images_error_points) == (0.0, 0.0)
    assert by_itself.images_error_points is not None
    assert by_itself.images_error_points > 0.4


def test_the_interval_belongs_to_its_seed() -> None:
    rng = np.random.default_rng(4)
    table = tables(rng, 5, 2.5, rng.normal(0, 1, N_IMAGES))
    first, again, other = (alone(table, seed).interval for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("shape", "points"), [((0, 5), None), ((3, 0), None), ((1, 5), 100.0), ((3, 1), 100.0)]
)
def test_too_little_claims_nothing(shape: tuple[int, int], points: float | None) -> None:
    found = alone(np.ones(shape, dtype=bool))
    assert (found.points, found.interval) == (points, None)
    found = crossed_difference(np.ones(shape), np.zeros(shape), seed=0)
    assert (found.points, found.interval) == (points, None)


def test_all_right_and_none_right_have_no_interval() -> None:
    assert alone(np.ones((5, 9))).interval is None
    assert alone(np.zeros((5, 9))).interval is None


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="4 and 5 images"):
        crossed_difference(np.ones((2, 4)), np.ones((2, 5)), seed=0)
    with pytest.raises(ValueError, match="shape"):
        alone([True, False])
