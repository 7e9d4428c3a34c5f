"""One session of random kills; `tox run -e soak` makes forty. And what else a bad machine does."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bench.machine import LOCK, SECONDS_TO_HOLD, TEMPORARY, temporary_folder
from tests import support
from tests.faults import kills
from tests.support import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
TINY = ("train", "--dataset", "mnist5k", "--arch", "tiny", "--epochs", "1", "--jobs", "1")


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    folder = kills.prepare(tmp_path)
    outcome = kills.session(folder, "killed", kills.undisturbed(folder), random.Random(28), 2)
    assert outcome.wrong == []


def test_what_a_killed_command_left_in_tmpdir_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, foreign = tmp_path / f"{TEMPORARY}left", tmp_path / "other-folder"
    for folder in (left, foreign):
        folder.mkdir()
        (folder / LOCK).touch()
        (folder / "images").write_bytes(b"0" * 99)
        os.utime(folder / LOCK, (0, 0))
    with temporary_folder() as held:
        os.utime(held / LOCK, (0, 0))  # held for long: another command leaves it alone
        with temporary_folder() as other:
            assert {path.name for path in tmp_path.iterdir()} == {
                *(held.name, other.name, foreign.name),
            }
    assert list(tmp_path.iterdir()) == [foreign]
    assert SECONDS_TO_HOLD > 0


def test_a_full_tmpdir_is_one_line(tmp_path: Path, write_architecture: Write) -> None:
    """The images have some megabytes, and all else that is written far less."""
    write_architecture("tiny")
    done = subprocess.run(
        [sys.executable, "-m", "bench", *TINY, "--seeds", "1"],
        cwd=tmp_path,
        env=support.environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: cannot write temporary files: ")
    assert line.endswith(f"({tmp_path}): free some space there, or set TMPDIR to another folder")
    assert list(tmp_path.glob(f"{TEMPORARY}*")) == []


# Deletes the results while the second run trains.
DELETING = """
import pathlib, shutil
from torch.optim.optimizer import register_optimizer_step_pre_hook

def _delete(*_):
    for path in pathlib.Path("results/local").glob("*/*/seed-0000-*.json"):
        shutil.rmtree("results")

register_optimizer_step_pre_hook(_delete)
"""


def test_records_that_are_deleted_during_the_training_are_told(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny", after=f"if {support.IN_A_WORKER}:\n    exec({DELETING!r})")
    done = bench(*TINY, "--seeds", "2")
    assert done.returncode == 3
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("gone: ")]
    assert "tiny/seed-0000-" in line
    assert "was deleted during the training (the same command trains it again)" in line
    again = bench(*TINY, "--seeds", "2")
    assert (again.returncode, again.stderr) == (0, "")


def test_ctrl_c_in_an_import_ends_at_once(tmp_path: Path) -> None:
    """An import may swallow what Ctrl-C raises, and the command would train on."""
    with kills.start(tmp_path, "begun") as running:
        while not mapped(running.pid, "torch"):
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(60) == 130
    assert (tmp_path / "begun.err").read_text() == "interrupted\n"
    assert not (tmp_path / "begun").exists()


def mapped(pid: int, name: str) -> bool:
    """Whether the process has begun to load that library."""
    return name in Path(f"/proc/{pid}/maps").read_text()


def tell_mask(pipe: Connection) -> None:
    pipe.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set()))


def test_the_first_process_of_a_command_is_out_of_reach_of_ctrl_c_too() -> None:
    """Python's resource tracker begins with it, and unblocks Ctrl-C when it does."""
    code = (
        "from bench.machine import begin_process\n"
        "from tests.faults.test_kills import tell_mask\n"
        "print(*(begin_process(tell_mask)[1].recv() for _ in range(2)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "True True\n", done.stderr
