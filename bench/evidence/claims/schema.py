"""The JSON Schema of a file of claims, from the record itself: editors check while one types."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.evidence.claims.heads import keys_of
from bench.evidence.claims.metrics import METRICS
from bench.spec import Claim, Document, Frozen, Objective

FILE = "docs/claims.schema.json"


def schema() -> dict[str, Any]:
    """Draft 2020-12; `[[claim]]` tables are the items of `claim`."""
    _, components = msgspec.json.schema_components((Claim, Document, Objective))
    claim: dict[str, Any] = components["Claim"]
    properties = {name: each for name, each in claim["properties"].items() if name != "file"}
    properties["metric"] = {**properties["metric"], **_metrics()}
    table = {
        "type": "object",
        "description": "One published statement",
        "properties": properties,
        "required": [name for name in claim["required"] if name != "file"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Published claims",
        "type": "object",
        "properties": {
            "document": _head(components, Document, "The text that the claims quote"),
            "objective": _head(components, Objective, "What it sets out to reach"),
            "claim": {"type": "array", "items": table, "minItems": 1},
        },
        "required": ["claim"],
    }


def _head(components: dict[str, Any], kind: type[Frozen], about: str) -> dict[str, Any]:
    """A table that stands once."""
    record = components[kind.__name__]
    return {
        "type": "object",
        "description": about,
        "properties": {name: record["properties"][name] for name in keys_of(kind)},
        "required": record["required"],
        "additionalProperties": False,
    }


def as_json() -> bytes:
    """The schema as the file that is committed."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n"


def _metrics() -> dict[str, Any]:
    """Plain names as a list with what they are, families as patterns."""
    plain = [
        {"const": name, "description": metric.about}
        for name, metric in METRICS.items()
        if not name.endswith(".*")
    ]
    families = [
        {"pattern": rf"^{name.removesuffix('.*')}\..+$", "description": metric.about}
        for name, metric in METRICS.items()
        if name.endswith(".*")
    ]
    return {"anyOf": plain + families}
