"""Ways to work through a list of runs: what a job is and what an executor tells of it.

An executor's ``work(jobs)`` yields events; leaving the iterator stops the work cleanly.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, Self

from bench.inputs.discover import Found
from bench.inputs.runners import Runner
from bench.machine import begin_process
from bench.records.store import Suite
from bench.spec import Environment, Epoch, ForeignSpec, RunSpec

# Signals that other processes and limits send; no system has all of them.
OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU")
FROM_OUTSIDE = {getattr(signal, name, None) for name in OUTSIDE}
SECONDS_TO_END = 10.0  # of a process; a broken device may hold it up


@dataclass(frozen=True)
class Place:
    """Where runs are trained, and how many at once."""

    n_at_once: int  # on a GPU, the runs side by side in one process
    scheduler: str | None = None  # of Dask, whose workers train; None: this machine


@dataclass(frozen=True)
class Job:
    """One run that is missing from the store."""

    found: Found
    spec: RunSpec
    environment: Environment
    suite: Suite
    data_file: Path | None = None  # the data set as one file to map; None: it is loaded by name


@dataclass(frozen=True)
class CommandJob:
    """One run that is missing from the store and that a command of the user's trains."""

    runner: Runner
    spec: ForeignSpec
    environment: Environment
    suite: Suite
    at_once: int  # runs of this runner side by side, at most


AnyJob = Job | CommandJob


@dataclass(frozen=True)
class Event:
    """What happened to a job; an `error` leaves no record, so the next command tries again."""

    job: AnyJob
    kind: Literal["started", "epoch", "completed", "diverged", "failed", "error"]
    epoch: Epoch | None = None
    reason: str | None = None


def kind_of_death(exit_code: int | None) -> Literal["failed", "error"]:
    """What became of a run whose process died twice.

    An `error` where a signal from outside ended it, such as the system's that lacks memory.
    """
    return "error" if exit_code is not None and -exit_code in FROM_OUTSIDE else "failed"


@dataclass
class Child:
    """A process that this one began, and this end of the pipe between the two."""

    process: BaseProcess
    pipe: Connection

    @classmethod
    def begin(cls, work: Callable[[Connection], None], *, daemon: bool = True) -> Self:
        """Begins one, which calls ``work(pipe)``; see `begin_process`."""
        return cls(*begin_process(work, daemon=daemon))

    def end(self) -> None:
        """Ends the process, whatever it does, and with it the processes that it began.

        One that waits in the driver of a broken device cannot be ended yet; it is left behind.
        """
        self.process.kill()
        self.process.join(SECONDS_TO_END)
        self.pipe.close()
