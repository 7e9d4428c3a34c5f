"""Tables of layers: the columns that the measures found, titled and put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.records.layers import Rows
from bench.records.receptive_fields import COLUMN, GATED, SIDES, Sides, shown
from bench.report.model import Box, Cell, Column, Table
from bench.stats.format import measured_value, percentage

NO_ENTRY = "\N{EN DASH}"
# Known columns in their order: name, title, numeric, note; others follow by name.
KNOWN: tuple[tuple[str, str, bool, str], ...] = (
    ("operation", "Operation", False, ""),
    ("component", "Component", False, ""),
    ("output_shape", "Output shape", True, ""),
    ("kernel", "Kernel", True, ""),
    ("stride", "Stride", True, ""),
    ("groups", "Groups", True, ""),
    ("dropout_probability", "Dropout", True, "share set to 0"),
    (COLUMN, "Receptive field", True, "pixels"),
    (GATED, "With gates", True, "pixels"),
    ("jump", "Jump", True, "pixels"),
    ("start", "Start", True, "first pixel seen"),
    ("n_parameters", "Parameters", True, ""),
    ("parameters_percent", "Share", True, "of parameters"),
    ("n_weights", "Weights", True, ""),
    ("n_biases", "Biases", True, ""),
    ("n_trainable", "Trainable", True, "parameters"),
    ("multiply_adds", "Multiply-adds", True, ""),
    ("multiply_adds_percent", "Share", True, "of multiply-adds"),
    ("fvcore_count", "fvcore", True, ""),
)
TITLES = {name: Column(title, numeric, note) for name, title, numeric, note in KNOWN}

# A column that says nothing new where this holds in every row that has an entry.
Row = dict[str, Any]
SILENT: dict[str, Callable[[Row], bool]] = {
    GATED: lambda row: row[GATED] == row.get(COLUMN),
    "n_trainable": lambda row: row["n_trainable"] == row.get("n_parameters"),
    "groups": lambda row: row["groups"] == 1,
    "unused": lambda row: True,  # said beside the layer's name
}


def columns_of(rows: Rows) -> list[str]:
    """The columns that have an entry somewhere and say something, known ones first."""
    present = {name for row in rows.values() for name, value in row.items() if value is not None}
    for name, nothing_new in SILENT.items():
        told = [row for row in rows.values() if row.get(name) is not None]
        if all(nothing_new(row) for row in told):
            present.discard(name)
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def table(
    caption: str,
    rows: Rows,
    columns: Iterable[str],
    *,
    sides: Sides = SIDES,
    folded: bool = False,
    beside: tuple[Column, Mapping[str, str]] | None = None,
) -> Table:
    """A row a layer, in their order; a layer without an entry shows a dash.

    Args:
        caption: The table's.
        rows: By layer.
        columns: The names of those that are shown.
        sides: Of the network's images.
        folded: Whether the table is closed at first.
        beside: A column of what is said elsewhere of a layer's receptive field, by layer; left out
            where nothing is said.
    """
    names = list(columns)
    titles = [TITLES.get(name, Column(name.replace("_", " "))) for name in names]
    cells = {
        layer: [Cell(_entry(name, row, sides)) for name in names] for layer, row in rows.items()
    }
    if beside and beside[1] and COLUMN in names:
        place = names.index(COLUMN) + 1
        titles.insert(place, beside[0])
        for layer, row in cells.items():
            row.insert(place, Cell(beside[1].get(layer, NO_ENTRY)))
    return Table(
        caption=caption,
        columns=(Column("Layer", numeric=False), *titles),
        rows=tuple((Cell(_named(layer, row)), *cells[layer]) for layer, row in rows.items()),
        folded=folded,
        sortable=False,
    )


def boxes(rows: Rows, sides: Sides = SIDES) -> tuple[Box, ...]:
    """The same rows as boxes of a diagram; the field is said where it has grown."""
    found, before = [], ""
    for layer, row in rows.items():
        field = _entry(COLUMN, row, sides).replace(NO_ENTRY, "")
        found.append(
            Box(
                name=_named(layer, row),
                operation=row.get("operation") or layer,
                shape=_entry("output_shape", row, sides).replace(NO_ENTRY, ""),
                parameters=_entry("n_parameters", row, sides) if row.get("n_parameters") else "",
                field="" if field == before else field,
            )
        )
        before = field
    return tuple(found)


def _named(layer: str, row: Row) -> str:
    return f"{layer} (unused)" if row.get("unused") else layer


def _entry(name: str, row: Row, sides: Sides) -> str:
    value = shown(row, name, sides) if name in (COLUMN, GATED) else row.get(name)
    if value is None:
        return NO_ENTRY
    if name.endswith("_percent"):
        return percentage(value)
    return measured_value(value)
