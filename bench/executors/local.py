"""Worker processes on this machine, started by spawn, one run at a time each."""

from __future__ import annotations

import multiprocessing
import signal
import warnings
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from bench.executors import Event, Job

Message = tuple[str, object]  # (kind of event, its epoch or reason)


@dataclass
class Worker:
    """A process, its pipe, and the job that it holds."""

    process: BaseProcess
    pipe: Connection
    job: Job | None = None


class LocalExecutor:
    """Works through jobs on `n_workers` processes.

    A worker that dies takes one run with it: that run is told as failed, a new worker takes over.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def work(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """Yields what happens; closing the iterator ends the workers."""
        waiting = list(reversed(jobs))
        workers = [_spawn() for _ in range(min(self.n_workers, len(jobs)))]
        try:
            for worker in workers:
                yield _assign(worker, waiting.pop())
            while busy := [worker for worker in workers if worker.job]:
                by_pipe = {worker.pipe: worker for worker in busy}
                for pipe in wait(list(by_pipe)):
                    worker = by_pipe[pipe]  # type: ignore[index]
                    event, died = _receive(worker)
                    yield event
                    if died:
                        workers[workers.index(worker)] = worker = _spawn()
                    if event.kind != "epoch":
                        worker.job = None
                        if waiting:
                            yield _assign(worker, waiting.pop())
        finally:
            for worker in workers:
                _end(worker)


def _spawn() -> Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that a dead worker shows as the end of the pipe
    return Worker(process, ours)


def _assign(worker: Worker, job: Job) -> Event:
    worker.job = job
    # A worker that died while idle cannot be sent to; the next receive says so.
    with suppress(BrokenPipeError, ConnectionResetError):
        worker.pipe.send(job)
    return Event(job, "started")


def _receive(worker: Worker) -> tuple[Event, bool]:
    """The next event of a worker, and whether the worker is dead."""
    assert worker.job is not None
    try:
        kind, content = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        reason = f"worker process ended with exit code {worker.process.exitcode}"
        return Event(worker.job, "failed", reason=reason), True
    if kind == "epoch":
        return Event(worker.job, "epoch", epoch=content), False
    return Event(worker.job, kind, reason=content), False


def _end(worker: Worker) -> None:
    worker.process.terminate()
    worker.process.join()
    worker.pipe.close()


def _serve(pipe: Connection) -> None:
    """A worker's life: jobs in, events out, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    from bench.executors.worker import do  # torch is imported here, in the worker

    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                record = do(job, lambda epoch: pipe.send(("epoch", epoch)))
            pipe.send((record.status, record.reason) if record else ("completed", None))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send(("error", " ".join(f"{type(error).__name__}: {error}".split())))
