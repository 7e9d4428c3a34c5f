"""Prints the headline table and every verdict as JSON, from the committed files alone.

python -S -E -m tests.oracle
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from tests.oracle.claims import Claim, Document, Judged, tallies
from tests.oracle.suite import ROOT, Arm, arms


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value


def row(arm: Arm, documents: list[Document]) -> list[str]:
    [limit] = [each.limit for each in documents if each.limit]
    return arm.row("".join(each.published(arm.architecture) for each in documents), limit)


def verdict(claim: Claim, judged: Judged) -> dict[str, Any]:
    shown = {name: plain(value) for name, value in vars(judged).items()}
    return shown | {
        "id": claim["id"],
        "metric": claim["metric"],
        "p": judged.p and [float(each) for each in judged.p],
    }


found = list(arms())
by_name = {each.architecture: each for each in found}
documents = [Document(path, by_name) for path in sorted((ROOT / "claims").glob("*.toml"))]
judged = {each.name: [(claim, each.judge(claim)) for claim in each.claims] for each in documents}
print(
    json.dumps(
        {
            "rows": {each.portrait["display_name"]: row(each, documents) for each in found},
            "claims": [verdict(*pair) for pairs in judged.values() for pair in pairs],
            "lines": {name: tallies(pairs) for name, pairs in judged.items()},
        }
    )
)
