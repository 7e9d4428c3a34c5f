"""The receptive field's growth, layer by layer."""

from __future__ import annotations

from bench.report.model import PageKind, Scope, Section, Table
from bench.report.parts.cells import figures_of, having, notes
from bench.report.parts.layers import columns_of, table
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import TIMES

ORDER = 70
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
MEASURE = "receptive_field"
TEXT = (
    "The side, in input pixels, of the square that one output position of a layer can see, "
    "the jump: the distance in input pixels between neighbouring positions, and the start: the "
    "first pixel that the first position sees, negative inside the padding. Layers that change "
    "none of them are left out here; the page of the architecture lists them all."
)
LEFT_OUT = {"output_shape"}


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = having(summary, MEASURE)
    if not portraits:
        return None
    headline = figures_of(summary, portraits, MEASURE, "Receptive field of the last feature map")
    tables = tuple(_table(portrait) for portrait in portraits if portrait.measures[MEASURE].layers)
    return Section(
        title="Receptive field",
        text=(TEXT,),
        tables=(headline, *tables),
        notes=notes(portraits, MEASURE),
    )


def _table(portrait: Portrait) -> Table:
    rows = portrait.measures[MEASURE].layers
    shown = {layer: row for layer, row in rows.items() if row.get("kernel", "unknown") is not None}
    columns = [name for name in columns_of(shown or rows) if name not in LEFT_OUT]
    size = portrait.measures[MEASURE].values.get("receptive_field_pixels")
    ending = f": {size} {TIMES} {size} at the end" if isinstance(size, int) else ""
    caption = f"Receptive field of {portrait.display_name}{ending}, layer by layer"
    return table(caption, shown or rows, columns, folded=True)
