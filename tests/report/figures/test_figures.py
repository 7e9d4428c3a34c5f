"""Figures by their artists and their SVG, not by pixels."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from math import nan

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.figures import curves
from bench.report.figures.canvas import STAND_INS
from bench.report.figures.curves import Panel, accuracy_curves, loss_curves
from bench.report.figures.dots import DOT
from bench.report.figures.strips import cut, strips
from bench.report.figures.svg import svg
from bench.stats.means import t_interval
from tests.report import plotted


def strip(label: str, percents: Sequence[float], published: float = nan) -> pd.DataFrame:
    """An arm's rows of the frame that strips are drawn from."""
    interval = t_interval(percents)
    return pd.DataFrame(
        {
            "label": label,
            "architecture": label.lower(),
            "percent": list(percents),
            "mean": float(np.mean(percents)),
            "low": interval.low if interval else nan,
            "high": interval.high if interval else nan,
            "published": published,
            "said_by": "README",
            "says": [f"{label}, run {number}" for number in range(len(percents))],
        }
    )


def epochs(*runs: Sequence[float]) -> pd.DataFrame:
    """The frame of a panel: a run each, seeds from 0."""
    return pd.DataFrame(
        [(seed, at, value) for seed, run in enumerate(runs) for at, value in enumerate(run, 1)],
        columns=["seed", "epoch", "value"],
    )


FIRST = strip("Model_1", (99.36, 99.39, 99.39, 99.41), 99.39)
STRIPS = pd.concat([FIRST, strip("Model_2", (99.4,))])
PANELS = [
    Panel(
        "train", epochs((90.0, 98.0, 99.0), (91.0, 98.5)), {0: "one", 1: "two"}, "both", "model_1"
    ),
    Panel("test", epochs((95.0, 99.0, 99.4)), {0: "alone"}, series="model_1"),
]
BAND = epochs((94.0, 99.1, 99.0), (96.0, 98.0, 99.6), (95.0, 99.0, 99.4))


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def dots(figure: Figure) -> list[tuple[float, float, str]]:
    """Where each dot stands, across in percent, down in points, and what it says."""
    root = plotted.parsed(figure)
    x = plotted.horizontal(root)
    return sorted(
        (x(float(use.get("x", "nan"))), float(use.get("y", "nan")), use.get("data-tip", ""))
        for use in plotted.uses(root)
        if ", run " in use.get("data-tip", "")
    )


def test_every_run_is_a_dot() -> None:
    found = dots(strips(STRIPS, 99.4))
    assert [x for x, _, _ in found] == pytest.approx([99.36, 99.39, 99.39, 99.4, 99.41], abs=1e-3)
    assert found[0][2] == "Model_1, run 0"
    assert found[3][2] == "Model_2, run 0"


def test_runs_do_not_hide_each_other() -> None:
    """61 runs of which up to nine are equal, and eight more that are equal all."""
    many = np.random.default_rng(0).binomial(10_000, 0.996, 61) / 100
    both = pd.concat([strip("many", many.tolist()), strip("equal", (99.4,) * 8)])
    places = {(round(x, 4), y) for x, y, _ in dots(strips(both, 99.4))}
    assert len(places) == 69


@pytest.mark.parametrize("n_rows", [1, 12])
def test_100_equal_runs_stay_in_their_row(n_rows: int) -> None:
    runs = pd.concat([strip(f"M{i}", (99.4,) * 100) for i in range(n_rows)])
    figure = strips(runs, 99.4)
    found = dots(figure)
    assert len(found) == 100 * n_rows
    height = figure.axes[0].transData.transform([(0, 0), (0, 1)])[:, 1]
    row_points = (height[1] - height[0]) * 72 / figure.dpi
    for row in range(n_rows):
        ys = [y for _, y, says in found if says.startswith(f"M{row},")]
        assert max(ys) - min(ys) <= 0.81 * row_points


