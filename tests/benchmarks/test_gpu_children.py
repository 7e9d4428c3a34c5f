"""Processes that end at their limit, with all that they began. A FIFO tells that none is left."""

from __future__ import annotations

import os
import select
import tempfile
from pathlib import Path

import pytest

from benchmarks import gpu_children
from benchmarks.gpu_children import PAST_ITS_LIMIT, Deadline, run_in_group

SECONDS_TO_DIE = 30  # after which one that is still there has been left over
# Both the shell and what it began hold the FIFO open for writing.
BEGINS_ANOTHER = 'exec 3> "$0"; sleep 1000 & '


def code_of(script: str, fifo: Path, seconds: float) -> int:
    """The script's exit code; returns once nobody holds the FIFO any more."""
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with tempfile.TemporaryFile("w+") as output:
            code = run_in_group(["sh", "-c", script, str(fifo)], seconds, output)
        # Its end can be read once the last writer is gone.
        assert select.select([held], [], [], SECONDS_TO_DIE)[0]
    finally:
        os.close(held)
    return code


def test_one_that_hangs_is_ended_with_what_it_began(tmp_path: Path) -> None:
    assert code_of(BEGINS_ANOTHER + "wait", tmp_path / "fifo", 0.5) == PAST_ITS_LIMIT


def test_one_that_ends_leaves_nothing_behind(tmp_path: Path) -> None:
    assert code_of(BEGINS_ANOTHER + "exit 3", tmp_path / "fifo", 60) == 3


def test_one_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_children, "GRACE_SECONDS", 0.1)
    script = 'trap "" TERM; ' + BEGINS_ANOTHER + "while :; do wait; done"
    assert code_of(script, tmp_path / "fifo", 0.5) == PAST_ITS_LIMIT


def test_a_deadline_counts_from_its_start() -> None:
    assert Deadline(100, started=0).left < 100
    assert 99 < Deadline(100).left <= 100
