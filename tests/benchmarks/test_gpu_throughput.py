"""The GPU's benchmark on a CPU: its arithmetic, and that its own way runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bench.spec import Augmentation
from benchmarks.gpu_floor import Floor, _Traffic
from benchmarks.gpu_floor import table as floors
from benchmarks.gpu_throughput import (
    ROWS,
    Row,
    Setting,
    Times,
    by_floor,
    by_resident,
    contest,
    moved,
    reason,
    table,
)
from tests.support import ROOT, environment, text_of

EPOCHS = {"model_1": 15}


def row(method: str, n_seeds: int, times: Times | None = None, error: str | None = None) -> Row:
    return Row("model_1", method, n_seeds, times, error)


def script(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu_throughput.py"), *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_seconds_of_a_run_are_amortised() -> None:
    assert Times(whole=64.0).seconds_per_run(15, 32) == 2.0
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


def test_traffic_is_what_operators_are_given_and_give_back() -> None:
    left, right = torch.ones(10, 10), torch.ones(10, 10)
    with _Traffic() as counted:
        (left + right).view(100)[:50].sum()
    assert counted.n_bytes == 4 * (3 * 100 + 50 + 1)


def test_the_floor_of_the_documentation_is_the_one_that_is_counted() -> None:
    *_, counted = floors(["model_1"]).splitlines()
    assert counted in text_of("docs/performance.md")


def test_the_table_says_what_is_missing_and_leaves_blank_what_was_not_asked_for() -> None:
    rows = [
        row("ours", 1, Times(whole=2.5)),
        row("ours", 32, error="no memory"),
        row("ours-tf32", 32, Times(whole=64.0)),
        row("loader", 1, Times([10.0])),
        row("floor", 1, Times(whole=0.1, words="4.00 Tflop at 40.0 Tflop/s")),
    ]
    assert table(rows, EPOCHS) == (
        "| | seconds a run at 1 seed | 32 seeds |\n"
        "|---|---:|---:|\n"
        "| model_1, ours, a graph a seed | 2.50 | n/a |\n"
        "| model_1, ours with TF32, which no other row has |  | 2.00 |\n"
        "| model_1, the README's way (1 epoch timed) | 150.00 | 150.00 |\n"
        "| model_1, floor: 4.00 Tflop at 40.0 Tflop/s | 0.100 | 0.100 |\n"
    )


def test_the_default_rows_are_rows() -> None:
    assert [Row.parse(each).method for each in ROWS] == [each.split(":")[1] for each in ROWS]


@pytest.mark.parametrize("text", ["model_1", "model_1:ours", "model_1:mine:3", "model_1:ours:0"])
def test_a_bad_row_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=f"bad row '{text}': give NETWORK:METHOD:SEEDS, such as"):
        Row.parse(text)


def test_a_bad_row_is_named() -> None:
    done = script("--rows", "model_1:ours:1", "model_1")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("such as model_1:ours:32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_named() -> None:
    done = script("--rows", "model_1:ours:1")
    assert done.returncode == 1
    assert done.stderr.startswith("no device 'cuda'; this machine has 0 CUDA devices")
    assert len(done.stderr.splitlines()) == 1


def test_the_files_are_whole_after_each_row(tmp_path: Path) -> None:
    """No row fits, so none is begun; the same files come of rows that were measured."""
    wanted = list(map(Row.parse, ROWS))
    setting = Setting("", "mnist", None, "cpu", None)
    assert contest(wanted, setting, 0, 600, tmp_path / "out") == len(wanted)
    written = json.loads((tmp_path / "out.json").read_bytes())
    assert {each["error"] for each in written["rows"]} == {"skipped: 0 s are left"}
    assert written["n_epochs"] == {"model_1": 15}
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 2 + 5


def test_the_reason_is_the_last_error_not_the_hint_below_it() -> None:
    told = ["Traceback", "  File x", "torch._inductor.exc.InductorError: no ptxas", "", "Set X for"]
    assert reason(told) == "torch._inductor.exc.InductorError: no ptxas"
    assert reason(["a run ended as failed: no memory", ""]) == "a run ended as failed: no memory"
    assert reason([]) is None


@pytest.fixture
def _tf32_comes_back() -> Iterator[None]:
    kept = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept


@pytest.mark.usefixtures("_tf32_comes_back")
def test_a_rival_computes_in_float32_like_ours() -> None:
    times = by_resident(Setting("model_2", "mnist5k", None, "cpu", None))
    assert len(times.epochs) == 1
    assert times.first_epoch == 0  # nothing was compiled
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_floor_says_what_it_was_counted_from() -> None:
    times = by_floor(Setting("model_2", "mnist5k", None, "cpu", epochs=1, n_seeds=3))
    tflop = 2 * 876_512 * (3 * 3500 + 1500) / 1e12
    assert float(times.words.split()[0]) == pytest.approx(tflop, abs=0.006)
    assert times.whole > 0


def test_images_are_moved_about_their_centre() -> None:
    images = torch.rand(2, 1, 9, 9)
    assert torch.equal(moved(images, Augmentation()), images)
    dot = torch.zeros(1, 1, 9, 9)
    dot[0, 0, 4, 4] = 1.0
    turned = moved(dot, Augmentation(rotation_degrees=180.0, shear_degrees=30.0))
    assert torch.equal(turned, dot)


def test_the_contest_runs_and_writes_every_raw_time(tmp_path: Path) -> None:
    words = ["--device", "cpu", "--dataset", "mnist5k", "--epochs", "1"]
    words += ["--rows", "model_2:ours:1", "model_2:loader:1"]
    done = script(*words, "--out", str(tmp_path / "measured"))
    assert done.returncode == 1, done.stderr  # for the loader
    measured = json.loads((tmp_path / "measured.json").read_bytes())
    ours, loader = measured["rows"]
    assert ours["times"]["whole"] > ours["times"]["first_epoch"] > 0
    assert loader["error"] == "the loader reads MNIST's files: give --data-dir"
    assert measured["device"] == ours["device"]
    text = (tmp_path / "measured.md").read_text(encoding="utf-8")
    assert text.startswith("| | seconds a run at 1 seed |\n")
    assert text.count("| n/a |") == 1
