"""Tables of layers: the columns that the measures found, merged and titled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.sections import Cell, Column, Table
from bench.sections._format import anything
from bench.spec import Portrait

GATED = "receptive_field_with_gates"
NO_ENTRY = "\N{EN DASH}"
# Known columns in their order: name, title, numeric; others follow by name.
KNOWN: tuple[tuple[str, str, bool], ...] = (
    ("operation", "Operation", False),
    ("component", "Component", False),
    ("output_shape", "Output shape", True),
    ("kernel", "Kernel", True),
    ("stride", "Stride", True),
    ("receptive_field", "Receptive field", True),
    (GATED, "With gates", True),
    ("jump", "Jump", True),
    ("n_parameters", "Parameters", True),
    ("n_weights", "Weights", True),
    ("n_biases", "Biases", True),
    ("multiply_adds", "Multiply-adds", True),
    ("fvcore_count", "fvcore", True),
)
TITLES = {name: Column(title, numeric) for name, title, numeric in KNOWN}

Rows = dict[str, dict[str, Any]]


def merged(portrait: Portrait) -> Rows:
    """Layer -> every measure's columns; in the order of the measure that has most layers."""
    tables = sorted((m.layers for m in portrait.measures.values()), key=len, reverse=True)
    rows: Rows = {}
    for table in tables:
        for layer, columns in table.items():
            rows.setdefault(layer, {}).update(columns)
    return rows


def columns_of(rows: Rows) -> list[str]:
    """The columns that have an entry somewhere, known ones first.

    The field seen through gates is left out where it is the receptive field in every layer.
    """
    present = {name for row in rows.values() for name, value in row.items() if value is not None}
    if all(row.get("receptive_field") == row.get(GATED) for row in rows.values()):
        present.discard(GATED)
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def table(caption: str, rows: Rows, columns: Iterable[str]) -> Table:
    """A row a layer; a layer without an entry shows a dash."""
    names = list(columns)
    titles = (TITLES.get(name, Column(name.replace("_", " "))) for name in names)
    return Table(
        caption=caption,
        columns=(Column("Layer", numeric=False), *titles),
        rows=tuple(
            (Cell(layer), *(Cell(_entry(row.get(name))) for name in names))
            for layer, row in rows.items()
        ),
    )


def _entry(value: Any) -> str:
    return NO_ENTRY if value is None else anything(value)
