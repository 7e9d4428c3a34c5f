"""What a command on a GPU asks of it before its runs: trials in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.hollow_cuda.build import HollowCuda

COMMAND = "import os; from bench.cli import main; print(os.getpid(), flush=True); main()"
TRAIN = "train --dataset mnist5k --seeds 1 --epochs 1 --device cuda"
# What the network does in its forward pass -> what becomes of it.
NETWORKS = {
    "captured": "pass",
    "hosted": "images = images * (1 + 0 * float(images.mean() > 0))",  # asks the device
    "mixed": "import torch; images = images + torch.zeros(images.shape)",  # on two devices
    "pooled": "import torch; images = images + torch.nn.AdaptiveMaxPool2d(1)(self.features(images))"
    "[:, :1]",
}


def processes(log: Path) -> set[str]:
    """The processes that allocated memory on the device since the last call."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return {pid for pid, kind, _ in (line.split("\t") for line in lines) if kind == "memory"}


def trained(
    hollow: HollowCuda, folder: Path, *words: str, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Trains what the folder holds; the command prints its process's number first."""
    command = (sys.executable, "-W", "ignore", "-c", COMMAND, *TRAIN.split(), *words)
    cache = str(folder / "cache")
    return hollow.run(*command, folder=folder, timeout=600, XDG_CACHE_HOME=cache, **extra)


def test_a_device_without_memory_decides_nothing(
    hollow: HollowCuda, tmp_path: Path, write_architecture: Callable[..., Path]
) -> None:
    write_architecture("tiny")
    done = trained(hollow, tmp_path, HOLLOW_CUDA_MEMORY=str(2**20))
    assert done.returncode == 2
    assert "error: cannot tell whether 'tiny' can be captured on cuda: " in done.stderr
    assert "out of memory" in done.stderr
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "results").exists()


def test_a_sweep_is_tried_once_and_the_command_itself_leaves_the_device_alone(
    hollow: HollowCuda, tmp_path: Path, write_architecture: Callable[..., Path]
) -> None:
    for name, does in NETWORKS.items():
        write_architecture(name, before=does)
    log = tmp_path / "log"

    def train(*words: str) -> subprocess.CompletedProcess[str]:
        return trained(hollow, tmp_path, *words, HOLLOW_CUDA_LOG=str(log))

    first = train()
    # Three processes tried a network each that went wrong, the first of them another one before;
    # the fourth held the device for the runs.
    on_device = processes(log)
    assert len(on_device) == 4
    assert first.stdout.split()[0] not in on_device
    assert first.returncode == 3, first.stderr
    assert (
        "skipped: architecture 'pooled': adaptive_max_pool2d_backward_cuda has no deterministic "
        f"implementation on a GPU ({Path('architectures', 'pooled.py')}"
    ) in first.stderr.replace(f"{tmp_path}{os.sep}", "")
    assert "Notice: 'hosted' trains without the faster step" in first.stdout
    # Read as they are: where nothing is computed, no record agrees with itself.
    read = (json.loads(p.read_bytes()) for p in tmp_path.glob("results/local/**/seed-*.json"))
    runs = {run["architecture"]: run for run in read}
    assert {name: run["numerics"]["path"] for name, run in runs.items()} == {
        "captured": "graph",
        "hosted": "eager",
        "mixed": "graph",
    }
    assert runs["mixed"]["status"] == "failed"
    assert "same device" in runs["mixed"]["reason"]

    second = train("--arch", "captured", "--arch", "hosted")
    assert second.returncode == 3, second.stderr
    assert second.stderr.count("is damaged and in the way") == 2
    assert processes(log) == set()
    third = train("--arch", "pooled")
    assert (third.returncode, processes(log)) == (2, set())
    assert "error: architecture 'pooled': adaptive_max_pool2d" in third.stderr
