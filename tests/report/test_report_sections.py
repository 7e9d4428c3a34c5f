"""Every section file found has its hooks and speaks of any suite; numbers are worded exactly."""

from __future__ import annotations

from typing import get_args

import pytest

from bench.records.observations import Findings
from bench.report import sections
from bench.report.model import PageKind, Section
from bench.report.sections import SectionFile
from bench.report.summary import Summary, summarise
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
    summary = summarise("local", runs, portraits, factories.published(), links, "command")[0]
    return summary.with_findings(findings)


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.__name__.rpartition(".")[2])
@pytest.mark.parametrize("n_seeds", [0, 1, 3])
def test_a_section_speaks_of_any_suite_or_is_silent(file: SectionFile, n_seeds: int) -> None:
    assert file.SCOPE in ("suite", "document", "dataset")
    assert file.PAGES
    assert set(file.PAGES) <= set(get_args(PageKind))
    section = file.section(summary_of(n_seeds))
    if section is None:
        return
    assert isinstance(section, Section)
    for table in section.tables:
        assert table.rows
        assert {len(row) for row in (*table.rows, *table.total)} == {len(table.columns)}
    for plot in section.plots:
        if file.SCOPE == "dataset":  # it is about runs
            said = ("n = ", "Dot: one run", "Dot: the share")
            assert any(words in plot.caption for words in said)
            assert "mnist" in plot.caption
        assert len(plot.alt) > 40


def test_sections_come_by_their_order() -> None:
    orders = [file.ORDER for file in FOUND]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)
    assert FOUND[0].__name__ == "bench.report.sections.answer"
