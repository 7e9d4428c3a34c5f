"""Figures by their artists and their SVG, not by pixels."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench import figures
from bench.figures import curves

STRIPS = [
    figures.Strip("Model_1", 0, (99.36, 99.39, 99.39, 99.41), (99.35, 99.42), 99.39),
    figures.Strip("Model_2", 1, (99.4,), None, None),
]
PANELS = [
    figures.Panel("train", ((90.0, 98.0, 99.0), (91.0, 98.5))),
    figures.Panel("test", ((95.0, 99.0, 99.4),)),
]


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def dots(figure: Figure) -> list[float]:
    lines = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return sorted(x for line in lines for x in xs(line))


def test_every_run_is_a_dot() -> None:
    assert dots(figures.strips(STRIPS, 99.4, False)) == [99.36, 99.39, 99.39, 99.4, 99.41]


def test_equal_runs_do_not_hide_each_other() -> None:
    figure = figures.strips(STRIPS[:1], 99.4, False)
    line = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    points = list(zip(xs(line), np.asarray(line.get_ydata()), strict=True))
    assert len(set(points)) == len(points) == 4


def test_one_run_has_no_interval() -> None:
    bands = [
        line
        for line in figures.strips(STRIPS[1:], 99.4, False).axes[0].lines
        if line.get_linewidth() == 9
    ]
    assert bands == []


def test_the_target_and_the_published_number_are_marked() -> None:
    axes = figures.strips(STRIPS, 99.4, False).axes[0]
    target = figures.STAND_INS["target"]
    assert [xs(x) for x in axes.lines if to_hex(x.get_color()) == target] == [[99.4, 99.4]]
    assert [xs(x) for x in axes.lines if x.get_marker() == "v"] == [[99.39]]


def test_n_stands_beside_each_row() -> None:
    labels = [t.get_text() for t in figures.strips(STRIPS, 99.4, False).axes[0].get_yticklabels()]
    assert labels == ["Model_1, n = 4", "Model_2, n = 1"]
    narrow = [t.get_text() for t in figures.strips(STRIPS, 99.4, True).axes[0].texts]
    assert narrow == labels


def test_a_curve_for_every_run_also_for_one_that_broke_off() -> None:
    figure = figures.accuracy_curves(PANELS, 0, None, False)
    assert [[len(xs(line)) for line in axes.lines] for axes in figure.axes] == [[3, 2], [3]]


def test_panels_share_their_heights() -> None:
    figure = figures.accuracy_curves(PANELS, 0, 99.4, False)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_each_halving_of_the_errors_takes_the_same_height() -> None:
    ninety, half, quarter = curves._log_distance([90.0, 95.0, 97.5])
    assert half - ninety == pytest.approx(quarter - half)


def test_a_perfect_accuracy_stays_finite() -> None:
    assert figures.svg(
        figures.accuracy_curves([figures.Panel("t", ((100.0,),))], 0, None, True), "x"
    )


def test_svg_is_the_same_every_time_and_well_formed() -> None:
    texts = {figures.svg(figures.strips(STRIPS, 99.4, False), "a") for _ in range(3)}
    assert len(texts) == 1
    ElementTree.fromstring(texts.pop())


def test_ids_carry_the_figures_name_and_references_meet() -> None:
    text = figures.svg(figures.loss_curves(PANELS, 0, False), "loss")
    root = ElementTree.fromstring(text)
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert all(str(each).startswith("loss-") for each in ids)
    assert len(ids) == len(set(ids))
    links = {str(node.get("href"))[1:] for node in root.iter() if node.get("href")}
    assert links <= set(ids)


def test_no_colour_is_fixed() -> None:
    """A colour that is no variable could not be read on the other background."""
    text = figures.svg(figures.strips(STRIPS, 99.4, False), "a")
    assert "var(--series-0)" in text
    assert "#0" not in text.replace("#a-", "")
    assert "font-family" not in text


def test_colours_come_again_after_the_palette() -> None:
    assert figures.series(0) == figures.series(figures.N_SERIES)
    assert figures.series(0) != figures.series(1)