def test_equal_ones_of_many_runs_are_one_bar_within_their_row() -> None:
    """120 runs of one accuracy and 30 of another, below the target: a bar each, one hollow."""
    figure = strips(strip("many", (99.5,) * 120 + (99.3,) * 30), 99.4)
    assert dots(figure) == []
    bars = [line for line in figure.axes[0].lines if line.get_linewidth() == DOT]
    told = [bytes.fromhex(str(bar.get_gid()).removeprefix("mark-")).decode() for bar in bars]
    words = ("30 runs with 99.30 %", "120 runs with 99.50 %")
    assert [word in says for word, says in zip(words, told, strict=True)] == [True, True]
    lengths = [np.ptp(np.asarray(bar.get_ydata(), dtype=float)) for bar in bars]
    assert 0 < lengths[0] <= lengths[1] <= 1


def test_one_run_has_no_interval() -> None:
    bands = [
        line
        for line in strips(strip("Model_2", (99.4,)), 99.4).axes[0].lines
        if line.get_linewidth() == 8
    ]
    assert bands == []


def test_the_target_and_the_published_number_are_marked() -> None:
    axes = strips(STRIPS, 99.4).axes[0]
    target = STAND_INS["target"]
    assert [xs(x) for x in axes.lines if to_hex(x.get_color()) == target] == [[99.4, 99.4]]
    assert [xs(x) for x in axes.lines if x.get_marker() == "v"] == [[99.39]]


def test_a_run_far_below_stands_at_the_edge_and_squeezes_no_other() -> None:
    bulk = tuple(99.3 + 0.01 * i for i in range(20))
    runs = strip("M", (11.35, *bulk))
    floor = cut(runs)
    assert floor is not None
    assert floor == pytest.approx(np.mean(runs["percent"]))  # the mean is pulled, and still shown
    figure = strips(runs, 99.4)
    low, high = figure.axes[0].get_xlim()
    assert 94 < low < floor < high < 100
    (edge, _, says), *others = dots(figure)
    assert says == "M, run 0"
    assert edge == pytest.approx(low, abs=1e-3)
    assert [x for x, _, _ in others] == pytest.approx(bulk, abs=1e-3)


def test_a_dot_is_filled_where_its_run_reached_the_target() -> None:
    runs = strip("M", (99.39, 99.4, 99.41))
    found = {}
    for line in strips(runs, 99.4).axes[0].lines:
        if line.get_marker() == "o":
            paints = line.get_markerfacecolor(), line.get_markeredgecolor()
            found |= dict.fromkeys(xs(line), paints)
    good, bad = STAND_INS["good"], STAND_INS["bad"]
    assert found == {
        99.39: (STAND_INS["paper"], bad),
        99.4: (good, good),
        99.41: (good, good),
    }
    (dots,) = (x for x in strips(runs, None).axes[0].lines if x.get_marker() == "o")
    assert dots.get_markerfacecolor() == STAND_INS["muted"]


@pytest.mark.parametrize("percents", [(99.9, 100.0), (100.0,), (0.0, 0.1), (0.0,)])
def test_the_axis_ends_where_accuracies_do(percents: tuple[float, ...]) -> None:
    low, high = strips(strip("M", percents), None).axes[0].get_xlim()
    assert 0 <= low < high <= 100
    assert low == 0 or high == 100
    assert len(dots(strips(strip("M", percents), None))) == len(percents)  # none is cut


@pytest.mark.parametrize(("n", "on_top"), [(12, False), (13, True)])
def test_a_long_figure_has_its_numbers_on_top_too(n: int, on_top: bool) -> None:
    figure = strips(pd.concat([strip(f"M{k:02}", (99.3, 99.5)) for k in range(n)]), 99.4)
    middle = figure.bbox.height / 2
    tops = [box for words, box in plotted.texts_of(figure).items() if words.startswith("'99.40'")]
    assert [box.y0 > middle for box in tops] == ([False, True] if on_top else [False])


def test_an_arm_that_is_low_as_a_whole_is_not_cut() -> None:
    assert cut(pd.concat([STRIPS, strip("low", (95.0, 95.1, 95.2))])) is None


def test_n_stands_beside_each_row() -> None:
    labels = [t.get_text() for t in strips(STRIPS, 99.4).axes[0].texts]
    assert labels == ["Model_2, n = 1", "Model_1, n = 4"]  # the best mean first


