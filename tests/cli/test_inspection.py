"""`bench inspect`: the JSON keeps to its published schema, the table says what it must."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import jsonschema
import pytest
import torch
from msgspec.structs import replace
from rich.console import Console

from bench.cli import inspection
from bench.inputs import discover
from bench.measuring import portraits
from bench.spec import Portrait
from bench.training import provenance
from tests import factories
from tests.conftest import Bench
from tests.support import ROOT

PUBLISHED = ROOT / "docs" / "inspect.schema.json"
PLUG_INS = {found.name: found for found in discover.scan_all(ROOT / "architectures")}
HOW = (
    "docs/inspect.schema.json is out of date; renew it: python -c 'import sys; from bench.cli."
    "inspection import schema; sys.stdout.buffer.write(schema())' > docs/inspect.schema.json"
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return found


def portrait(name: str) -> Portrait:
    environment = provenance.environment(torch.device("cpu"), "command")
    return portraits.portrait(discover.load(PLUG_INS[name]), environment)


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


def shown(one: Portrait, width: int = 80, terminal: bool = False) -> str:
    stream = io.StringIO()
    inspection.show(one, Console(file=stream, width=width, force_terminal=terminal, no_color=True))
    return re.sub(r"\x1b\[\d*m", "", stream.getvalue())


def layers_table(text: str) -> dict[str, dict[str, str]]:
    """Layer -> column -> entry, of the table as it is printed."""
    lines = [[part.strip() for part in line.split("│")] for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line[0] == "layer")
    found = [dict(zip(lines[start], line, strict=True)) for line in lines[start + 2 :] if line[1:]]
    return {row["layer"]: row for row in found}


def test_the_table_shows_each_layer_with_shares_and_gates() -> None:
    """Into a file it is as wide as it is, nothing cut off, a line a layer."""
    rows = layers_table(shown(portrait("model_3")))
    assert rows["block2.1.0"] == {
        "layer": "block2.1.0",
        "operation": "Conv2d",
        "output": "16x14x14",
        "kernel": "3",
        "stride": "1",
        "groups": "16",
        "params": "160",
        "params %": "2.1",  # 16 * 9 + 16 of 7,518
        "mult-adds": "28,224",
        "mult-adds %": "3.2",  # 16 * 14 * 14 * 9 of 876,768
        "field": "14",
        "gated": "28",
        "jump": "2",
    }
    quiet = rows["block1.0.2"]
    assert [quiet[name] for name in ("params", "params %", "field", "gated")] == [
        *("0", "", "3", "")
    ]
    pool = rows["pool"]
    assert (pool["field"], pool["jump"]) == ("whole", "")  # no jump once everything is seen


def test_both_receptive_fields_are_named() -> None:
    text = " ".join(shown(portrait("model_3")).split())  # a narrow terminal breaks lines
    last_map = "Receptive field of the last feature map before everything is pooled (block3.1)"
    assert f"{last_map}: 32 pixels Receptive" in text
    assert "Receptive field of the output: whole image Receptive" in text


def test_an_unused_layer_says_so_beside_its_name() -> None:
    one = factories.portrait()
    idle = {"spare": {"operation": "Linear", "n_parameters": 6, "unused": True}}
    told = replace(one.measures["parameters"], layers=idle)
    assert "spare (unused)" in layers_table(shown(replace(one, measures={"parameters": told})))


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_narrow_terminal_has_fewer_columns_but_every_layer_on_one_line(width: int) -> None:
    one = portrait("model_3")
    text = shown(one, width, terminal=True)
    rows, whole = layers_table(text), layers_table(shown(one))
    assert list(rows) == list(whole)
    assert all(len(line) <= width for line in text.splitlines() if "│" in line)
    missing = set(whole["pool"]) - set(rows["pool"])
    said = [line for line in text.splitlines() if "too narrow here for" in line]
    assert bool(said) == bool(missing) == (width < 150)
    assert all(name in said[0] for name in missing)
    assert {"params", "mult-adds", "field", "gated"} <= set(rows["pool"])


def test_lower_bounds_say_so() -> None:
    one = factories.portrait()
    bound = replace(one.measures["multiply_adds"], at_least=True)
    text = shown(replace(one, measures={**one.measures, "multiply_adds": bound}))
    assert "Multiply-adds: at least 1,665,216" in text
    assert "Parameters: 9,850" in text
