"""What figures show, read back from their SVG and compared with the records by hand.

Strips, rates and accuracy curves are read in `tests/report/sections/test_answer.py`, digits in
`tests/report/sections/test_misses.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats as scipy_stats

from bench.records.observations import Findings, MissedDigit
from bench.report.model import Section
from bench.report.sections import (
    accuracy_curves,
    comparisons,
    confusion,
    distribution,
    effective_receptive_field,
    loss,
    pareto,
    receptive_field_growth,
)
from bench.report.summary import Summary, summarise
from bench.spec import Claim, RunRecord
from tests import factories
from tests.report import plotted

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
COUNTS = {  # right answers of 10,000, by seed
    "model_1": (9943, 9947, 9948),
    "model_2": (9939, 9944, 9937),
    "model_3": (9936, 9935, 9940),
}
PUBLISHED = Claim(
    id="m.a",
    file="f",
    line=1,
    quote="q",
    metric="last_test_accuracy_percent",
    subject="model_2",
    published=99.35,
)


def runs_of(counts: Mapping[str, Sequence[int]]) -> list[RunRecord]:
    return [run for each in counts.items() for run in factories.runs(*each)]


def summary_of(runs: list[RunRecord], findings: Findings | None = None) -> Summary:
    portraits = [
        factories.portrait(name) for name in dict.fromkeys(run.architecture for run in runs)
    ]
    links = {run.key: "record.json" for run in runs}
    found = summarise("local", runs, portraits, factories.published(PUBLISHED), links, "command")[0]
    return found.with_findings(findings or Findings())


def drawn(section: Section | None) -> Element:
    assert section is not None
    (plot,) = section.plots
    return plotted.parsed(plot.draw())


def place(mark: Element) -> tuple[float, float]:
    return float(mark.get("x", "nan")), float(mark.get("y", "nan"))


def mean_and_interval(percents: Sequence[float]) -> tuple[float, float, float]:
    """Mean and the ends of its 95 % t interval."""
    mean, error = float(np.mean(percents)), scipy_stats.sem(percents)
    low, high = scipy_stats.t.interval(0.95, len(percents) - 1, mean, error)
    return mean, float(low), float(high)


def test_the_trade_off_shows_the_records() -> None:
    root = drawn(pareto.section(summary_of(runs_of(COUNTS))))
    costs = (  # panel, its noun, how a cost is printed, the costs on its axis
        (0, "parameters", (9850, 7262, 7518), 1),
        (1, "multiply-adds", (1_665_216, 876_512, 876_768), 1e6),
    )
    means = {"Model_1": 99.46, "Model_2": 99.40, "Model_3": 99.37}
    for panel, noun, of, divisor in costs:
        x, y = plotted.maps(root, panel, float)
        group = plotted.panel_of(root, panel)
        marks = {use.get("data-tip"): place(use) for use in plotted.uses(group)}
        near = 2e-4 * of[0] / divisor
        for (name, mean), cost in zip(means.items(), of, strict=True):
            at = marks.pop(f"{name}: mean {mean:.3f}{THIN}% of 3 runs, {cost:,} {noun}")
            assert x(at[0]) == pytest.approx(cost / divisor, abs=near)
            assert y(at[1]) == pytest.approx(mean, abs=1e-3)
            percents = [right / 100 for right in COUNTS[name.lower()]]
            _, low, high = mean_and_interval(percents)
            says = f"{name}: 95% t interval of the mean, {low:.3f} to {high:.3f}"
            bar = plotted.path(group, says)
            assert [x(end) for end, _ in bar] == pytest.approx([cost / divisor] * 2, abs=near)
            assert [y(end) for _, end in bar] == pytest.approx([low, high], abs=1e-3)
        ((_, at),) = marks.items()
        assert x(at[0]) == pytest.approx(of[1] / divisor, abs=near)  # of Model_2
        assert y(at[1]) == pytest.approx(99.35, abs=1e-3)
        title = {"multiply-adds": "multiply-adds (millions)"}.get(noun, noun)
        says = f"Pareto front: no other network costs less ({title}) and is as accurate"
        front = plotted.path(group, says)  # Model_3 costs more than Model_2 and is worse
        steps = [of[1] / divisor, of[0] / divisor, of[0] / divisor]
        assert [x(end) for end, _ in front[:3]] == pytest.approx(steps, abs=near)
        assert [y(end) for _, end in front[:3]] == pytest.approx([99.40, 99.40, 99.46], abs=1e-3)
        lines = [plotted.corners(each) for each in plotted.styled(group, "stroke: var(--target)")]
        assert {round(y(end), 3) for _, end in lines[0]} == {99.4}
        limits = [round(x(end)) for line in lines[1:] for end, _ in line]
        assert limits == ([8000, 8000] if noun == "parameters" else [])


def test_differences_show_the_records() -> None:
    root = drawn(comparisons.section(summary_of(runs_of(COUNTS))))
    x = plotted.horizontal(root)
    marks = {str(use.get("data-tip")): place(use) for use in plotted.uses(root)}
    rows = [(words, y) for words, _, y in plotted.texts(root) if MINUS in words and "_" in words]
    by_hand = {  # points between the means of 9,946, 9,940 and 9,937 images
        ("Model_1", "Model_2"): 0.06,
        ("Model_1", "Model_3"): 0.09,
        ("Model_2", "Model_3"): 0.03,
    }
    for (first, second), mean in by_hand.items():
        pair = f"{first} {MINUS} {second}"
        (says,) = [tip for tip in marks if tip.startswith(f"{pair}: ")]
        across, height = marks.pop(says)
        ours, theirs = (np.array(COUNTS[name.lower()]) / 100 for name in (first, second))
        low, high = scipy_stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
        assert x(across) == pytest.approx(mean, abs=1e-3)
        assert min(rows, key=lambda row: abs(row[1] - height))[0] == pair
        bar = plotted.path(root, says)
        assert [x(end) for end, _ in bar] == pytest.approx([low, high], abs=1e-3)
        assert [end for _, end in bar] == [height, height]
    assert marks == {}
    margin = plotted.path(root, "less than 0.05 points: a difference that would not matter")
    ends = sorted({round(x(end), 3) for end, _ in margin})
    assert ends == [-0.05, 0.05]


def test_the_mean_on_a_strip_shows_the_records() -> None:
    root = drawn(distribution.section(summary_of(runs_of({"model_1": COUNTS["model_1"]}))))
    x = plotted.horizontal(root)
    mean, low, high = mean_and_interval([right / 100 for right in COUNTS["model_1"]])
    line = plotted.path(root, f"Model_1: mean {mean:.3f} %")
    band = plotted.path(root, f"Model_1: 95% t interval of the mean, {low:.3f} to {high:.3f} %")
    assert [x(end) for end, _ in line] == pytest.approx([mean] * 2, abs=1e-3)
    assert [x(end) for end, _ in band] == pytest.approx([low, high], abs=1e-3)


def test_losses_show_the_records() -> None:
    runs = runs_of({"model_2": COUNTS["model_2"]})
    root = drawn(loss.section(summary_of(runs)))
    for panel, split in enumerate(("train", "validation", "test")):
        x, y = plotted.maps(root, panel, np.log10)
        group = plotted.panel_of(root, panel)
        losses = np.array([[getattr(e, f"{split}_loss") for e in run.epochs] for run in runs])
        for run, told in zip(runs, losses, strict=True):
            says = f"Model_2, seed {run.seed}: best epoch {run.selected_epoch}, last {told[-1]:.4f}"
            curve = plotted.path(group, says)
            assert [x(end) for end, _ in curve] == pytest.approx(range(1, 16), abs=1e-3)
            assert [10 ** y(end) for _, end in curve] == pytest.approx(told, rel=2e-3)
        low, middle, high = losses.min(axis=0), np.median(losses, axis=0), losses.max(axis=0)
        says = (
            f"Model_2, {split}: median of 3 after epoch 15 {middle[-1]:.4f}, "
            f"{low[-1]:.4f} to {high[-1]:.4f}"
        )
        area, line = ([10 ** y(end) for _, end in plotted.path(group, says, k)] for k in (0, 1))
        assert area == pytest.approx([*low, *high[::-1]], rel=2e-3)
        assert line == pytest.approx(middle, rel=2e-3)


def test_the_learning_rate_shows_the_records() -> None:
    (run,) = runs_of({"model_2": COUNTS["model_2"][:1]})
    root = drawn(accuracy_curves.section(summary_of([run])))
    x, y = plotted.maps(root, 3, float)
    told = [epoch.learning_rate for epoch in run.epochs]
    line = plotted.path(root, f"Model_2: highest rate {max(told):g}")
    assert [x(end) for end, _ in line] == pytest.approx(range(1, 16), abs=1e-3)
    assert [y(end) / 1000 for _, end in line] == pytest.approx(told, abs=1e-5)


def test_confusions_show_the_records() -> None:
    labels = {10: 4, 11: 4, 20: 2, 30: 5, 31: 5}
    lists = (
        [(10, 9), (11, 9), (20, 7)],
        [(10, 9), (11, 9), (20, 7), (30, 3)],
        [(10, 9), (11, 9), (20, 7), (31, 3)],
        [(10, 9), (11, 9), (30, 8)],
    )
    times = {(4, 9): 8, (2, 7): 3, (5, 3): 2, (5, 8): 1}
    runs = [replace(factories.record("model_1", k), test_misses=m) for k, m in enumerate(lists)]
    kept = {k: MissedDigit(pixels=bytes(784).hex(), label=label) for k, label in labels.items()}
    root = drawn(confusion.section(summary_of(runs, Findings(missed_digits={"mnist": kept}))))
    words = plotted.texts(root)
    names = [*map(str, range(10)), "all"]
    top = min(y for word, _, y in words if word == "all")
    left = min(x for word, x, _ in words if word == "all")
    columns = {word: x for word, x, y in words if word in names and y == top}
    rows = {word: y for word, x, y in words if word in names and x == left}
    assert [list(columns), list(rows)] == [names, names]

    def cell(x: float, y: float) -> tuple[str, str]:
        """True label and label given."""
        column = min(columns, key=lambda name: abs(columns[name] - x))
        return min(rows, key=lambda name: abs(rows[name] - y)), column

    shades, told = {}, {}
    for shape in root.iter(f"{plotted.SVG}path"):
        if shape.get("class") == "mark":
            at = cell(*np.mean(plotted.corners(shape), axis=0))
            shades[at] = plotted.opacity(shape)
            told[at] = str(shape.get("data-tip")).split(",")[1].split(" time")[0]
    expected = {(str(true), str(given)): n for (true, given), n in times.items()}
    assert told == {at: f" {n}" for at, n in expected.items()}
    strongest = max(shades.values())
    parts = {at: shade / strongest for at, shade in shades.items()}
    assert parts == pytest.approx({at: n / 8 for at, n in expected.items()}, abs=0.03)

    numbers = {cell(x, y): word for word, x, y in words if "." in word}
    sums = {("4", "all"): 8, ("2", "all"): 3, ("5", "all"): 3}
    sums |= {("all", "9"): 8, ("all", "7"): 3, ("all", "3"): 2, ("all", "8"): 1}
    a_run = {8: "2.0", 3: "0.8", 2: "0.5", 1: "0.3"}  # of 4, halves up
    for at, n in (expected | sums).items():
        assert numbers.pop(at) == a_run[n]
    assert numbers.pop(("all", "all")) == "3.5"
    assert set(numbers.values()) == {"0.0"}
    assert {at[0] == "all" or at[1] == "all" for at in numbers} == {True}


def test_the_effective_field_shows_the_records() -> None:
    """Tenths of the strongest pixel, rounded up: weights end on a half, so each has its tenth."""
    tenths = {
        (row, column): (3 * row + 5 * column) % 11 for row in range(28) for column in range(28)
    }
    weights = np.array([max(tenths[divmod(k, 28)] - 0.5, 0) for k in range(784)]).reshape(28, 28)
    weights[2, 20], tenths[2, 20] = 10.0, 10
    mass = weights / weights.sum()
    run = factories.record("model_1", 0)
    field = replace(factories.effective_field([run]), gradient=mass.tolist(), box=(1, 4, 22, 25))
    root = drawn(effective_receptive_field.section(summary_of([run], Findings(fields=(field,)))))
    column, row = plotted.maps(root, 0, float)
    image = plotted.panel_of(root, 0)
    shades = plotted.pixels(plotted.styled(image, "fill: var(--link)"), column, row)
    expected = {at: tenth / 10 for at, tenth in tenths.items() if tenth}
    assert shades == pytest.approx(expected, abs=0.011)
    (box,) = plotted.styled(image, "stroke: var(--target)")
    ends = plotted.corners(box)
    assert {plotted.edge(row(y)) for _, y in ends} == {1, 23}
    assert {plotted.edge(column(x)) for x, _ in ends} == {4, 26}

    x, y = plotted.maps(root, 1, float)
    (line,) = plotted.styled(plotted.panel_of(root, 1), "stroke: var(--link)")
    for side, share in ((x(at), y(height)) for at, height in plotted.corners(line)):
        half = round(side) // 2
        assert side == pytest.approx(2 * half, abs=0.01)  # the middle lies between pixels
        rows, columns = slice(max(12 - half, 0), 12 + half), slice(max(15 - half, 0), 15 + half)
        assert share == pytest.approx(100 * mass[rows, columns].sum(), abs=0.05)


def test_the_growing_field_shows_the_layers_and_the_digit() -> None:
    """Unit 13 of 28, 6 of 14, 3 of 7: first pixel = start + unit x jump."""
    starts = (-1, -2, -2, -4, -6, -6, -10, (-14, -13))
    layers = {
        name: {
            "operation": operation,
            "output_shape": shape,
            "receptive_field": size,
            "jump": jump,
            "start": start,
        }
        for (name, operation, shape, _, _, size, jump), start in zip(
            factories.MODEL_1_LAYERS, starts, strict=True
        )
    }
    boxes = {  # top, left, bottom, right
        "conv1, Conv2d: 3": (12, 12, 14, 14),
        "conv2, Conv2d: 5": (11, 11, 15, 15),
        "pool1, MaxPool2d: 6": (10, 10, 15, 15),
        "conv3, Conv2d: 10": (8, 8, 17, 17),
        "conv4, Conv2d: 14": (6, 6, 19, 19),
        "pool2, MaxPool2d: 16": (6, 6, 21, 21),
        "conv5, Conv2d: 24": (2, 2, 25, 25),
        "conv6, Conv2d: 32": (-2, -1, 29, 30),
    }
    fifths = {(row, column): (row + 2 * column) % 6 for row in range(28) for column in range(28)}
    digit = MissedDigit(pixels=bytes(51 * fifths[divmod(k, 28)] for k in range(784)).hex(), label=4)
    runs = runs_of({"model_1": COUNTS["model_1"]})  # each missed 247
    found = summary_of(runs, Findings(missed_digits={"mnist": {247: digit}}))
    (portrait,) = found.portraits
    measured = replace(portrait.measures["receptive_field"], layers=layers)
    whole = replace(portrait, measures={"receptive_field": measured})
    summary = summarise(
        "local", runs, [whole], factories.published(), dict(found.record_links), "c"
    )[0]
    root = drawn(receptive_field_growth.section(summary.with_findings(found.findings)))

    (image,) = plotted.styled(root, "stroke: var(--muted)")  # 28 x 28 pixels
    low, high = (f(plotted.corners(image), axis=0) for f in (np.min, np.max))
    column, row = (plotted.straight([(low[axis], -0.5), (high[axis], 27.5)]) for axis in (0, 1))
    for says, (top, left, bottom, right) in boxes.items():
        ends = plotted.path(root, f"{says} {TIMES} {says.split()[-1]} pixels")
        assert {plotted.edge(row(y)) for _, y in ends} == {top, bottom + 1}
        assert {plotted.edge(column(x)) for x, _ in ends} == {left, right + 1}
    frames = [plotted.opacity(path) for path in plotted.styled(root, "stroke: var(--link)")]
    assert frames == sorted(set(frames))  # the later, the stronger
    assert len(frames) == len(boxes)
    levels = plotted.pixels(plotted.styled(root, "fill: var(--muted)"), column, row)
    expected = {at: 0.5 * fifth / 5 for at, fifth in fifths.items() if fifth}
    assert levels == pytest.approx(expected, abs=0.011)