def test_a_long_label_stays_on_the_paper() -> None:
    label = "Model_1 · GPU · 15 epochs · recipe 0a1b2c · source 0a1b2c · engine 2"
    figure = strips(strip(label, (99.4, 99.5)), 99.4)
    width, height = figure.canvas.get_width_height()
    axes = figure.axes[0]
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_short_labels_of_a_long_figure_stand_beside_their_rows() -> None:
    def shown(names: list[str]) -> Figure:
        rows = [strip(n, (99.5 - k / 100, 99.6 - k / 100)) for k, n in enumerate(names)]
        return strips(pd.concat(rows), 99.4)

    names = [f"Network {k:02}" for k in range(18)]
    figure = shown(names)
    # 18 rows of 0.185 inches, 0.06 above, 0.2 for the axis on top, 0.5 below.
    assert figure.get_figheight() == pytest.approx(18 * 0.185 + 0.06 + 0.2 + 0.5)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    left = axes.get_window_extent().x0
    for row, label in enumerate(axes.texts):
        assert label.get_text() == names[row]
        box = label.get_window_extent()
        assert 0 <= box.x0 < box.x1 < left
        middle = axes.transData.transform((99.5, -row))[1]
        assert (box.y0 + box.y1) / 2 == pytest.approx(middle, abs=3)
    above = shown([*names[:17], "A network with a name for which there is no room"])
    assert above.axes[0].texts[0].get_text() == "Network 00, n = 2"
    few = shown(names[:12])
    assert few.axes[0].texts[0].get_text() == "Network 00, n = 2"


@pytest.mark.parametrize(
    "letters", ["W" * 10, "W" * 14, "W" * 24, "Model, a variant of it", "i" * 24]
)
def test_no_dot_stands_over_a_label_of_a_long_figure(letters: str) -> None:
    """One run collapsed, so it stands at the left edge as a triangle."""
    rows = [
        strip(f"{letters} {k}", (11.35, *(99.3 + j / 100 for j in range(9)))) for k in range(13)
    ]
    figure = strips(pd.concat(rows), 99.4)
    figure.set_dpi(720)  # letters are fitted to whole pixels, on a page they are not
    figure.draw_without_rendering()
    (axes,) = figure.axes
    edge = axes.get_window_extent().x0 - figure.dpi * (DOT + 1.2) / 2 / 72
    for row, label in enumerate(axes.texts):
        box = label.get_window_extent()
        above = axes.transData.transform((99.5, 0.3 - row))[1]
        assert 0 <= box.x0 < box.x1 <= edge or box.y0 >= above


def test_no_triangle_stands_over_a_label() -> None:
    """The published number of a row whose label is as wide as the axis."""
    figure = strips(strip("W" * 40, (99.3, 99.4, 99.5), published=99.4), 99.4)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (label,) = axes.texts
    (drawn,) = [line for line in axes.lines if line.get_marker() == "v"]
    middle = axes.transData.transform((99.4, float(np.asarray(drawn.get_ydata())[0])))[1]
    half = (drawn.get_markersize() + drawn.get_markeredgewidth()) / 2 / 72 * figure.dpi
    assert middle + half <= label.get_window_extent().y0


def test_a_curve_for_every_run_also_for_one_that_broke_off() -> None:
    figure = accuracy_curves(PANELS, None)
    lengths = [[len(xs(line)) for line in axes.lines] for axes in figure.axes]
    assert lengths == [[3, 2, 3], [3]]  # and the median of the two


@pytest.mark.filterwarnings("error")
def test_runs_that_all_have_everything_right_are_drawn() -> None:
    panel = Panel("band", epochs((100.0, 100.0), (100.0, 100.0)), band="a band")
    figure = accuracy_curves([panel], None, lowest=100.0)
    assert figure.axes[0].get_ylim() == pytest.approx((99.95, 100))
    assert plotted.path(plotted.parsed(figure), "a band")


