"""Every section file found has its hooks and speaks of any suite; numbers are worded exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bench import sections
from bench.findings import Findings
from bench.sections import Section, SectionFile
from bench.sections import _format as wording
from bench.sections._summary import Summary, summarise
from tests import factories

FOUND = sections.found()


def summary_of(n_seeds: int) -> Summary:
    runs = [factories.record("model_1", seed) for seed in range(n_seeds)]
    portraits = [factories.portrait("model_1")] if n_seeds else []
    links = {run.key: "record.json" for run in runs}
    findings = Findings(
        latencies=(factories.latency("model_1"),) if n_seeds else (),
        fields=(factories.effective_field(runs),) if n_seeds else (),
    )
    summary = summarise("local", runs, portraits, [], links, "command")[0]
    return summary.with_findings(findings)


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.__name__.rpartition(".")[2])
@pytest.mark.parametrize("n_seeds", [0, 1, 3])
def test_a_section_speaks_of_any_suite_or_is_silent(file: SectionFile, n_seeds: int) -> None:
    assert file.SCOPE in ("suite", "dataset")
    assert file.PAGES
    assert set(file.PAGES) <= {"index", "architecture", "markdown"}
    section = file.section(summary_of(n_seeds))
    if section is None:
        return
    assert isinstance(section, Section)
    for table in section.tables:
        assert table.rows
        assert {len(row) for row in (*table.rows, *table.total)} == {len(table.columns)}
    for plot in section.plots:
        assert "n = " in plot.caption or "One dot: one run" in plot.caption
        assert "mnist" in plot.caption
        assert len(plot.alt) > 40


def test_sections_come_by_their_order() -> None:
    orders = [file.ORDER for file in FOUND]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)
    assert FOUND[0].__name__ == "bench.sections.answer"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (Fraction(99385, 1000), 2, "99.39"),  # half up, where a float would give 99.38
        (Fraction(99384999, 10**6), 2, "99.38"),
        (Fraction(-5, 100), 2, "\N{MINUS SIGN}0.05"),
        (Fraction(100), 2, "100.00"),
        (Fraction(2, 3), 3, "0.667"),
    ],
)
def test_fractions_are_rounded_once(value: Fraction, digits: int, text: str) -> None:
    assert wording.fixed(value, digits) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3], "3"), ([0, 1, 2], "0\N{EN DASH}2"), ([7, 0, 1, 3], "0\N{EN DASH}1, 3, 7"), ([], "")],
)
def test_seeds_are_told_as_spans(numbers: list[int], text: str) -> None:
    assert wording.seeds(numbers) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(59.94, "59.9 s"), (59.97, "1 min 00 s"), (622.5, "10 min 22 s"), (0, "0.0 s")],
)
def test_seconds_carry_over(value: float, text: str) -> None:
    assert wording.seconds(value) == text


def test_counts_never_lose_a_digit() -> None:
    assert wording.integer(7986) == "7,986"
    assert wording.integer(-1850) == "\N{MINUS SIGN}1,850"
