"""The JSON Schema of a file of claims, from the record itself: editors check while one types."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.evidence.claims.metrics import METRICS
from bench.spec import Claim

FILE = "docs/claims.schema.json"


def schema() -> dict[str, Any]:
    """Draft 2020-12; `[[claim]]` tables are the items of `claim`."""
    _, components = msgspec.json.schema_components((Claim,))
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
        "properties": {"claim": {"type": "array", "items": table, "minItems": 1}},
        "required": ["claim"],
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
