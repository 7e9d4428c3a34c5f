"""Boxes of what each layer's middle unit sees, and the digit below them."""

from __future__ import annotations

from typing import Any

from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch
from msgspec.structs import replace

from bench.records.observations import Findings, MissedDigit
from bench.report.figures.canvas import STAND_INS
from bench.report.figures.growth import Box, growth
from bench.report.figures.svg import svg
from bench.report.parts.misses import typical_digit
from bench.report.sections import effective_receptive_field, receptive_field_growth
from bench.report.sections.receptive_field_growth import seen
from bench.report.summary import Summary, summarise
from tests import factories
from tests.report.plotted import require_apart, texts_of

RUNS = [factories.record("model_1", seed) for seed in range(3)]  # each missed 247 and 321
DIGIT = bytes(range(256)) * 3 + bytes(16)


def row(size: Any, start: Any, jump: Any, shape: list[int]) -> dict[str, Any]:
    return {"receptive_field": size, "start": start, "jump": jump, "output_shape": shape}


def summary(**digits: MissedDigit) -> Summary:
    kept = {int(name.removeprefix("at")): digit for name, digit in digits.items()}
    findings = Findings(fields=(factories.effective_field(RUNS),), missed_digits={"mnist": kept})
    links = {run.key: "r" for run in RUNS}
    portrait = factories.portrait("model_1")
    measured = portrait.measures["receptive_field"]
    layers = {
        name: {"start": -1, "operation": "Odd", **row} for name, row in measured.layers.items()
    }
    whole = {**portrait.measures, "receptive_field": replace(measured, layers=layers)}
    portraits = [replace(portrait, measures=whole)]
    return summarise("local", RUNS, portraits, factories.published(), links, "c")[0].with_findings(
        findings
    )


def test_the_middle_unit_lies_where_start_and_jump_say() -> None:
    """By hand: unit 3 of 7, first unit from pixel -10 on, 4 apart: from 2 to 25."""
    rows = {
        "conv": row(3, -1, 1, [6, 28, 28]),
        "relu": row(3, -1, 1, [6, 28, 28]),
        "deep": row(24, -10, 4, [16, 7, 7]),
        "wide": row([3, 5], [-1, -2], [1, 1], [6, 28, 28]),
        "pool": row(28, 0, None, [10, 1, 1]),
        "flat": row(None, None, None, [10]),
    }
    found = {box.says.split(",")[0]: box.pixels for box in seen(rows)}
    assert found == {
        "conv": (12, 12, 14, 14),
        "deep": (2, 2, 25, 25),
        "wide": (12, 11, 14, 15),
        "pool": (0, 0, 27, 27),
    }


def test_rows_of_nothing_draw_nothing() -> None:
    assert seen({}) == []
    assert seen({"odd": {"operation": "Odd"}}) == []


def test_the_digit_is_the_first_that_most_runs_missed_and_the_suite_keeps() -> None:
    digit = MissedDigit(pixels=DIGIT.hex(), label=4)
    assert typical_digit(summary()) is None
    shown = typical_digit(summary(at321=digit))
    assert shown is not None
    assert shown.pixels == DIGIT
    assert shown.words == "test image 321, a 4, missed by 3 of 3 runs"


def test_both_sections_tell_of_the_digit_or_of_an_empty_image() -> None:
    with_digit = summary(at247=MissedDigit(pixels=DIGIT.hex(), label=None))
    for of, words in ((with_digit, "test image 247, missed by 3 of 3 runs"), (summary(), "")):
        grown = receptive_field_growth.section(of)
        effective = effective_receptive_field.section(of)
        assert grown is not None
        assert effective is not None
        captions = [section.plots[0].caption for section in (grown, effective)]
        assert words in captions[0]
        assert ("empty image" in captions[0]) == (not words)
        assert svg(grown.plots[0].draw(), "a").startswith("<svg")
        assert svg(effective.plots[0].draw(), "b").startswith("<svg")


def test_frames_lie_on_their_pixels_edges_and_speak() -> None:
    boxes = [
        Box("3 x 3", "conv", (12, 12, 14, 14), "conv: 3 x 3"),
        Box("32 x 32", "last", (-2, -2, 29, 29), "last: 32 x 32"),
    ]
    figure = growth(boxes, DIGIT, "model_2")
    axes = figure.axes[0]
    drawn = [
        patch.get_path().get_extents()
        for patch in axes.patches
        if isinstance(patch, PathPatch) and to_hex(patch.get_edgecolor()) == STAND_INS["link"]
    ]
    assert [(e.x0, e.y0, e.x1, e.y1) for e in drawn] == [
        (11.5, 11.5, 14.5, 14.5),
        (-2.5, -2.5, 29.5, 29.5),
    ]
    assert min(axes.get_ylim()) <= -2.5
    assert max(axes.get_ylim()) >= 29.5
    text = svg(figure, "name")
    assert text.count('data-series="model_2"') == 2
    assert 'data-tip="last: 32 x 32"' in text
    assert "<image" not in text
    assert len(text) < 60_000


def test_names_stay_in_the_figure_and_apart() -> None:
    """Thirty, which need more height than the image has."""
    boxes = [Box(f"{n} x {n}", "x" * 99, (0, 0, n, n), "s") for n in range(30)]
    figure = growth(boxes, None, "a")
    assert len(texts_of(figure)) == 30
    require_apart(figure)
