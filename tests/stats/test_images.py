"""Claims about new digits: hand-worked parts, and coverage over new seeds and new images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from scipy import stats as oracle
from scipy.special import ndtr
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from bench.stats.comparison import Design, compare
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


def alone(table: ArrayLike) -> Crossed:
    """One arm against one that is never right: what is left is that arm's own accuracy."""
    return crossed_difference(table, np.zeros_like(table))


def test_parts_of_a_hand_worked_table() -> None:
    """Counts 3 and 1 of 4: sd sqrt(2) of two runs, so an error of 1 image, 25 points."""
    found = alone([[1, 1, 1, 0], [1, 0, 0, 0]])
    assert (found.n_first, found.n_second, found.n_images) == (2, 2, 4)
    assert found.points == 50.0
    assert found.seeds_error_points == pytest.approx(25.0)
    per_image = np.array([1, 0.5, 0.5, 0])
    assert found.images_error_points == pytest.approx(100 * per_image.std(ddof=1) / 2)


def test_the_variance_of_a_hand_worked_table() -> None:
    """Three runs on four images, against one that is never right.

    Run means 3/4, 2/4 and 1/4: their variance 1/16 over 3 runs is 1/48. Image means 1, 2/3, 1/3
    and 0: their variance 5/27 over 4 images is 5/108. What is left of the table's squares,
    12/4 - 5/3 - 1/2 = 5/6, over 2 * 3 degrees of freedom is 5/36, over 12 cells 5/432.
    """
    found = alone([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    runs, images = 1 / 48, 5 / 108 - 5 / 432
    variance = runs + images
    degrees = variance**2 / (runs**2 / 2 + images**2 / 3)
    half = float(oracle.t.ppf(0.975, degrees)) * variance**0.5
    assert half > 0.5  # so wide that it is cut at 100 points
    assert found.interval is not None
    assert found.interval.low == pytest.approx(100 * (0.5 - half))
    assert found.interval.high == 100.0


def test_mean_squares_are_those_of_a_two_way_analysis_of_variance() -> None:
    """Against statsmodels, on tables in which nothing is small."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, 12)
    first, second = tables(rng, 5, 0.3, images), tables(rng, 4, 0.0, images)
    expected = 0.0
    for table in (first, second):
        n_runs, n_images = table.shape
        cells = pd.DataFrame(table.astype(float)).stack().rename_axis(["run", "image"])
        fit = ols("right ~ C(run) + C(image)", cells.rename("right").reset_index()).fit()
        squares = anova_lm(fit)["mean_sq"]
        expected += (squares["C(run)"] - squares["Residual"]) / (n_runs * n_images)
    per_image = first.mean(axis=0) - second.mean(axis=0)
    expected += per_image.var(ddof=1) / 12
    found = crossed_difference(first, second).interval
    assert found is not None
    runs = [table.mean(axis=1).var(ddof=1) / len(table) for table in (first, second)]
    of_images = expected - sum(runs)
    assert of_images > 0
    known = of_images**2 / 11 + runs[0] ** 2 / 4 + runs[1] ** 2 / 3
    half = float(oracle.t.ppf(0.975, expected**2 / known)) * expected**0.5
    assert (found.high - found.low) / 2 == pytest.approx(100 * half)


@pytest.mark.parametrize(("n_runs", "least"), [(5, 0.91), (20, 0.93)])
def test_an_accuracy_for_new_digits_is_covered(n_runs: int, least: float) -> None:
    """These runs are skewed, so it covers as little as a t interval does of so few."""
    rng = np.random.default_rng(n_runs)
    hits = []
    for _ in range(1000):
        found = alone(tables(rng, n_runs, 3.0, rng.normal(0, 1, N_IMAGES)))
        hits.append(found.interval is not None and truth(3.0) in found.interval)
    assert_share(hits, least, 0.96)


@pytest.mark.parametrize("better", [3.0, 2.7])
def test_a_difference_for_new_digits_is_covered(better: float) -> None:
    """The same chances on every image, or an arm that is better on all."""
    rng = np.random.default_rng(2)
    hits = []
    for _ in range(1000):
        images = rng.normal(0, 1, N_IMAGES)
        first, second = (tables(rng, 10, quality, images) for quality in (better, 2.7))
        found = crossed_difference(first, second)
        hits.append(found.interval is not None and truth(better) - truth(2.7) in found.interval)
    assert_share(hits, 0.93, 0.97)


def test_it_is_never_narrower_than_seeds_alone_make_it() -> None:
    """Where images add nothing the interval is Welch's, of accuracies."""
    rng = np.random.default_rng(1)
    first, second = rng.random((6, 300)) < 0.9, rng.random((4, 300)) < 0.9
    found = crossed_difference(first, second).interval
    welch = compare(first.sum(axis=1), second.sum(axis=1), Design(300, n_resamples=0)).interval
    assert found is not None
    assert welch is not None
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


def test_shared_images_cancel_in_a_difference() -> None:
    """Two arms that fail on the same images differ by less than their images' noise."""
    rng = np.random.default_rng(3)
    table = tables(rng, 10, 2.5, rng.normal(0, 1, N_IMAGES))
    apart = crossed_difference(table, table)
    by_itself = alone(table)
    assert apart.interval is not None
    assert by_itself.interval is not None
    assert (apart.points, apart.images_error_points) == (0.0, 0.0)
    assert by_itself.images_error_points is not None
    assert by_itself.images_error_points > 0.4


@pytest.mark.parametrize(
    ("shape", "points"), [((0, 5), None), ((3, 0), None), ((2, 5), 100.0), ((3, 1), 100.0)]
)
def test_too_little_claims_nothing(shape: tuple[int, int], points: float | None) -> None:
    found = alone(np.ones(shape, dtype=bool))
    assert (found.points, found.interval) == (points, None)
    found = crossed_difference(np.ones(shape), np.zeros(shape))
    assert (found.points, found.interval) == (points, None)


def test_all_right_and_none_right_have_no_interval() -> None:
    assert alone(np.ones((5, 9))).interval is None
    assert alone(np.zeros((5, 9))).interval is None


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="4 and 5 images"):
        crossed_difference(np.ones((2, 4)), np.ones((2, 5)))
    with pytest.raises(ValueError, match="shape"):
        alone([True, False])
