"""The index of many runs stays small, and the leaderboard shows them all; nothing is timed."""

from __future__ import annotations

import re
from pathlib import Path

from bench.records.store import Suite
from benchmarks.scale import NAMES, fill
from tests.reports import render

MOST_BYTES = 400_000


def test_the_index_of_5_architectures_of_60_runs_stays_small(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "synthetic")
    fill(suite, NAMES[:5], n_seeds=60)
    index, *_ = render(suite, tmp_path / "reports", command="python -m bench report")
    assert index.name == "index.html"
    leaderboard = tmp_path / "reports" / "leaderboard.html"
    dots = re.findall(r'data-tip="([^"]+, seed \d+):', leaderboard.read_text(encoding="utf-8"))
    assert len(set(dots)) == 5 * 60
    assert index.stat().st_size < MOST_BYTES
