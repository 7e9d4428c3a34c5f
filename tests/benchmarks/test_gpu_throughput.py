"""The GPU's benchmark on a CPU: its arithmetic, and that its own way runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.spec import Augmentation
from benchmarks.gpu_floor import Floor
from benchmarks.gpu_throughput import Times, moved, table
from tests.support import ROOT, environment


def test_seconds_of_a_run_are_amortised() -> None:
    assert Times([], whole=64.0).seconds_per_run(15, 32) == 2.0
    assert Times([3.0, 5.0]).seconds_per_run(15, 1) == 60.0
    compiled = Times([1.0, 1.0], first_epoch=41.0)
    assert compiled.seconds_per_run(15, 1) == 55.0
    assert compiled.seconds_per_run(15, 5) == 23.0


def test_the_floor_is_the_larger_of_two_times() -> None:
    arithmetic = Floor(
        operations=6e12, n_bytes=1e9, operations_per_second=2e12, bytes_per_second=1e9
    )
    memory = Floor(operations=6e12, n_bytes=9e9, operations_per_second=2e12, bytes_per_second=1e9)
    assert (arithmetic.seconds, memory.seconds) == (3.0, 9.0)


def test_the_table_has_a_row_a_method_and_says_what_is_missing() -> None:
    rows: list[dict[str, object]] = [
        {"network": "model_1", "method": "loader", "n_seeds": n, "seconds_per_run": 150.0}
        for n in (1, 32)
    ]
    rows.append({"network": "model_1", "method": "ours", "n_seeds": 1, "seconds_per_run": 2.5})
    rows.append({"network": "model_1", "method": "ours", "n_seeds": 32, "error": "no memory"})
    floors = {"model_1": Floor(4e12, 1e9, 4e13, 4e12)}
    assert table(rows, [1, 32], floors) == (
        "| | seconds a run at 1 seed | 32 seeds |\n"
        "|---|---:|---:|\n"
        "| model_1, the README's way (2 epochs timed) | 150.00 | 150.00 |\n"
        "| model_1, ours, a graph a seed | 2.50 | n/a |\n"
        "| model_1, floor: 4.00 Tflop at 40.0 Tflop/s, 1.00 GB at 4000 GB/s | 0.100 | 0.100 |\n"
    )


def test_images_are_moved_about_their_centre() -> None:
    images = torch.rand(2, 1, 9, 9)
    assert torch.equal(moved(images, Augmentation()), images)
    dot = torch.zeros(1, 1, 9, 9)
    dot[0, 0, 4, 4] = 1.0
    turned = moved(dot, Augmentation(rotation_degrees=180.0, shear_degrees=30.0))
    assert torch.equal(turned, dot)


@pytest.mark.parametrize("out", ["measured"])
def test_the_contest_runs_and_writes_every_raw_time(tmp_path: Path, out: str) -> None:
    words = ["--device", "cpu", "--dataset", "mnist5k", "--networks", "model_2", "--epochs", "1"]
    words += ["--methods", "ours", "--seeds", "1", "--out", str(tmp_path / out)]
    script = str(ROOT / "benchmarks" / "gpu_throughput.py")
    done = subprocess.run(
        [sys.executable, script, *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / f"{out}.json").read_bytes())
    (row,) = measured["rows"]
    assert row["seconds_per_run"] == row["raw"]["whole"] > 0
    assert measured["floors"]["model_2"]["operations"] == pytest.approx(
        2 * 876_512 * (3 * 3500 + 1500), rel=0.05
    )
    assert (tmp_path / f"{out}.md").read_text(encoding="utf-8").startswith("| | seconds a run")
