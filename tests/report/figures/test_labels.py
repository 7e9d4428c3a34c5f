"""No label over another one or out of its figure, and no accuracy beyond 0 or 100 %.

Every figure of a report is drawn: of the document's three networks, with and without 26 others of
long names. The boxes are those of matplotlib's own letters, which are wider than most.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from matplotlib.text import Text
from msgspec.structs import replace

from bench.evidence import claims as published
from bench.machine import folder
from bench.records.observations import Findings, MissedDigit
from bench.report.model import PageKind, Plot
from bench.report.sections import found as section_files
from bench.report.summary import Summary, summarise
from bench.spec import Portrait, RunRecord
from tests import factories
from tests.report.plotted import require_apart, texts_of

DOCUMENTS = ("model_1", "model_2", "model_3")
OTHERS = 26
PHONE = 358  # CSS pixels of a figure where the window has 390
DIGIT = MissedDigit(pixels=bytes(784).hex(), label=4)
KINDS: tuple[PageKind, ...] = (
    *("index", "document", "leaderboard", "comparisons", "architecture"),
)


@cache
def suite(n_others: int) -> Summary:
    """Three runs each; one of everything right, one that collapsed, one of another recipe."""
    runs, portraits = [], []
    for name in DOCUMENTS:
        runs += [factories.record(name, seed, test_correct=9935 + 4 * seed) for seed in range(3)]
        long = f"{name} under a name that is wider than its panel" if n_others else name
        portraits.append(replace(_with_fields(factories.portrait(name)), display_name=long))
    for number in range(n_others):
        name = f"another_network_of_a_long_name_{number:02}"
        like = factories.portrait("model_2")
        title = f"Another network, with a name for which a line has no room: {number}"
        portraits.append(replace(like, architecture=name, display_name=title))
        runs += [_like(run, name, number) for run in runs[3:6]]
    runs.append(factories.record("model_2", 3, test_correct=10_000))
    runs.append(factories.record("model_3", 3, test_correct=1135))
    links = {run.key: "record.json" for run in runs}
    claims = published.load_files([folder("claims") / "session6.toml"])
    found = summarise("local", runs, portraits, claims, links, "command")[0]
    fields = tuple(factories.effective_field([run]) for run in runs[:1])
    digits = {"mnist": dict.fromkeys((247, 321, 9), DIGIT)}
    return found.with_findings(Findings(missed_digits=digits, fields=fields))


def _with_fields(portrait: Portrait) -> Portrait:
    """What each layer of Model_1 sees, around the middle."""
    layers = {
        name: {
            "operation": operation,
            "output_shape": shape,
            "receptive_field": size,
            "jump": jump,
            "start": -(size // 2),
        }
        for name, operation, shape, _, _, size, jump in factories.MODEL_1_LAYERS
    }
    fields = replace(portrait.measures["receptive_field"], layers=layers)
    return replace(portrait, measures=portrait.measures | {"receptive_field": fields})


def _like(run: RunRecord, name: str, number: int) -> RunRecord:
    """The run as one of another network."""
    last = replace(run.epochs[-1], test_correct=9930 + number)
    return replace(
        run, architecture=name, key=f"{name}-{run.seed}", epochs=[*run.epochs[:-1], last]
    )


def plots(kind: PageKind, summary: Summary) -> Iterator[Plot]:
    """Every figure of a page, those of the lanes too."""
    about = {"index": summary.of_document, "architecture": lambda: summary.only("model_1")}
    of = about.get(kind, lambda: summary)()
    for file in section_files(kind):
        section = file.section(of)
        yield from section.every_plot if section else ()


@pytest.mark.parametrize("n_others", [0, OTHERS])
@pytest.mark.parametrize("kind", KINDS)
def test_no_label_lies_over_another_and_no_axis_leaves_what_can_be(
    kind: PageKind, n_others: int
) -> None:
    drawn = {plot.name: plot.draw() for plot in plots(kind, suite(n_others))}
    assert drawn
    for name, figure in drawn.items():
        assert texts_of(figure) or "-lane-" in name
        require_apart(figure)
        sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
        assert PHONE * min(sizes, default=9) / (72 * figure.get_figwidth()) >= 8.8, name
        for axes in figure.axes:
            for label, limits in (
                (axes.get_xlabel(), axes.get_xlim()),
                (axes.get_ylabel(), axes.get_ylim()),
            ):
                if "accuracy" in label and "difference" not in label:
                    assert 0 <= min(limits) <= max(limits) <= 100, name


def test_the_report_has_figures_of_every_kind() -> None:
    """What is not drawn above cannot be looked at."""
    names = {plot.name for kind in KINDS for plot in plots(kind, suite(OTHERS))}
    for word in (
        *("lane-model_1", "lanes", "distribution", "judged", "curves", "curves-all", "pareto"),
        *("comparisons", "confusion", "hardest", "accuracy", "loss", "receptive-field"),
        "effective-field",
    ):
        assert any(word in name for name in names), (word, sorted(names))
