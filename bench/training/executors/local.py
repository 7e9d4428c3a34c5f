"""Worker processes on this machine, started by spawn, one run at a time each."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from bench.errors import in_one_line
from bench.machine import GONE, begin_process
from bench.training.executors import Child, Event, Job, kind_of_death


@dataclass
class Worker(Child):
    """A process and the job that it holds."""

    job: Job | None = None
    is_second: bool = False  # whether the job's first process died


class LocalExecutor:
    """Works through jobs on `n_workers` processes.

    A worker that dies may have been killed from outside, so a new process goes on with its run
    from the last checkpoint; a run whose second process dies too is told as failed.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def work(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """Yields what happens; closing the iterator ends the workers.

        All of it in one thread: on Linux a process ends with the thread that began it.
        """
        waiting = list(reversed(jobs))
        workers = [Worker.begin(_serve) for _ in range(min(self.n_workers, len(jobs)))]
        try:
            for worker in workers:
                yield _assign(worker, waiting.pop())
            while busy := [worker for worker in workers if worker.job]:
                by_pipe = {worker.pipe: worker for worker in busy}
                for pipe in wait(list(by_pipe)):
                    worker = by_pipe[pipe]  # type: ignore[index]
                    event = _receive(worker)
                    if event is None:
                        continue
                    yield event
                    if event.kind != "epoch":
                        worker.job = None
                        if waiting:
                            yield _assign(worker, waiting.pop())
        finally:
            for worker in workers:
                worker.end()


def _assign(worker: Worker, job: Job, is_second: bool = False) -> Event:
    worker.job, worker.is_second = job, is_second
    # A worker that died while idle cannot be sent to; the next receive says so.
    with suppress(*GONE):
        worker.pipe.send(job)
    return Event(job, "started")


def _receive(worker: Worker) -> Event | None:
    """The next event of a worker; None where it died and a new process goes on with its job."""
    assert worker.job is not None
    try:
        kind, content = worker.pipe.recv()
    except GONE:
        return _revive(worker)
    if kind == "epoch":
        return Event(worker.job, "epoch", epoch=content)
    return Event(worker.job, kind, reason=content)


def _revive(worker: Worker) -> Event | None:
    """Gives a dead worker a new process, and its job once more; the second time it gives up.

    Where a signal from outside ended it, a later command tries again: the network may be innocent.
    """
    assert worker.job is not None
    worker.process.join()  # first, so that the exit code is its own
    worker.end()
    exit_code = worker.process.exitcode
    worker.process, worker.pipe = begin_process(_serve)
    if worker.is_second:
        reason = f"worker process ended with exit code {exit_code}"
        return Event(worker.job, kind_of_death(exit_code), reason=reason)
    _assign(worker, worker.job, is_second=True)
    return None


def _serve(pipe: Connection) -> None:
    """A worker's life: jobs in, events out, until the other end is closed."""
    from bench.training.executors.worker import do  # torch is imported here, in the worker

    with suppress(*GONE):
        while True:
            job = pipe.recv()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("default")
                    record = do(job, lambda epoch: pipe.send(("epoch", epoch)))
                told: tuple[str, str | None] = (record.status, record.reason)
            except Exception as error:
                told = ("error", in_one_line(error))
            pipe.send(told)
