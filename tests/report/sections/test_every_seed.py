"""Of which networks Markdown shows every seed, and that their own pages keep all."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.report.sections import SectionFile, found, slug
from bench.report.summary import Summary, summarise
from bench.spec import Claim
from tests import factories

FILES = [file for file in found("markdown") if slug(file) in ("accuracy-curves", "loss")]
every_section = pytest.mark.parametrize("file", FILES, ids=slug)
OTHERS = (
    "Only the networks that a published claim speaks of have this figure here. The figures of the "
    "other networks are on their own pages."
)


def summary_of(*subjects: str) -> Summary:
    """Three networks, and one of them by another recipe; claims about the subjects."""
    claims = [
        Claim(
            id=f"{subject}.a",
            file="f",
            line=1,
            quote="q",
            metric="last_test_accuracy_percent",
            subject=subject,
            published=99.39,
        )
        for subject in subjects
    ]
    varied = replace(factories.recipe(), weight_decay=0.5)
    runs = [factories.record(name) for name in factories.NAMES]
    runs.append(factories.record("model_1", recipe=varied))
    portraits = [factories.portrait(name) for name in factories.NAMES]
    return summarise("local", runs, portraits, factories.published(*claims), {}, "command")[0]


def names(file: SectionFile, summary: Summary) -> list[str]:
    section = file.section(summary)
    return [plot.name.rpartition("-")[0] for plot in section.plots] if section else []


@every_section
def test_markdown_shows_the_networks_that_a_claim_speaks_of(file: SectionFile) -> None:
    summary = summary_of("model_1", "model_3")
    assert names(file, summary) == ["mnist-model_1", "mnist-model_3"]
    section = file.section(summary)
    assert section is not None
    assert section.text[-1] == OTHERS


@every_section
def test_markdown_shows_all_where_no_claim_speaks_of_one(file: SectionFile) -> None:
    every = [f"mnist-{name}" for name in ("model_1", "model_1-2", "model_2", "model_3")]
    for summary in (summary_of(), summary_of("elsewhere")):
        assert names(file, summary) == every
        section = file.section(summary)
        assert section is not None
        assert OTHERS not in section.text


@every_section
def test_a_networks_own_page_keeps_all(file: SectionFile) -> None:
    summary = summary_of("model_1").only("model_1")
    assert names(file, summary) == ["mnist-model_1", "mnist-model_1-2"]
    assert names(file, summary_of("model_1").only("model_2")) == ["mnist-model_2"]
