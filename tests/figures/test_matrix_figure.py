"""Shaded cells by their patches."""

from __future__ import annotations

import re

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from bench import figures
from bench.figures import Entry, Matrix
from bench.figures.matrix import DARKEST, shades

SHOWN = Matrix(
    rows=("0", "1", "all"),
    columns=("0", "1", "all"),
    entries=(
        (Entry(""), Entry("4.0", 1.0, "0 taken for 1"), Entry("4.0")),
        (Entry("1.0", 0.25, "1 taken for 0"), Entry(""), Entry("1.0")),
        (Entry("1.0"), Entry("4.0"), Entry("5.0")),
    ),
    row_title="true label",
    column_title="label given",
    sums=True,
)


@pytest.mark.parametrize("narrow", [False, True])
def test_numbers_stand_in_their_cells_and_sums_apart(narrow: bool) -> None:
    (axes,) = figures.matrix(SHOWN, None, narrow).axes
    places = [(*text.get_position(), text.get_text()) for text in axes.texts]
    assert places == [
        (1.0, 0.0, "4.0"),
        (2.25, 0.0, "4.0"),
        (0.0, 1.0, "1.0"),
        (2.25, 1.0, "1.0"),
        (0.0, 2.25, "1.0"),
        (1.0, 2.25, "4.0"),
        (2.25, 2.25, "5.0"),
    ]
    low, high = axes.get_ylim()
    assert low > high  # the first row is on top


def test_the_shade_is_the_opacity_of_one_role() -> None:
    for colour, role in ((None, "muted"), (2, "series-2")):
        (axes,) = figures.matrix(SHOWN, colour, False).axes
        cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert [cell.get_alpha() for cell in cells] == [DARKEST, DARKEST / 4]
        assert {to_hex(cell.get_facecolor()) for cell in cells} == {figures.STAND_INS[role]}


def test_cells_say_what_they_are_and_whose() -> None:
    text = figures.svg(figures.matrix(SHOWN, 0, True, owner="model_1"), "m")
    assert re.findall(r'data-series="(\w+)" data-tip="([^"]+)"', text) == [
        ("model_1", "0 taken for 1"),
        ("model_1", "1 taken for 0"),
    ]
    assert "#0" not in text.replace("#m-", "")  # no colour is fixed


def test_shades_are_parts_of_the_largest() -> None:
    assert shades([[0, 4], [1, 2]]) == [[0.0, 1.0], [0.25, 0.5]]
    assert shades([[0, 0]]) == [[0.0, 0.0]]
    assert shades([]) == []
