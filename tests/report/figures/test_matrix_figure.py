"""Shaded cells by their mesh."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex

from bench.report.figures.canvas import STAND_INS
from bench.report.figures.matrix import DARKEST, matrix
from bench.report.figures.svg import svg

CELLS = pd.DataFrame(
    [
        ("0", "0", 0.0, "", ""),
        ("0", "1", 1.0, "4.0", "0 taken for 1"),
        ("0", "all", 0.0, "4.0", ""),
        ("1", "0", 0.25, "1.0", "1 taken for 0"),
        ("1", "1", 0.0, "", ""),
        ("1", "all", 0.0, "1.0", ""),
        ("all", "0", 0.0, "1.0", ""),
        ("all", "1", 0.0, "4.0", ""),
        ("all", "all", 0.0, "5.0", ""),
    ],
    columns=["true label", "label given", "share", "text", "says"],
)


def paints(axes: Axes) -> np.ndarray:
    """(n_cells, 4), red, green, blue and opacity, row by row."""
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    return np.asarray(mesh.get_facecolor())


def test_numbers_stand_in_their_cells_and_the_first_row_is_on_top() -> None:
    (axes,) = matrix(CELLS).axes
    places = {text.get_position(): text.get_text() for text in axes.texts if text.get_text()}
    assert places == {
        (1.5, 0.5): "4.0",
        (2.5, 0.5): "4.0",
        (0.5, 1.5): "1.0",
        (2.5, 1.5): "1.0",
        (0.5, 2.5): "1.0",
        (1.5, 2.5): "4.0",
        (2.5, 2.5): "5.0",
    }
    low, high = axes.get_ylim()
    assert low > high


def test_rows_and_columns_are_named_and_titled() -> None:
    (axes,) = matrix(CELLS).axes
    for axis, title in ((axes.xaxis, "label given"), (axes.yaxis, "true label")):
        assert axis.get_label_text() == title
        assert [label.get_text() for label in axis.get_ticklabels()] == ["0", "1", "all"]
        assert {label.get_rotation() for label in axis.get_ticklabels()} == {0}


def test_the_shade_is_the_opacity_of_one_role() -> None:
    for owner, role in (("", "muted"), ("model_1", "link")):
        (axes,) = matrix(CELLS, owner).axes
        shaded = [paint for paint in paints(axes) if paint[3]]
        assert {to_hex(paint) for paint in shaded} == {STAND_INS[role]}
        largest, quarter = (float(paint[3]) for paint in shaded)
        assert largest == pytest.approx(DARKEST)
        assert quarter == pytest.approx(DARKEST / 4, abs=0.005)


def test_cells_say_what_they_are_and_whose() -> None:
    text = svg(matrix(CELLS, "model_1"), "m")
    assert re.findall(r'<path class="mark" data-series="(\w+)" data-tip="([^"]+)"', text) == [
        ("model_1", "0 taken for 1"),
        ("model_1", "1 taken for 0"),
    ]
    assert "#0" not in text.replace("#m-", "")  # no colour is fixed
