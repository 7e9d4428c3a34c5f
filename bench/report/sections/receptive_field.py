"""The receptive field's growth, layer by layer."""

from __future__ import annotations

from bench.report.parts.cells import model, value
from bench.report.parts.layers import columns_of, table
from bench.report.parts.notes import notes
from bench.report.sections import Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import TIMES

ORDER = 70
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
MEASURE = "receptive_field"
TEXT = (
    (
        "The side, in input pixels, of the square that one output position of a layer can see, "
        "the jump: the distance in input pixels between neighbouring positions, and the start: the "
        "first pixel that the first position sees, negative inside the padding. Layers that change "
        "none of them are left out here; the page of the architecture lists them all."
    ),
)
LEFT_OUT = {"output_shape"}


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = [p for p in summary.portraits if MEASURE in p.measures]
    if not portraits:
        return None
    tables = tuple(_table(portrait) for portrait in portraits if portrait.measures[MEASURE].layers)
    return Section(
        title="Receptive field",
        text=TEXT,
        tables=(_headline(summary, portraits), *tables),
        notes=notes(portraits, MEASURE),
    )


def _headline(summary: Summary, portraits: list[Portrait]) -> Table:
    """A row an architecture: what its last feature map sees."""
    found = [(portrait, portrait.measures[MEASURE]) for portrait in portraits]
    fields = list(dict.fromkeys(field for _, measured in found for field in measured.fields))
    return Table(
        caption="Receptive field of the last feature map",
        columns=(
            Column("Model", numeric=False),
            *(Column(field.title, note=field.unit) for field in fields),
        ),
        rows=tuple(
            (model(summary, portrait), *(value(measured, field.name) for field in fields))
            for portrait, measured in found
        ),
    )


def _table(portrait: Portrait) -> Table:
    rows = portrait.measures[MEASURE].layers
    shown = {layer: row for layer, row in rows.items() if row.get("kernel", "unknown") is not None}
    columns = [name for name in columns_of(shown or rows) if name not in LEFT_OUT]
    size = portrait.measures[MEASURE].values.get("receptive_field_pixels")
    ending = f": {size} {TIMES} {size} at the end" if isinstance(size, int) else ""
    caption = f"Receptive field of {portrait.display_name}{ending}, layer by layer"
    return table(caption, shown or rows, columns, folded=True)
