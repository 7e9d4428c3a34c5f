"""The figure of an effective receptive field, by its artists."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle

from bench.report.figures.canvas import STAND_INS
from bench.report.figures.heatmap import Focus, focus
from bench.report.figures.svg import svg

# Nine tenths in the middle of 5 x 5 pixels, a tenth in one corner.
MASS = [[0.0] * 5 for _ in range(5)]
MASS[2][2], MASS[0][4] = 0.9, 0.1
FOCUS = Focus(tuple(map(tuple, MASS)), (2, 2), (1, 1, 3, 3))


def test_shades_lie_where_the_mass_is() -> None:
    axes = focus(FOCUS).axes[0]
    drawn = {p.get_alpha(): p for p in axes.patches if isinstance(p, PathPatch)}
    assert sorted(drawn) == [0.2, 1.0]  # a ninth of the largest, rounded up to tenths
    assert {to_hex(p.get_facecolor()[:3]) for p in drawn.values()} == {STAND_INS["link"]}
    corner = drawn[0.2].get_path().get_extents()
    assert (corner.x0, corner.y0, corner.x1, corner.y1) == (3.5, -0.5, 4.5, 0.5)
    middle = drawn[1.0].get_path().get_extents()
    assert (middle.x0, middle.y0, middle.x1, middle.y1) == (1.5, 1.5, 2.5, 2.5)


def test_the_darkest_shade_is_full_however_its_mass_rounds() -> None:
    largest = 0.00712817
    assert 10 * largest / largest > 10  # in floating point
    rounding = Focus(((largest, 0.0), (0.0, 0.0)), (0.5, 0.5), None)
    axes = focus(rounding).axes[0]
    assert [p.get_alpha() for p in axes.patches if isinstance(p, PathPatch)] == [1.0]


def test_the_box_and_the_image_are_framed_and_seen_whole() -> None:
    wide = Focus(FOCUS.mass, (2, 2), (-3, -2, 7, 6))
    axes = focus(wide).axes[0]
    frames = {
        to_hex(p.get_edgecolor()): p.get_bbox() for p in axes.patches if isinstance(p, Rectangle)
    }
    box = frames[STAND_INS["target"]]
    assert (box.x0, box.y0, box.x1, box.y1) == (-2.5, -3.5, 6.5, 7.5)
    image = frames[STAND_INS["muted"]]
    assert (image.x0, image.y0, image.x1, image.y1) == (-0.5, -0.5, 4.5, 4.5)
    (bottom, top), (left, right) = axes.get_ylim(), axes.get_xlim()
    assert top < -3.5
    assert bottom > 7.5  # rows count downwards
    assert left < -2.5
    assert right > 6.5


def test_the_curve_is_the_mass_within_squares() -> None:
    line = focus(FOCUS).axes[1].lines[0]
    assert list(np.asarray(line.get_xdata()))[:3] == [1, 3, 5]
    assert list(np.asarray(line.get_ydata()))[:3] == pytest.approx([90, 90, 100])


def test_squares_around_a_point_between_pixels_have_even_sides() -> None:
    even = Focus(((0.25, 0.25), (0.25, 0.25)), (0.5, 0.5), None)
    figure = focus(even)
    line = figure.axes[1].lines[0]
    assert np.asarray(line.get_xdata())[0] == 2
    assert np.asarray(line.get_ydata())[0] == pytest.approx(100)
    assert len(figure.axes[1].lines) == 1  # no box, no dashed line


def test_the_svg_is_small_coloured_by_roles_and_the_same_again() -> None:
    rng = np.random.default_rng(0)
    mass = rng.random((28, 28))
    shown = Focus(tuple(map(tuple, mass / mass.sum())), (13.5, 13.5), (-2, -2, 29, 29))
    first, second = (svg(focus(shown), "name") for _ in range(2))
    assert first == second
    assert len(first) < 100_000
    assert "var(--link)" in first
    assert "var(--target)" in first
    assert "<image" not in first
