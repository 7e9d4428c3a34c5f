"""The one table of layers: order and columns, by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.records.layers import merged
from bench.spec import Measured, Portrait
from tests import factories


def portrait(**tables: dict[str, dict[str, Any]]) -> Portrait:
    measures = {
        name: Measured(fields=(), values={}, layers=layers) for name, layers in tables.items()
    }
    return msgspec.structs.replace(factories.portrait(), measures=measures)


def test_the_path_leads_and_others_stand_behind_what_they_follow() -> None:
    found = merged(
        portrait(
            parameters={"a": {}, "idle": {}, "c": {}, "last": {}},
            multiply_adds={"zeroth": {}, "a": {}, "(model)": {}},
            receptive_field={"a": {}, "pool": {}, "c": {}},
        )
    )
    # What has nobody before it stands in front.
    assert list(found) == ["zeroth", "a", "(model)", "idle", "pool", "c", "last"]


def test_without_a_receptive_field_the_others_give_the_order() -> None:
    found = merged(portrait(parameters={"a": {}, "b": {}}, receptive_field={}))
    assert list(found) == ["a", "b"]


def test_columns_join_and_what_is_unknown_hides_nothing() -> None:
    found = merged(
        portrait(
            parameters={"a": {"kernel": 3, "n": 1}},
            receptive_field={"a": {"kernel": None, "jump": 2, "start": None}},
        )
    )
    assert found == {"a": {"kernel": 3, "jump": 2, "start": None, "n": 1}}
    turned = merged(
        portrait(parameters={"a": {"kernel": None}}, receptive_field={"a": {"kernel": 3}})
    )
    assert turned == {"a": {"kernel": 3}}


def test_a_portrait_is_left_as_it_was() -> None:
    one = factories.portrait()
    before = msgspec.json.encode(one)
    merged(one)["conv1"]["n_parameters"] = 0
    assert msgspec.json.encode(one) == before
