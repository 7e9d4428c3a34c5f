"""Every layer of one architecture: shapes, parameters, operations, receptive field."""

from __future__ import annotations

from bench.records.layers import merged
from bench.report.model import Column, PageKind, Scope, Section
from bench.report.parts.fields import said_by_layer
from bench.report.parts.layers import columns_of, table
from bench.report.summary import Summary

ORDER = 65
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("architecture",)


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    found = [(portrait, merged(portrait)) for portrait in summary.portraits]
    tables = tuple(
        table(
            f"Layers of {portrait.display_name}, in the order of a forward pass",
            rows,
            columns,
            sides=portrait.sides,
            beside=(
                Column(summary.heading, note="of the receptive field"),
                said_by_layer(summary, portrait.architecture),
            ),
        )
        for portrait, rows in found
        if (columns := columns_of(rows))
    )
    return Section(title="Layers", tables=tables) if tables else None
