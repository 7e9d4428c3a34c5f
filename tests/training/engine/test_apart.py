"""What a trial does to its process harms neither this process nor the next trial."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.errors import ArchitectureError, TrainingError
from bench.inputs.discover import Found
from bench.training.engine.apart import tried_apart
from tests.support import require_end

FOUND = Found("tiny", "", Path("tiny.py"))


def _after(found: Found, number: int) -> tuple[int, int]:
    return os.getpid(), number + 1


def _changes(found: Found) -> None:
    torch.set_default_dtype(torch.float64)
    os.environ["TINY"] = "1"


def _is_out_of_memory(found: Found) -> None:
    raise TrainingError("full", where="device", remedy="wait")


def _aborts(found: Found) -> None:
    os.abort()


def _ends_in_c(found: Found) -> None:
    ctypes.CDLL(None)._exit(0)


def _sleeps_in_c(found: Found) -> None:
    ctypes.PyDLL(None).sleep(600)  # which holds all of Python up


def _interrupts(found: Found) -> None:
    raise KeyboardInterrupt


ENDS: dict[Callable[[Found], None], str] = {
    _aborts: "its code ended its process with signal SIGABRT",
    _ends_in_c: "its code ended its process with exit code 0",
    _sleeps_in_c: "TimeoutError: its code did not end within 3 seconds",
    _interrupts: "KeyboardInterrupt",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_trial_that_ends_its_process_is_refused_and_the_next_one_is_made(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[Found], None]
) -> None:
    monkeypatch.setenv("BENCH_LIMIT_SECONDS", "0.2")
    with tried_apart() as trials:
        assert trials
        with pytest.raises(ArchitectureError, match=ENDS[end]):
            trials.ask(FOUND, end)
        process, number = trials.ask(FOUND, _after, 3)
        assert number == 4
    require_end([process])


def test_errors_come_over_and_changes_stay_there() -> None:
    with tried_apart() as trials:
        assert trials
        with pytest.raises(TrainingError, match=r"full \(device\): wait"):
            trials.ask(FOUND, _is_out_of_memory)
        trials.ask(FOUND, _changes)
    assert torch.get_default_dtype() is torch.float32
    assert "TINY" not in os.environ


def test_ctrl_c_of_the_terminal_is_the_commands_alone() -> None:
    with tried_apart() as trials:
        assert trials
        process, _ = trials.ask(FOUND, _after, 0)
        os.kill(process, signal.SIGINT)
        assert trials.ask(FOUND, _after, 0) == (process, 1)