def test_curves_can_be_read_back() -> None:
    panels = [*PANELS, Panel("band", BAND, band="a band")]
    root = plotted.parsed(accuracy_curves(panels, 99.4))
    for panel, (says, run) in zip(
        (0, 0, 1), (("one", (90, 98, 99)), ("two", (91, 98.5)), ("alone", (95, 99, 99.4))),
        strict=True,
    ):  # fmt: skip
        x, y = plotted.maps(root, panel)
        told = plotted.path(root, says)
        assert [x(place) for place, _ in told] == pytest.approx(range(1, len(run) + 1), abs=1e-3)
        assert [plotted.percent(y(height)) for _, height in told] == pytest.approx(run, abs=2e-2)
    x, y = plotted.maps(root, 2)
    area = [plotted.percent(y(height)) for _, height in plotted.path(root, "a band")]
    assert area == pytest.approx([94, 98, 99, 99.6, 99.1, 96], abs=2e-2)
    line = [plotted.percent(y(height)) for _, height in plotted.path(root, "a band", 1)]
    assert line == pytest.approx([95, 99, 99.4], abs=2e-2)


def test_losses_and_rates_of_learning_can_be_read_back() -> None:
    losses = Panel("test", epochs((0.5, 0.05, 0.02)), {0: "losses"})
    root = plotted.parsed(loss_curves([losses]))
    x, y = plotted.maps(root, 0, np.log10)
    told = plotted.path(root, "losses")
    assert [x(place) for place, _ in told] == pytest.approx([1, 2, 3], abs=1e-3)
    assert [10 ** y(height) for _, height in told] == pytest.approx([0.5, 0.05, 0.02], rel=1e-3)
    schedule = Panel("rate", epochs((0.004, 0.01, 0.0)), band="rate")
    figure = accuracy_curves(PANELS[1:], None, learning_rate=schedule)
    root = plotted.parsed(figure)
    _, y = plotted.maps(root, 1)
    told = plotted.path(root, "rate")
    assert [y(height) for _, height in told] == pytest.approx([4, 10, 0], abs=1e-2)  # thousandths


def test_panels_share_their_heights() -> None:
    figure = accuracy_curves(PANELS, 99.4)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("n_panels", range(1, 13))
def test_any_number_of_panels_fits(n_panels: int) -> None:
    panels = [Panel(f"M{i}", BAND, band="a band") for i in range(n_panels)]
    figure = accuracy_curves(panels, 99.4)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"M{i}" for i in range(n_panels)
    ]
    height = figure.get_figheight()
    boxes = [axes.get_position() for axes in figure.axes]
    assert min(box.height for box in boxes) * height > 0.9  # inches
    assert min(box.width for box in boxes) * figure.get_figwidth() > 1.5


def test_each_halving_of_the_errors_takes_the_same_height() -> None:
    ninety, half, quarter = curves._log_distance([90.0, 95.0, 97.5])
    assert half - ninety == pytest.approx(quarter - half)


def test_a_perfect_accuracy_stays_finite() -> None:
    perfect = Panel("t", epochs((100.0,)), {0: "perfect"})
    assert svg(accuracy_curves([perfect], None), "x")


def test_svg_is_the_same_every_time_and_well_formed() -> None:
    texts = {svg(strips(STRIPS, 99.4), "a") for _ in range(3)}
    assert len(texts) == 1
    ElementTree.fromstring(texts.pop())


def test_ids_carry_the_figures_name_and_references_meet() -> None:
    text = svg(loss_curves(PANELS), "loss")
    root = ElementTree.fromstring(text)
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert all(str(each).startswith("loss-") for each in ids)
    assert len(ids) == len(set(ids))
    links = {str(node.get("href"))[1:] for node in root.iter() if node.get("href")}
    assert links <= set(ids)


def test_no_colour_is_fixed() -> None:
    """A colour that is no variable could not be read on the other background."""
    text = svg(strips(STRIPS, 99.4), "a")
    assert "var(--good)" in text
    assert "#0" not in text.replace("#a-", "")
    assert "font-family" not in text


def test_numbers_that_are_read_keep_their_digits() -> None:
    figure = Figure()
    figure.add_subplot().text(1 / 3, 2 / 3, "0.0051")
    text = svg(figure, "x")
    assert ">0.0051<" in text
    assert not re.search(r'="[^"<>]*\d\.\d{3}', text)
