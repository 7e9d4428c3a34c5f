"""The CPU's benchmark: its arithmetic, and that its own way runs."""

from __future__ import annotations

from pathlib import Path

from bench.inputs import datasets, discover
from bench.machine import usable_cores
from benchmarks.throughput import ours, rate, table
from tests.support import ROOT


def test_every_worker_finishes_its_epochs_in_the_same_hour() -> None:
    assert rate("loader", [36.0, 30.0, 40.0]) == 100.0
    assert rate("bench", [36.0, 30.0, 40.0]) == 100.0 * usable_cores()


def test_the_table_divides_by_what_stands_beside_it() -> None:
    seconds = 24.0 * usable_cores()
    assert table({"model_1": {"loader": [36.0], "step": [24.0], "bench": [seconds]}}) == (
        "| | (a) loader, epochs/h | (b) step | (c) bench | c / a | c / b |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| model_1 | 100 | 150 | 150 | **1.50** | 1.00 |"
    )


def test_ours_times_the_counted_epochs_of_every_worker(tmp_path: Path) -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    times = ours(discover.load(found), datasets.load("mnist5k"), tmp_path, epochs=1)
    assert len(times) == usable_cores()
    assert min(times) > 0
