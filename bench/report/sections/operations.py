"""Arithmetic of one forward pass: three counts reconciled, and what was not counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts import totals
from bench.report.parts.cells import MOST_APART, counts_by_part, figures_of, having, notes, whole
from bench.report.summary import Summary
from bench.spec import Measured
from bench.stats.format import measured_value

ORDER = 34
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "architecture", "markdown")
MEASURE = "multiply_adds"
TEXT = (
    "The headline counts the multiply-adds of convolutions and matrix products for one image. "
    "fvcore gives the primary count. Torch's own counter, and a formula from the shapes of the "
    "layers, count the same pass independently."
)
# The measure's tables, and the columns of those shown here.
SPLIT, RECONCILIATION, LEFT_OUT = (
    "fvcore_by_layer_and_operator",
    "reconciliation",
    "not_counted_by_fvcore",
)
RECONCILED: tuple[tuple[str, Column], ...] = (
    ("part", Column("Part", numeric=False)),
    ("multiply_adds", Column("Multiply-adds")),
    ("fvcore", Column("fvcore")),
    ("torch_flops", Column("torch's counter", note="flops: two a multiply-add")),
    ("closed_form", Column("Closed form", note="convolution and linear layers")),
    ("why", Column("Why they differ", numeric=False)),
)
TOTAL = "total"
Named = Sequence[tuple[str, Measured]]  # display name, what was found


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = having(summary, MEASURE)
    if not portraits:
        return None
    measured = [(portrait.display_name, portrait.measures[MEASURE]) for portrait in portraits]
    few = len(measured) <= MOST_APART  # of more, each one's page has the rest
    tables = (
        figures_of(summary, portraits, MEASURE, "Operations of one forward pass"),
        _by_operator(measured) if few else None,
        *(_reconciliation(name, found) for name, found in measured if few),
        _left_out(measured) if few else None,
    )
    return Section(
        title="Operations",
        text=(TEXT,),
        plots=totals.plot(
            summary,
            portraits,
            MEASURE,
            "multiply-adds",
            first=summary.document.components if summary.document else (),
        ),
        tables=tuple(table for table in tables if table is not None and table.rows),
        notes=notes(portraits, MEASURE),
    )


def _by_operator(measured: Named) -> Table:
    counts = [(name, _summed(found)) for name, found in measured]
    operators = sorted({operator for _, count in counts for operator in count})
    return counts_by_part("fvcore's total by operator", "Operator", counts, operators)


def _summed(found: Measured) -> dict[str, int]:
    """Operator -> fvcore's count over all layers."""
    total: dict[str, int] = {}
    for row in found.tables.get(SPLIT, []):
        total[row["operator"]] = total.get(row["operator"], 0) + row["fvcore_count"]
    return total


def _reconciliation(name: str, found: Measured) -> Table:
    rows = found.tables.get(RECONCILIATION, [])
    return Table(
        caption=f"Three counts of {name}'s forward pass",
        columns=tuple(column for _, column in RECONCILED),
        rows=tuple(_reconciled(row) for row in rows if row["part"] != TOTAL),
        total=tuple(_reconciled(row) for row in rows if row["part"] == TOTAL),
        folded=True,
        sortable=False,
    )


def _reconciled(row: dict[str, Any]) -> tuple[Cell, ...]:
    return tuple(Cell(measured_value(row[name])) for name, _ in RECONCILED)


def _left_out(measured: Named) -> Table:
    """A row an operator: its calls in each model, 0 for none, and why fvcore leaves it out."""
    calls = [
        {row["operator"]: row for row in found.tables.get(LEFT_OUT, [])} for _, found in measured
    ]
    why = {operator: row["why"] for own in calls for operator, row in own.items()}
    return Table(
        caption="Calls of operators that fvcore does not count",
        columns=(
            Column("Operator", numeric=False),
            *(Column(name, note="calls") for name, _ in measured),
            Column("Why", numeric=False),
        ),
        rows=tuple(
            (
                Cell(operator),
                *(whole(own[operator]["times"] if operator in own else 0) for own in calls),
                Cell(why[operator]),
            )
            for operator in sorted(why)
        ),
        folded=True,
    )
