"""One architecture on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.layers import Rows, merged
from bench.spec import Field, Frozen, Measured, Portrait, Recipe, canonical_json

SIDES = "one number where both sides are equal, else as in '3x1'; a fraction as in '1/2'"
Described = msgspec.Meta
Pixels = int | str | None


class Layer(Frozen, frozen=True, kw_only=True):
    """A call of a layer. Measures may add columns; null: the measure has no value here."""

    name: Annotated[str, Described(description="dotted name, 'x (call 2)' where called again")]
    operation: Annotated[str | None, Described(description="the class's or function's name")] = None
    component: str | None = None
    output_shape: Annotated[list[int] | None, Described(description="without the batch")] = None
    kernel: Annotated[Pixels, Described(description=SIDES)] = None
    stride: Annotated[Pixels, Described(description=SIDES)] = None
    groups: int | None = None
    n_parameters: int | None = None
    n_weights: int | None = None
    n_biases: int | None = None
    n_trainable: int | None = None
    parameters_percent: Annotated[
        float | None, Described(description="of the network's parameters")
    ] = None
    multiply_adds: Annotated[int | None, Described(description="of one image, all calls")] = None
    multiply_adds_percent: Annotated[
        float | None, Described(description="of the network's multiply-adds")
    ] = None
    fvcore_count: int | None = None
    dropout_probability: float | None = None
    receptive_field: Annotated[Pixels, Described(description=f"pixels, local path; {SIDES}")] = None
    receptive_field_with_gates: Annotated[
        Pixels, Described(description=f"pixels, any path; {SIDES}")
    ] = None
    jump: Annotated[
        Pixels, Described(description="pixels between positions; null once everything is seen")
    ] = None
    start: Annotated[Pixels, Described(description="first pixel that position 0 sees")] = None


class Inspection(Frozen, frozen=True, kw_only=True):
    """What `bench inspect ARCH --json` prints."""

    architecture: str
    architecture_digest: str
    n_parameters: int | None
    components: Annotated[
        dict[str, int], Described(description="component -> parameters; adds up to n_parameters")
    ]
    layers: Annotated[list[Layer], Described(description="in the order of a forward pass")]
    recipe: Recipe
    measures: Annotated[dict[str, Measured], Described(description="measure -> what it found")]


def as_json(portrait: Portrait) -> bytes:
    """`n_parameters`, `components`, `layers` and every measured value, as `schema` describes."""
    parameters = portrait.measures["parameters"]
    return canonical_json(
        {
            "architecture": portrait.architecture,
            "architecture_digest": portrait.architecture_digest,
            "n_parameters": parameters.values.get("n_parameters"),
            "components": parameters.components,
            "layers": [{"name": name, **row} for name, row in merged(portrait).items()],
            "recipe": msgspec.to_builtins(portrait.recipe),
            "measures": msgspec.to_builtins(portrait.measures),
        }
    )


def schema() -> bytes:
    """The JSON Schema of `as_json`, as `docs/inspect.schema.json` publishes it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return canonical_json(dialect | msgspec.json.schema(Inspection))


def show(portrait: Portrait, console: Console) -> None:
    """Prints components, layers, values and notes."""
    console.print(f"{portrait.display_name} ({portrait.architecture})", style="bold")
    console.print(portrait.docstring.splitlines()[0] if portrait.docstring else "", markup=False)
    console.print(_components_table(portrait.measures["parameters"]))
    console.print(_layers_table(merged(portrait)))
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


Row = dict[str, Any]


def _count_and_share(count: str, share: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        percent = f" ({row[share]:.1f} %)" if row.get(count) and row.get(share) is not None else ""
        return _cell(row.get(count)) + percent

    return cell


def _receptive_field(row: Row) -> str:
    local, gated = row.get("receptive_field"), row.get("receptive_field_with_gates")
    with_gates = f" ({_cell(gated)} with gates)" if gated not in (None, local) else ""
    return _cell(local) + with_gates


def _plain(column: str) -> Callable[[Row], str]:
    return lambda row: _cell(row.get(column))


# Title -> a row's cell.
COLUMNS: dict[str, Callable[[Row], str]] = {
    "operation": _plain("operation"),
    "output shape": _plain("output_shape"),
    "kernel": _plain("kernel"),
    "stride": _plain("stride"),
    "groups": _plain("groups"),
    "parameters (share)": _count_and_share("n_parameters", "parameters_percent"),
    "multiply-adds (share)": _count_and_share("multiply_adds", "multiply_adds_percent"),
    "receptive field": _receptive_field,
    "jump": _plain("jump"),
}


def _layers_table(rows: Rows) -> Table:
    table = Table(title="Layers in the order of a forward pass")
    table.add_column("layer")
    for title in COLUMNS:
        table.add_column(title, justify="left" if title == "operation" else "right")
    for name, row in rows.items():
        table.add_row(name, *(cell(row) for cell in COLUMNS.values()))
    return table


def _show_measure(name: str, measured: Measured, console: Console) -> None:
    if measured.error:
        console.print(f"{name}: {measured.error}", markup=False)
    for field in measured.fields:
        if field.name in measured.values:
            line = _value_line(field, measured.values[field.name], measured.at_least)
            console.print(line, markup=False)
    for note in measured.notes:
        console.print(f"  {note}", markup=False, style="dim")


def _value_line(field: Field, value: Any, at_least: bool) -> str:
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.title}: {'at least ' if at_least else ''}{_cell(value, field.digits)}{unit}"


def _cell(value: Any, digits: int = 0) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " x ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
