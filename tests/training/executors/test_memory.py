"""What a worker holds in memory while it trains."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.inputs.datasets import Dataset
from bench.inputs.mapped import mapped
from bench.training.shared_dataset import shared
from tests.support import ROOT

LIMIT = 3 * 2**18  # kB, the unit of /proc: three quarters of a gibibyte

# Writes /proc's word after the optimizer step at which the process held the most of its own.
PEAK = """
import os
import re
from pathlib import Path

peak = 0

def _tell(*_):
    global peak
    status = Path("/proc/self/status").read_text()
    anonymous = int(re.search(r"RssAnon:\\s+(\\d+)", status)[1])
    if anonymous > peak:
        peak = anonymous
        Path(os.environ["PEAKS"], str(os.getpid())).write_text(status)

if os.environ.get("PEAKS"):
    from torch.optim.optimizer import register_optimizer_step_post_hook
    register_optimizer_step_post_hook(_tell)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3"])
def test_what_a_worker_holds_of_its_own_is_bounded(
    bench: Callable[..., subprocess.CompletedProcess[str]],
    write_architecture: Callable[..., Path],
    tmp_path: Path,
    name: str,
) -> None:
    """Without the libraries' file pages, which all processes share and each kernel counts its way.

    How many pages of a mapped library are resident depends on the system's read-ahead, so the
    whole resident set would test the machine, not the worker.
    """
    source = (ROOT / "architectures" / f"{name}.py").read_text(encoding="utf-8")
    write_architecture(name, source, after=PEAK)
    peaks = tmp_path / "peaks"
    peaks.mkdir()
    words = ("train", "--dataset", "mnist5k", "--epochs", "1", "--seeds", "1")
    done = bench(*words, PEAKS=str(peaks))
    assert done.returncode == 0, done.stderr
    told = {path.name: path.read_text(encoding="utf-8") for path in peaks.iterdir()}
    # The command's own trial tells too; a worker is a child of it.
    (worker,) = [text for text in told.values() if _number("PPid", text) in told]
    assert int(_number("RssAnon", worker)) < LIMIT, worker


def _number(field: str, status: str) -> str:
    (number,) = re.findall(rf"^{field}:\s+(\d+)", status, re.MULTILINE)
    return str(number)


def test_a_mapped_data_set_is_the_same_and_goes_with_its_context(small_data: Dataset) -> None:
    with shared(small_data) as path:
        back = mapped(path)
        assert back.info == small_data.info
        for part in ("train", "validation", "test"):
            ours, theirs = getattr(back, part), getattr(small_data, part)
            assert np.array_equal(ours.images, theirs.images)
            assert np.array_equal(ours.labels, theirs.labels)
            assert ours.images.dtype == np.uint8
    assert not path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_mapped_data_set_lies_in_no_private_memory(small_data: Dataset) -> None:
    with shared(small_data) as path:
        back = mapped(path)
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        (line,) = [line for line in maps.splitlines() if str(path) in line]
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        assert low <= back.train.images.ctypes.data < high
