"""One architecture on the terminal and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.spec import Field, Measured, Portrait, canonical_json

COLUMNS = (
    "operation",
    "output_shape",
    "kernel",
    "stride",
    "n_parameters",
    "multiply_adds",
    "receptive_field",
    "jump",
)


def as_json(portrait: Portrait) -> bytes:
    """`n_parameters`, `components`, `layers` and every measured value."""
    parameters = portrait.measures["parameters"]
    return canonical_json(
        {
            "architecture": portrait.architecture,
            "architecture_digest": portrait.architecture_digest,
            "n_parameters": parameters.values.get("n_parameters"),
            "components": parameters.components,
            "layers": layers(portrait),
            "recipe": msgspec.to_builtins(portrait.recipe),
            "measures": msgspec.to_builtins(portrait.measures),
        }
    )


def layers(portrait: Portrait) -> list[dict[str, Any]]:
    """One row a layer: the columns of every measure that knows it, in the order of the path."""
    # The receptive field follows the path of the data, so its order leads.
    order = sorted(portrait.measures.items(), key=lambda item: item[0] != "receptive_field")
    rows: dict[str, dict[str, Any]] = {}
    for _, measured in order:
        for name, columns in measured.layers.items():
            rows.setdefault(name, {"name": name}).update(columns)
    return list(rows.values())


def show(portrait: Portrait, console: Console) -> None:
    """Prints components, layers, values and notes."""
    console.print(f"{portrait.display_name} ({portrait.architecture})", style="bold")
    console.print(portrait.docstring.splitlines()[0] if portrait.docstring else "", markup=False)
    console.print(_components_table(portrait.measures["parameters"]))
    console.print(_layers_table(layers(portrait)))
    for name, measured in portrait.measures.items():
        _show_measure(name, measured, console)


def _components_table(measured: Measured) -> Table:
    table = Table(title="Parameters by component")
    table.add_column("component")
    table.add_column("parameters", justify="right")
    for name, count in measured.components.items():
        table.add_row(name, f"{count:,}")
    table.add_row("Total", f"{sum(measured.components.values()):,}", style="bold")
    return table


def _layers_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Layers along the path of the data")
    table.add_column("layer")
    present = [column for column in COLUMNS if any(column in row for row in rows)]
    for column in present:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(row["name"], *(_cell(row.get(column)) for column in present))
    return table


def _show_measure(name: str, measured: Measured, console: Console) -> None:
    if measured.error:
        console.print(f"{name}: {measured.error}", markup=False)
    for field in measured.fields:
        if field.name in measured.values:
            console.print(_value_line(field, measured.values[field.name]), markup=False)
    for note in measured.notes:
        console.print(f"  {note}", markup=False, style="dim")


def _value_line(field: Field, value: Any) -> str:
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.title}: {_cell(value, field.digits)}{unit}"


def _cell(value: Any, digits: int = 0) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " x ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
