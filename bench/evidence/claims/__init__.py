"""Published claims: read from `claims/NAME.toml`, judged by records and measures.

One direction: `load` (files -> claims), `gather` (suites -> what is there), `lookup` (a claim's
figure in it), `rules` (figure -> verdict), `metrics` (the table that joins the two), `ledger`
(claims -> rows). No torch, and nothing that names an architecture.
"""

from __future__ import annotations

from bench.evidence.claims.load import Published, about, load, load_files
from bench.evidence.claims.objectives import Objectives
from bench.evidence.claims.sources import ClaimError

__all__ = ["ClaimError", "Objectives", "Published", "about", "load", "load_files"]
