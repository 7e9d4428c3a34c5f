"""`bench inspect`: the JSON keeps to its published schema, the table says what it must."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from msgspec.structs import replace
from rich.console import Console

from bench import discover, inspection, provenance, stages
from bench.spec import Portrait
from tests import factories
from tests.conftest import Bench

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "docs" / "inspect.schema.json"
PLUG_INS = {found.name: found for found in discover.scan_all(ROOT / "architectures")}
HOW = (
    "docs/inspect.schema.json is out of date; renew it: python -c 'import sys; from bench."
    "inspection import schema; sys.stdout.buffer.write(schema())' > docs/inspect.schema.json"
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return found


def portrait(name: str) -> Portrait:
    environment = provenance.environment(torch.device("cpu"), "command")
    return stages.portrait(discover.load(PLUG_INS[name]), environment)


def test_the_published_schema_is_current(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert PUBLISHED.read_bytes() == inspection.schema(), HOW


@pytest.mark.parametrize("name", PLUG_INS)
def test_every_architectures_json_keeps_to_the_schema(schema: dict[str, Any], name: str) -> None:
    found = json.loads(inspection.as_json(portrait(name)))
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    assert all(layer["operation"] for layer in found["layers"])
    counted = sum(layer.get("n_parameters") or 0 for layer in found["layers"])
    assert counted == found["n_parameters"] == sum(found["components"].values())


def test_the_command_prints_json_that_keeps_to_the_schema(
    bench: Bench, schema: dict[str, Any]
) -> None:
    done = bench("inspect", "model_3", "--json")
    assert done.returncode == 0, done.stderr
    jsonschema.validate(json.loads(done.stdout), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("n_parameters",), "7262"),
        (("layers", 0, "name"), None),
        (("layers", 0, "output_shape"), [1.5]),
        (("components", "BatchNorm"), 0.5),
        (("recipe", "batch_size"), 0),
        (("measures", "parameters", "at_least"), "no"),
    ],
)
def test_what_breaks_the_schema_is_seen(
    schema: dict[str, Any], place: tuple[Any, ...], value: object
) -> None:
    found = json.loads(inspection.as_json(factories.portrait()))
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    inner = found
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, schema, jsonschema.Draft202012Validator)


def test_another_measures_column_is_allowed(schema: dict[str, Any]) -> None:
    one = factories.portrait()
    extra = replace(one.measures["parameters"], layers={"conv1": {"temperature": [1, "warm"]}})
    found = inspection.as_json(replace(one, measures={**one.measures, "extra": extra}))
    jsonschema.validate(json.loads(found), schema, jsonschema.Draft202012Validator)
    assert json.loads(found)["layers"][0]["temperature"] == [1, "warm"]


def shown(one: Portrait) -> str:
    stream = io.StringIO()
    inspection.show(one, Console(file=stream, width=220))
    return stream.getvalue()


def row_of(text: str, layer: str) -> list[str]:
    lines = [line.split("│") for line in text.splitlines() if "│" in line]
    (cells,) = [cells for cells in lines if len(cells) > 5 and cells[1].strip() == layer]
    return [cell.strip() for cell in cells[1:-1]]


def test_the_table_shows_each_layer_with_shares_and_gates() -> None:
    text = shown(portrait("model_3"))
    assert row_of(text, "block2.1.0") == [
        "block2.1.0",
        "Conv2d",
        "16 x 14 x 14",
        "3",
        "1",
        "16",
        "160 (2.1 %)",  # 16 * 9 + 16 of 7,518
        "28,224 (3.2 %)",  # 16 * 14 * 14 * 9 of 876,768
        "14 (28 with gates)",
        "2",
    ]
    assert row_of(text, "block1.0.2")[3:] == ["", "", "", "0", "0", "3", "1"]
    assert row_of(text, "pool")[-1] == ""  # no jump once everything is seen


def test_lower_bounds_say_so() -> None:
    one = factories.portrait()
    bound = replace(one.measures["multiply_adds"], at_least=True)
    text = shown(replace(one, measures={**one.measures, "multiply_adds": bound}))
    assert "Multiply-adds: at least 1,665,216" in text
    assert "Parameters: 9,850" in text
