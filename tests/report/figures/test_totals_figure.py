"""Bars of what totals are made of, and dots of how far layers see: each where its number says."""

from __future__ import annotations

import pytest

from bench.report.figures.bars import Total, totals
from bench.report.figures.depth import Depth, depths
from bench.report.figures.svg import svg

ROWS = [
    Total("first, 100", (("convolutions", 70), ("a head", 30)), (90.0, "the README says 90"), "a"),
    Total("second, 40", (("convolutions", 38), ("a head", 2)), None, "b"),
]


def test_parts_stand_end_to_end_and_a_triangle_at_what_is_published() -> None:
    (axes,) = totals(ROWS, "parameters").axes
    bars = [
        (bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in axes.patches
    ]
    assert bars == [
        pytest.approx(each) for each in [(0, 70, 0), (70, 30, 0), (0, 38, -1), (38, 2, -1)]
    ]
    assert [line.get_xdata()[0] for line in axes.lines] == [90.0]
    assert axes.get_xlim() == pytest.approx((0, 102))


def test_a_part_is_named_where_its_name_has_room() -> None:
    (axes,) = totals(ROWS, "parameters").axes
    inside = [text.get_text() for text in axes.texts if text.get_ha() == "center"]
    assert inside == ["convolutions", "a head", "convolutions"]


def test_each_part_says_its_number_and_hides_with_its_network() -> None:
    text = svg(totals(ROWS, "parameters"), "name")
    assert 'data-series="a" data-tip="first, 100, a head: 30"' in text
    assert 'data-series="b" data-tip="second, 40, a head: 2"' in text
    assert 'data-series="a" data-tip="the README says 90"' in text


def test_fields_stand_at_their_pixels_up_to_the_widest_of_all() -> None:
    rows = [
        Depth("first", ((3, "conv1: 3"), (32, "conv2: 32")), ((20, "says 20"),), "a"),
        Depth("second", ((5, "conv1: 5"),), (), "b"),
    ]
    (axes,) = depths(rows, 28).axes
    dots = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[3, 32], [5]]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "v"] == [20]
    assert axes.get_xlim() == pytest.approx((0, 1.03 * 32))
    assert 'data-tip="conv2: 32"' in svg(depths(rows, 28), "name")
