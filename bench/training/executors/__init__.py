"""Ways to work through a list of runs: what a job is and what an executor tells of it.

An executor's ``work(jobs)`` yields events; leaving the iterator stops the work cleanly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, Self

from bench.inputs.discover import Found
from bench.machine import begin_process
from bench.records.store import Suite
from bench.spec import Environment, Epoch, RunSpec


@dataclass(frozen=True)
class Job:
    """One run that is missing from the store."""

    found: Found
    spec: RunSpec
    environment: Environment
    suite: Suite
    data_file: Path | None = None  # the data set as one file to map; None: it is loaded by name


@dataclass(frozen=True)
class Event:
    """What happened to a job; an `error` leaves no record, so the next command tries again."""

    job: Job
    kind: Literal["started", "epoch", "completed", "diverged", "failed", "error"]
    epoch: Epoch | None = None
    reason: str | None = None


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
        """Ends the process, whatever it does, and with it the processes that it began."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
