"""Differences by their artists."""

from __future__ import annotations

import numpy as np
import pytest

from bench.report.figures.differences import Difference, differences
from bench.report.figures.svg import svg

ROWS = [
    Difference("a less b", 0.05, (-0.01, 0.11), "first"),
    Difference("a less c", -0.02, None, "second"),
]


def test_each_pair_is_a_point_and_a_bar_where_there_is_an_interval() -> None:
    (axes,) = differences(ROWS, 0.05).axes
    drawn = [np.asarray(line.get_data(), dtype=float).tolist() for line in axes.lines]
    zeros = [line for line in drawn if line[0] == [0.0, 0.0]]
    assert [sum(heights) / 2 for _, heights in zeros] == [0.0, -1.0]
    assert [line for line in drawn if line not in zeros] == [
        [[-0.01, 0.11], [0.0, 0.0]],
        [[0.05], [0.0]],
        [[-0.02], [-1.0]],
    ]
    low, high = axes.get_xlim()
    assert low < -0.05  # the whole margin is seen
    assert high > 0.11


def test_the_margin_is_shaded_on_both_sides() -> None:
    (axes,) = differences(ROWS, 0.05).axes
    box = axes.patches[0].get_path().get_extents(axes.patches[0].get_patch_transform())
    assert (box.x0, box.x1) == pytest.approx((-0.05, 0.05))


def test_ticks_have_signs_and_marks_speak() -> None:
    text = svg(differences(ROWS, 0.05), "d")
    assert text.count('data-tip="first"') == 2
    assert text.count('data-tip="second"') == 1
    assert ">+0.05<" in text
    assert ">\N{MINUS SIGN}0.05<" in text
    assert ">0<" in text
