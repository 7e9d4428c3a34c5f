"""One architecture on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import cleandoc
from typing import Annotated, Any

import msgspec
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from bench.records import receptive_fields
from bench.records.layers import Rows, merged
from bench.records.receptive_fields import Sides
from bench.spec import Field, Frozen, Measured, Portrait, Recipe, canonical_json
from bench.stats.format import fixed, integer, measured_value, plain

SIDES = "one number where both sides are equal, else as in '3x1'; a fraction as in '1/2'"
Described = msgspec.Meta
Pixels = int | str | None


class Layer(Frozen, frozen=True, kw_only=True):
    """A call of a layer. Measures may add columns; null: the measure has no value here."""

    name: Annotated[str, Described(description="dotted name, 'x (call 2)' where called again")]
    operation: Annotated[str | None, Described(description="the class's or function's name")] = None
    component: str | None = None
    output_shape: Annotated[
        list[int] | None, Described(description="channels, height, width; without the batch")
    ] = None
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
    unused: Annotated[bool | None, Described(description="true: forward never calls it")] = None
    multiply_adds: Annotated[int | None, Described(description="of one image, in this call")] = None
    multiply_adds_percent: Annotated[
        float | None, Described(description="of the network's multiply-adds")
    ] = None
    fvcore_count: int | None = None
    dropout_probability: float | None = None
    receptive_field: Annotated[
        Pixels,
        Described(
            description=f"pixels, local path; padding counts until jump is null, then the image's "
            f"pixels alone; {SIDES}"
        ),
    ] = None
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
    input_shape: Annotated[
        tuple[int, int, int], Described(description="channels, height and width of one image")
    ]
    n_classes: int
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
            "input_shape": portrait.input_shape,
            "n_classes": portrait.n_classes,
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
    found = json.dumps(dialect | msgspec.json.schema(Inspection))
    return canonical_json(json.loads(found, object_hook=_dedented))


def _dedented(node: dict[str, Any]) -> dict[str, Any]:
    """The object with a dedented description, so that every msgspec publishes the same schema.

    Up to 0.22 msgspec takes docstrings as they are; from 0.23 on it dedents them.
    """
    text = node.get("description")
    return node | {"description": cleandoc(text)} if isinstance(text, str) else node


def show(portrait: Portrait, console: Console) -> None:
    """Prints components, layers, values and notes."""
    name = f"{portrait.display_name} ({portrait.architecture})"
    console.print(name, style="bold", markup=False, emoji=False)
    console.print(portrait.docstring.splitlines()[0] if portrait.docstring else "", markup=False)
    console.print(_components_table(portrait.measures["parameters"]))
    _show_layers(merged(portrait), portrait.sides, console)
    for name, measured in portrait.measures.items():
        _show_measure(name, measured, portrait.sides, console)


def _components_table(measured: Measured) -> Table:
    table = _table("Parameters by component")
    table.add_column("component")
    table.add_column("parameters", justify="right")
    for name, count in measured.components.items():
        if count:  # a network need not have every part that has a name
            table.add_row(Text(name), integer(count))
    table.add_row("Total", integer(sum(measured.components.values())), style="bold")
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.MINIMAL, show_edge=False)


Row = dict[str, Any]


def _share(column: str) -> Callable[[Row], str]:
    return lambda row: "" if not row.get(column) else fixed(row[column], 1)


def _with_gates(row: Row, sides: Sides) -> str:
    gated = receptive_fields.GATED
    return "" if row.get(gated) == row.get(receptive_fields.COLUMN) else _field(row, sides, gated)


def _field(row: Row, sides: Sides, column: str = receptive_fields.COLUMN) -> str:
    """The word stays short: a narrow terminal shows this column, too."""
    text = _cell(receptive_fields.shown(row, column, sides)).replace(" x ", "x")
    return "whole" if text == receptive_fields.WHOLE else text


def _plain(column: str) -> Callable[[Row], str]:
    return lambda row: _cell(row.get(column)).replace(" x ", "x")


def _columns(sides: Sides) -> dict[str, Callable[[Row], str]]:
    """Title -> the cell of a row, of a network for images of these sides."""
    return {
        "operation": _plain("operation"),
        "output": _plain("output_shape"),
        "kernel": _plain("kernel"),
        "stride": _plain("stride"),
        "groups": _plain("groups"),
        "params": _plain("n_parameters"),
        "params %": _share("parameters_percent"),
        "mult-adds": _plain("multiply_adds"),
        "mult-adds %": _share("multiply_adds_percent"),
        "field": lambda row: _field(row, sides),
        "gated": lambda row: _with_gates(row, sides),
        "jump": _plain("jump"),
    }


# A narrow terminal hides these columns, in this order, until the table fits.
SPARED = ("params %", "mult-adds %", "jump", "stride", "groups", "kernel", "output", "operation")


def _show_layers(rows: Rows, sides: Sides, console: Console) -> None:
    """One line for each layer: a file gets every column, a narrow terminal fewer."""
    table = _layers_table(rows, sides)
    if not console.is_terminal:
        Console(file=console.file, width=_width(table, console)).print(table)
        return
    hidden: list[str] = []
    for title in SPARED:
        if _width(table, console) <= console.width:
            break
        hidden += [title for column in table.columns if column.header == title]
        table.columns = [column for column in table.columns if column.header != title]
    console.print(table)
    if hidden:
        console.print(f"  too narrow here for {', '.join(hidden)}", style="dim", soft_wrap=True)


def _layers_table(rows: Rows, sides: Sides) -> Table:
    """Every column in which some layer has a value."""
    table = _table(
        "Layers in the order of a forward pass; outputs as channels x height x width; fields and "
        "jumps in pixels, whole: whole image"
    )
    table.add_column("layer", no_wrap=True)
    every = _columns(sides).items()
    columns = {title: cell for title, cell in every if any(map(cell, rows.values()))}
    for title in columns:
        side: JustifyMethod = "left" if title == "operation" else "right"
        table.add_column(title, justify=side, no_wrap=True)
    for name, row in rows.items():
        shown = f"{name} (unused)" if row.get("unused") else name
        table.add_row(*(Text(each) for each in (shown, *(cell(row) for cell in columns.values()))))
    return table


def _width(table: Table, console: Console) -> int:
    return table.__rich_measure__(console, console.options.update(max_width=1000)).maximum


def _show_measure(name: str, measured: Measured, sides: Sides, console: Console) -> None:
    if measured.error:
        console.print(f"{name}: {measured.error}", markup=False)
    for line in receptive_fields.lines(measured, sides):
        console.print(line, markup=False)
    for field in measured.fields:
        if field.name in measured.values and field.name != receptive_fields.FIGURE:
            line = _value_line(field, measured.values[field.name], measured.at_least)
            console.print(line, markup=False)
    for note in measured.notes:
        console.print(f"  {note}", markup=False, style="dim")


def _value_line(field: Field, value: Any, at_least: bool) -> str:
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.title}: {'at least ' if at_least else ''}{_cell(value)}{unit}"


def _cell(value: Any) -> str:
    return "" if value is None else plain(measured_value(value))
