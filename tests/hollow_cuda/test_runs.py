"""Runs on the hollow CUDA by the project's own code: their memory, and the whole command.

It computes nothing, so nothing here tests a number: every accuracy is 0. Numbers are tested on a
CPU and, in the tests that are marked `gpu`, on a device.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.hollow_cuda import golden
from tests.hollow_cuda.build import HollowCuda, told
from tests.support import ROOT

SECONDS_AT_MOST = 300
N_RUNS, N_FIRST = 40, 8  # by the eighth run every place side by side was used, each twice
ROOM = 1 << 20  # bytes for what is no tensor of torch's


def many_runs(hollow: HollowCuda, n_side_by_side: int, **extra: str) -> list[dict[str, int]]:
    """The bytes that torch holds on the device after each of the runs, and held at most by then."""
    words = ("tests.hollow_cuda.many_runs", "model_2", str(N_RUNS), str(n_side_by_side))
    done = hollow.run(sys.executable, "-m", *words, folder=ROOT, timeout=SECONDS_AT_MOST, **extra)
    assert done.returncode == 0, done.stderr
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["status"] for each in ends] == ["completed"] * N_RUNS, ends
    return ends


@pytest.mark.parametrize("n_side_by_side", [1, 4])
def test_memory_is_flat_from_run_to_run(hollow: HollowCuda, n_side_by_side: int) -> None:
    ends = many_runs(hollow, n_side_by_side)
    first, last = ends[N_FIRST - 1], ends[N_RUNS - 1]
    assert last == first
    # A card that has room for the first runs alone has room for all.
    many_runs(hollow, n_side_by_side, HOLLOW_CUDA_MEMORY=str(first["peak"] + ROOM))


def test_the_whole_command_runs_in_an_empty_folder(hollow: HollowCuda, tmp_path: Path) -> None:
    log = tmp_path / "told.log"
    folder = tmp_path / "empty"
    folder.mkdir()
    words = ("all", "--device", "cuda", "--dataset", "mnist5k", "--epochs", "1", "--seeds", "2")
    networks = ("--arch", "model_1", "--arch", "model_2")
    done = hollow.run(
        *(sys.executable, "-m", "bench", *words, *networks),
        folder=folder,
        timeout=SECONDS_AT_MOST,
        HOLLOW_CUDA_LOG=str(log),
    )
    # Nothing was computed, so no record agrees with itself, and each is set aside.
    assert done.returncode == 3, done.stderr
    notices = [
        line for line in done.stderr.splitlines() if line.startswith("set aside: bad record")
    ]
    assert len(notices) == 4
    assert all("0 missed images are listed, but by the counts 1,000" in line for line in notices)
    assert "Traceback" not in done.stderr
    assert "deprecated" not in done.stderr
    assert done.stdout.startswith("cuda: Hollow CUDA, torch ")
    records = [
        json.loads(path.read_bytes()) for path in folder.glob("results/local/**/seed-*.json")
    ]
    runs = {(each["architecture"], each["seed"], each["status"]) for each in records}
    assert runs == {(name, seed, "completed") for name in ("model_1", "model_2") for seed in (0, 1)}
    assert {each["numerics"]["path"] for each in records} == {"graph"}
    for page in ("index.html", "report.md", "architectures/model_1.html"):
        assert (folder / "reports" / page).stat().st_size > 0
    assert told(log, "memory")  # so its processes ran on the hollow CUDA
    assert told(log, "violation") == []


def test_a_network_without_a_fixed_order_is_refused_before_its_run(
    hollow: HollowCuda, tmp_path: Path
) -> None:
    (name,) = golden.read()["refused"]
    words = ("train", "--device", "cuda", "--dataset", "mnist5k", "--epochs", "1", "--seeds", "1")
    done = hollow.run(
        *(sys.executable, "-m", "bench", *words, "--group", "search", "--arch", name),
        folder=tmp_path,
        timeout=SECONDS_AT_MOST,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"'{name}'" in done.stderr
    assert not list(tmp_path.glob("results/**/seed-*.json"))
