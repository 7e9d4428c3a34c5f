"""Prints the headline table and every verdict as JSON, from the committed files alone.

python -S -E -m tests.oracle
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from tests.oracle.claims import ROOT, Document, published, tallies
from tests.oracle.suite import arms


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value


found = arms()
documents = [Document(path, found) for path in sorted((ROOT / "claims").glob("*.toml"))]
judged = [(each, claim, each.judge(claim)) for each in documents for claim in each.claims]
rows = {}
for name, arm in found.items():
    cells = [cell for each in documents if (cell := published(each, name))]
    limits = [each.objective["parameters_below"] for each in documents if each.objective]
    rows[arm.portrait["display_name"]] = arm.row(cells[0][0] if cells else "", *limits)
verdicts = {
    claim["id"]: dict(
        verdict=each.verdict,
        measured=plain(each.measured),
        interval=each.interval,
        p=each.p and [float(p) for p in each.p],
    )
    for _, claim, each in judged
}
print(json.dumps({"rows": rows, "verdicts": verdicts, "lines": tallies(judged)}, indent=1))
