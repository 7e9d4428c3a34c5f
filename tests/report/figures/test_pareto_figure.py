"""The trade-off by its artists: who stands where, the front, lines of reference, names."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.figures.canvas import STAND_INS
from bench.report.figures.pareto import Candidate, Field, pareto
from bench.report.figures.svg import svg

ONE = Candidate("Model_1", 9850.0, 99.45, (99.40, 99.50), 99.39, "one", "model_1", "README")
TWO = Candidate("Model_2", 7262.0, 99.39, None, None, "two", "model_2")
FRONT = ((7262.0, 99.39), (9850.0, 99.45))
FIELD = Field("parameters", (ONE, TWO), FRONT, (8000.0, "limit 8,000"))
SMALL = Field("multiply-adds (millions)", (ONE, TWO), FRONT, divisor=1e3)


def lines(axes: Axes, marker: str) -> list[tuple[list[float], list[float]]]:
    return [data(line) for line in axes.lines if line.get_marker() == marker]


def data(line: Line2D) -> tuple[list[float], list[float]]:
    xs, ys = (np.asarray(values, dtype=float).tolist() for values in line.get_data())
    return xs, ys


def test_every_arm_stands_at_its_cost_and_mean() -> None:
    first, second = pareto([FIELD, SMALL], 99.4).axes
    assert lines(first, "o") == [([9850.0], [99.45]), ([7262.0], [99.39])]
    assert lines(second, "o") == [([9.85], [99.45]), ([7.262], [99.39])]
    assert lines(first, "v") == [([9850.0], [99.39])]


def test_one_run_has_no_bar() -> None:
    (axes,) = pareto([FIELD], 99.4).axes
    bars = [data(line) for line in axes.lines if line.get_linewidth() == 2.4]
    assert bars == [([9850.0, 9850.0], [99.4, 99.5])]


def test_the_front_rises_in_steps_to_the_edge() -> None:
    (axes,) = pareto([FIELD], 99.4).axes
    (front,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    xs, ys = data(front)
    assert xs == [7262.0, 9850.0, axes.get_xlim()[1]]
    assert ys == [99.39, 99.45, 99.45]


def test_target_and_limit_are_lines() -> None:
    (axes,) = pareto([FIELD], 99.4).axes
    target = [line for line in axes.lines if to_hex(line.get_color()) == STAND_INS["target"]]
    assert [data(line) for line in target] == [
        ([0.0, 1.0], [99.4, 99.4]),
        ([8000.0] * 2, [0.0, 1.0]),
    ]


@pytest.mark.parametrize(("cost", "scale"), [(30_000.0, "linear"), (400_000.0, "log")])
def test_a_wide_span_has_a_logarithmic_axis(cost: float, scale: str) -> None:
    far = Candidate("Far", cost, 99.5, None, None)
    (axes,) = pareto([Field("parameters", (ONE, far), ())], 99.4).axes
    assert axes.get_xscale() == scale
    low, high = axes.get_xlim()
    assert low < 9850 < cost < high


def test_names_of_ten_do_not_hide_each_other() -> None:
    crowd = tuple(
        Candidate(f"Model_{k}", 5000.0 + 700 * k, 99.3 + 0.02 * (k % 4), None, None)
        for k in range(10)
    )
    figure = pareto([Field("parameters", crowd, ())], 99.4)
    assert len(named_apart(figure)) == 10


def test_in_a_crowd_a_name_without_room_is_left_out() -> None:
    """Twenty on one spot, and two that have room: the front's, and one far from it."""
    heap = [Candidate(f"Heap_{k}", 7000.0, 99.45, None, None, f"heap {k}") for k in range(20)]
    best = Candidate("Best", 5000.0, 99.5, None, None)
    alone = Candidate("Alone", 9000.0, 99.3, None, None)
    field = Field("parameters", (*heap, best, alone), ((5000.0, 99.5),))
    figure = pareto([field], 99.4)
    names = named_apart(figure)
    assert {"Best", "Alone"} < set(names)
    assert len(names) < 12
    text = svg(figure, "p")
    assert all(f'data-tip="heap {k}"' in text for k in range(20))


def test_in_a_crowd_the_front_is_named_before_others() -> None:
    """All on one spot; by its mean it would come last."""
    heap = [Candidate(f"Heap_{k}", 7000.0, 99.45, None, None) for k in range(20)]
    best = Candidate("Best", 7000.0, 99.4499, None, None)
    field = Field("parameters", (*heap, best), ((7000.0, 99.4499),))
    assert "Best" in named_apart(pareto([field], 99.3))


@pytest.mark.parametrize(
    ("other", "front"), [(7200.0, ()), (8990.0, ((7000.0, 99.45),))], ids=["a dot", "the front"]
)
def test_a_name_keeps_off_what_lies_to_its_right(
    other: float, front: tuple[tuple[float, float], ...]
) -> None:
    left = Candidate("A long name", 7000.0, 99.45, None, None)
    near = Candidate("B", other, 99.45, None, None)
    far = Candidate("C", 9000.0, 99.4, None, None)
    figure = pareto([Field("parameters", (left, near, far), front)], 99.3)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (name,) = [text for text in axes.texts if text.get_text() == "A long name"]
    x, y = axes.transData.transform((7200.0, 99.45))
    assert not name.get_window_extent().contains(x, y)


def test_panels_stand_below_each_other() -> None:
    first, second = pareto([FIELD, SMALL], 99.4).axes
    assert first.get_position().y0 > second.get_position().y1
    assert first.get_ylabel() == second.get_ylabel() == "mean test accuracy (%)"


def test_no_axis_goes_beyond_everything_right() -> None:
    best = Candidate("Best", 5000.0, 99.99, (99.98, 100.0), None)
    (axes,) = pareto([Field("parameters", (best, TWO), ())], 99.4).axes
    assert axes.get_ylim()[1] == 100


def named_apart(figure: Figure) -> list[str]:
    """The names in the one panel, none of them out of it or over another."""
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = [text for text in axes.texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for number, box in enumerate(boxes):
        assert axes.get_window_extent().padded(8).contains(box.x0, box.y0)
        assert axes.get_window_extent().padded(8).contains(box.x1, box.y1)
        for other in boxes[:number]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert width <= 2 or height <= 3
    return [text.get_text() for text in texts]


def test_marks_speak_in_the_svg() -> None:
    text = svg(pareto([FIELD], 99.4), "p")
    tips = dict(re.findall(r'data-series="(\w+)" data-tip="(one|two)"', text))
    assert tips == {"model_1": "one", "model_2": "two"}
    assert 'data-tip="Model_1: the README says 99.39"' in text
    assert text == svg(pareto([FIELD], 99.4), "p")


def test_equal_costs_are_drawn() -> None:
    twin = Candidate("Twin", 9850.0, 99.45, None, None)
    assert svg(pareto([Field("parameters", (ONE, twin), ())], 99.4), "p")
