"""The receptive fields of each network."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bench.records.receptive_fields import COLUMN, FIGURE, LAST_MAP, Headline, headline
from bench.report.figures.depth import Depth, depths
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.cells import MOST_APART, having, model, notes, of_pages, value
from bench.report.parts.fields import said_in_pixels, said_of, wrong
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import NOT_AVAILABLE, fixed

ORDER = 33
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "architecture", "markdown")
MEASURE = "receptive_field"
HEADLINE = (
    f"A network's receptive field is the receptive field of {LAST_MAP}. It counts padding, so it "
    "may be wider than the image. After the pooling, every number sees the same part of the image."
)
GATE = (
    "A gate, such as squeeze-and-excitation, multiplies a whole feature map by numbers from all of "
    "it."
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
        text=(HEADLINE, *([] if summary.base else [GATE]), *_wrong(summary, portraits)),
        plots=_plot(summary, portraits),
        tables=(_headlines(summary, portraits),),
        notes=notes(portraits, MEASURE),
    )


def _plot(summary: Summary, portraits: list[Portrait]) -> tuple[Plot, ...]:
    """A row a network; nothing for many, or where no layer has a field of one number."""
    rows = [_depth(summary, portrait) for portrait in portraits]
    side = max(max(portrait.sides) for portrait in portraits)
    if len(rows) > MOST_APART or not all(row.fields for row in rows):
        return ()
    said = f" Triangle: the {summary.label}." if any(row.published for row in rows) else ""
    ends = "; ".join(f"{row.label}: {fixed(row.fields[-1][0], 0)} pixels" for row in rows)
    return (
        Plot(
            name=f"{of_pages(summary, portraits)}-fields",
            alt=f"How far the layers of each network see, from the first to the last. {ends}.",
            caption=f"Dot: the receptive field of a layer that sees further than all earlier "
            f"layers.{said} "
            "Dashed: the side of the image.",
            draw=partial(depths, rows, side),
        ),
    )


def _depth(summary: Summary, portrait: Portrait) -> Depth:
    """The layers that see further than all before them; those of a gate see the whole image."""
    found: list[tuple[float, str]] = []
    for layer, row in portrait.measures[MEASURE].layers.items():
        pixels, is_map = row.get(COLUMN), row.get("jump") is not None
        if isinstance(pixels, int) and is_map and (not found or pixels > found[-1][0]):
            operation = row.get("operation") or "layer"
            found.append((pixels, f"{portrait.display_name}, {layer}, {operation}: {pixels}"))
    return Depth(
        label=portrait.display_name,
        fields=tuple(found),
        published=said_in_pixels(summary, portrait.architecture),
        series=portrait.architecture,
    )


def _wrong(summary: Summary, portraits: list[Portrait]) -> tuple[str, ...]:
    """What the documents give otherwise, layer by layer."""
    found = [(p.display_name, wrong(summary, p.architecture)) for p in portraits]
    return tuple(
        f"The {summary.label} gives other receptive fields for layers of {name}: {layers}."
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
