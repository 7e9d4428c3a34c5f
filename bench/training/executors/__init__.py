"""Ways to work through a list of runs: what a job is and what an executor tells of it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bench.inputs.discover import Found
from bench.records.store import Suite
from bench.spec import Environment, Epoch, RunSpec


@dataclass(frozen=True)
class Job:
    """One run that is missing from the store."""

    found: Found
    spec: RunSpec
    environment: Environment
    suite: Suite
    data_dir: Path | None
    data_file: Path | None = None  # the data set as one file to map, where there is one


@dataclass(frozen=True)
class Event:
    """What happened to a job; an `error` leaves no record, so the next command tries again."""

    job: Job
    kind: Literal["started", "epoch", "completed", "diverged", "failed", "error"]
    epoch: Epoch | None = None
    reason: str | None = None


class Executor(Protocol):
    """Works through jobs and tells what happens; leaving the iterator stops the work cleanly."""

    def work(self, jobs: list[Job]) -> Generator[Event, None, None]: ...
