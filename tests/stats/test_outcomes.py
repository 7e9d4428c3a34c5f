"""Outcomes on hand-worked epochs; the median against statsmodels' Kaplan and Meier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from bench.stats.outcomes import (
    count_outcomes,
    epochs_to_target,
    selected,
    selected_epochs,
    sustained,
    touched,
)
from bench.stats.values import MISSING

NONE = MISSING
TEST = [
    [9930, 9941, 9940, 9940, 9942],  # sustained
    [9930, 9941, 9939, 9940, 9942],  # the last epoch, not the last three
    [9930, 9950, 9939, 9938, 9939],  # touched alone
    [9930, 9931, 9932, 9933, 9934],  # never
    [9930, 9940, NONE, NONE, NONE],  # touched, then it diverged
    [NONE, NONE, NONE, NONE, NONE],  # failed at once
]
VALIDATION = [
    [5900, 5950, 5960, 5961, 5961],  # epoch 4, the first of equals
    [5900, 5950, 5960, 5940, 5941],  # epoch 3, which misses
    [5900, 5970, 5960, 5940, 5941],  # epoch 2
    [5900, 5901, 5902, 5903, 5904],
    [5900, 5950, NONE, NONE, NONE],  # epoch 2
    [NONE, NONE, NONE, NONE, NONE],
]


def test_each_outcome_of_hand_worked_runs() -> None:
    assert sustained(TEST, 9940).tolist() == [True, *[False] * 5]
    assert touched(TEST, 9940).tolist() == [True, True, True, False, True, False]
    assert selected_epochs(VALIDATION) == (4, 3, 2, 5, 2, None)
    chosen = selected(TEST, VALIDATION, 9940)
    assert chosen.tolist() == [True, False, True, False, True, False]


def test_all_outcomes_are_counted_over_every_run() -> None:
    found = count_outcomes(TEST, 9940, VALIDATION)
    assert (found.sustained, found.touched, found.selected) == (1, 4, 3)
    assert found.epochs_to_target.first == (2, 2, 2, None, 2, None)
    assert (found.epochs_to_target.n_reached, found.epochs_to_target.median) == (4, 2)


def test_a_median_that_half_of_the_runs_do_not_reach_is_not_known() -> None:
    assert epochs_to_target(TEST, 9943).median is None  # one of six
    assert epochs_to_target(TEST, 9942).median == 5  # three of six: at epochs 5, 5 and 2


def test_a_run_that_diverged_is_not_lost_for_the_better() -> None:
    """Were it left out, two of three would reach it, and the median would be 4."""
    counts = [[0, 0, 0, 1], [0, 0, 0, 1], [0, NONE, NONE, NONE], [0, NONE, NONE, NONE], [0] * 4]
    assert epochs_to_target(counts, 1).median is None


@pytest.mark.parametrize("n_epochs", [0, 1, 2])
def test_too_few_epochs_sustain_nothing(n_epochs: int) -> None:
    counts = np.full((2, n_epochs), 9999)
    found = count_outcomes(counts, 9940, counts)
    assert (found.sustained, found.touched) == (0, 2 if n_epochs else 0)


def test_no_runs_reach_nothing() -> None:
    found = count_outcomes(np.zeros((0, 15), dtype=int), 9940, np.zeros((0, 15), dtype=int))
    assert (found.sustained, found.selected, found.epochs_to_target.median) == (0, 0, None)


firsts = st.lists(st.none() | st.integers(1, 15), min_size=1, max_size=40)


@given(firsts)
def test_the_median_is_that_of_kaplan_and_meier(first: list[int | None]) -> None:
    """A miss is censored after epoch 15. Where exactly half of the runs are left, statsmodels waits
    for the next run; so that case is left out.
    """
    counts = [[int(at is not None and epoch >= at) for epoch in range(1, 16)] for at in first]
    ours = epochs_to_target(counts, 1)
    assert ours.first == tuple(first)
    if ours.n_reached == 0:
        assert ours.median is None
        return
    reached = np.array([int(at is not None) for at in first])
    curve = SurvfuncRight(np.array([at or 15 for at in first]), reached)
    if not np.isclose(curve.surv_prob, 0.5).any():
        theirs = curve.quantile(0.5)
        assert ours.median == (None if math.isnan(theirs) else theirs)


@pytest.mark.parametrize(
    ("counts", "told"),
    [([1, 2], "shape"), ([[0.5, 1.0]], "whole"), ([[-2, 1]], "whole and not negative")],
)
def test_what_is_no_count_is_refused(counts: list[list[float]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        touched(counts, 1)


def test_tables_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="validation's"):
        selected([[1, 2]], [[1]], 1)
