"""The receptive fields of each network."""

from __future__ import annotations

from dataclasses import replace

from bench.records.receptive_fields import FIGURE, LAST_MAP, Headline, headline
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import having, model, notes, value
from bench.report.parts.fields import said_of, wrong
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import NOT_AVAILABLE

ORDER = 33
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "architecture", "markdown")
MEASURE = "receptive_field"
HEADLINE = (
    f"A network's receptive field is that of {LAST_MAP}. It counts padding, so it may be wider "
    "than the image. Behind the pooling every number sees the same part of the image."
)
COLUMNS = (
    Column("Model", numeric=False),
    Column("Last feature map", note="pixels, before everything is pooled"),
    Column("Gates included", note="pixels"),
    Column("Its layer", numeric=False),
    Column("Output", numeric=False),
)


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = having(summary, MEASURE)
    if not portraits:
        return None
    return Section(
        title="Receptive field",
        text=(HEADLINE, *_wrong(summary, portraits)),
        tables=(_headlines(summary, portraits),),
        notes=notes(portraits, MEASURE),
    )


def _wrong(summary: Summary, portraits: list[Portrait]) -> tuple[str, ...]:
    """What the documents give otherwise, layer by layer."""
    found = [(p.display_name, wrong(summary, p.architecture)) for p in portraits]
    return tuple(
        f"The {summary.label} is wrong about layers of {name}: {layers}."
        for name, layers in found
        if layers
    )


def _headlines(summary: Summary, portraits: list[Portrait]) -> Table:
    return Table(
        caption="Receptive fields of the last feature map and of the output",
        columns=COLUMNS,
        rows=tuple(_headline(summary, portrait) for portrait in portraits),
    )


def _headline(summary: Summary, portrait: Portrait) -> tuple[Cell, ...]:
    measured = portrait.measures[MEASURE]
    found = headline(measured, portrait.sides) or Headline(last_map=None, layer=None, output=None)
    return (
        model(summary, portrait),
        replace(value(measured, FIGURE), note=said_of(summary, portrait.architecture)),
        value(measured, "receptive_field_with_gates_pixels"),
        Cell(found.layer or NOT_AVAILABLE),
        Cell(found.output or NOT_AVAILABLE),
    )
