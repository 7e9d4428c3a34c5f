"""Many seeds side by side on one GPU, in one process started by spawn."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing.connection import Connection

from bench.machine import GONE
from bench.training.executors import SECONDS_TO_END, Child, Event, Job, kind_of_death
from bench.training.executors.device_worker import serve


@dataclass
class Work:
    """What is left to do, by the job's number."""

    jobs: dict[int, Job]
    limit: int  # runs side by side
    waiting: deque[int] = field(default_factory=deque)
    suspects: deque[int] = field(default_factory=deque)  # ran in a process that died
    retried: set[int] = field(default_factory=set)  # suspects that were started again
    running: set[int] = field(default_factory=set)

    def next(self) -> int | None:
        """The run to start now, if there is room; suspects run alone, before all others."""
        if self.suspects:
            if self.running:
                return None
            self.retried.add(self.suspects[0])
            return self.suspects.popleft()
        if self.waiting and len(self.running) < self.limit:
            return self.waiting.popleft()
        return None

    def crowded(self, number: int) -> None:
        """No memory for that run beside the others: from now on there are no more at once."""
        self.running.discard(number)
        self.limit = max(1, len(self.running))
        self.waiting.appendleft(number)


class DeviceExecutor:
    """Works through jobs on one GPU, `n_side_by_side` at once.

    If its process dies, each run in it is tried again alone, from its last checkpoint; one whose
    process dies then too is told as failed. Runs that find no memory wait.
    """

    def __init__(self, n_side_by_side: int) -> None:
        self.n_side_by_side = n_side_by_side

    def work(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """Yields what happens; closing the iterator ends the process.

        All of it in one thread: on Linux a process ends with the thread that began it.
        """
        for _, group in groupby(sorted(jobs, key=_switches), key=_switches):
            yield from self._work(list(group))

    def _work(self, jobs: list[Job]) -> Generator[Event, None, None]:
        work = Work(dict(enumerate(jobs)), self.n_side_by_side, deque(range(len(jobs))))
        holder = Child.begin(_hold, daemon=False)  # it has processes of its own
        try:
            while work.waiting or work.suspects or work.running:
                yield from _assign(holder, work)
                try:
                    told = holder.pipe.recv()
                except GONE:
                    yield from _bury(holder, work)
                    holder = Child.begin(_hold, daemon=False)
                    continue
                yield from _tell(work, *told)
        finally:
            holder.end()


def _switches(job: Job) -> tuple[str, int, bool, bool]:
    """What all runs of one process have in common: device and process-wide numerics."""
    numerics = job.spec.numerics
    device = job.environment.device
    return device, numerics.n_threads, numerics.flush_denormal, numerics.tf32


def _assign(holder: Child, work: Work) -> Iterator[Event]:
    while (number := work.next()) is not None:
        work.running.add(number)
        # A process that died cannot be sent to; the next receive says so.
        with suppress(*GONE):
            holder.pipe.send((number, work.jobs[number]))
        yield Event(work.jobs[number], "started")


def _tell(work: Work, number: int, kind: str, content: object) -> Iterator[Event]:
    """The event of one message, and what it means for the rest."""
    job = work.jobs[number]
    if kind == "crowded":
        work.crowded(number)
    elif kind == "epoch":
        yield Event(job, "epoch", epoch=content)  # type: ignore[arg-type]
    else:
        work.running.discard(number)
        yield Event(job, kind, reason=content)  # type: ignore[arg-type]


def _bury(holder: Child, work: Work) -> Iterator[Event]:
    """The process died: its runs are suspects, or the one that was tried again has failed."""
    holder.process.join(SECONDS_TO_END)  # first, so that the exit code is its own
    holder.end()
    lost, work.running = sorted(work.running), set()
    if work.retried.issuperset(lost):  # alone
        reason = f"the process that held the device ended with exit code {holder.process.exitcode}"
        kind = kind_of_death(holder.process.exitcode)
        yield Event(work.jobs[lost[0]], kind, reason=reason)
    else:
        work.suspects.extend(lost)


def _hold(pipe: Connection) -> None:
    """The process that holds the device; it ends with its pipe at the latest."""
    # Queues to the device, read when its context is made; with fewer than streams, runs wait for
    # each other.
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    with suppress(*GONE):
        serve(pipe)
