"""Arithmetic of one forward pass, and what was not counted."""

from __future__ import annotations

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import NOT_AVAILABLE, anything
from bench.sections._notes import notes
from bench.sections._summary import Summary
from bench.spec import Measured

ORDER = 60
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "architecture")
MEASURE = "multiply_adds"


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = [p for p in summary.portraits if MEASURE in p.measures]
    if not portraits:
        return None
    measured = [(portrait.display_name, portrait.measures[MEASURE]) for portrait in portraits]
    fields = list(dict.fromkeys(field for _, found in measured for field in found.fields))
    table = Table(
        caption="Operations of one forward pass",
        columns=(
            Column("Model", numeric=False),
            *(Column(field.title, note=field.unit) for field in fields),
        ),
        rows=tuple(
            (Cell(name), *(Cell(_value(found, field.name)) for field in fields))
            for name, found in measured
        ),
    )
    return Section(title="Operations", tables=(table,), notes=notes(portraits, MEASURE))


def _value(found: Measured, name: str) -> str:
    return anything(found.values[name]) if name in found.values else NOT_AVAILABLE
