"""The two benchmarks of rounding: the distances from float64, and the table of three ways."""

from __future__ import annotations

import pytest

from bench.inputs import discover
from benchmarks import nearness, three_ways
from tests.support import ROOT


def test_model_2_is_nearer_to_float64_fused_than_as_torch_does_it() -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    errors = nearness.errors(discover.load(found))
    for way in nearness.WAYS:
        triple = errors[way]
        assert triple is not None
        assert all(0 < error < 1e-5 for error in triple), way
    fused, eager = errors["fused"], errors["eager"]
    assert fused is not None
    assert eager is not None
    assert fused < eager  # by the outputs first


def test_the_table_has_both_intervals() -> None:
    """Differences 1, 2 and 3 of 1,000: mean .2 points; Student's t of two degrees, 4.3027."""
    counts = {"fused": [971, 972, 973], "eager": [970, 970, 970], "contiguous": [971, 972, 973]}
    lines = three_ways.table(counts, 1000).splitlines()
    assert lines[2] == "| fused | 97.200 | 0.100 |"
    (row,) = (line for line in lines if line.startswith("| fused - eager"))
    half = 4.302653 * 0.1 / 3**0.5
    shown = f"{0.2 - half:+.3f} to {0.2 + half:+.3f}"
    assert row == f"| fused - eager | +0.200 | {shown} | {shown} | 0.30 |"


def test_two_seeds_are_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["three_ways.py", "--seeds", "2"])
    with pytest.raises(SystemExit):
        three_ways.main()
