"""Workers of a Dask cluster, on any number of machines; this process alone writes the suite.

It gives each worker one parcel at a time, and chooses the worker itself. Dask would hand a worker
more parcels than it trains, and would blame each of them if the worker is lost.
"""

from __future__ import annotations

import os
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
from filelock import Timeout

from bench.errors import BenchError, ClusterError, in_one_line
from bench.machine import Lock
from bench.spec import Environment, Epoch
from bench.training.executors import Event, Job, kind_of_death
from bench.training.executors.dask_client import connected
from bench.training.executors.parcels import Outcome, packed, takes_turns, versions
from bench.training.executors.worker import Finished, finished_elsewhere, keep

DASK_WORKER = "bench.training.executors.dask_worker"
SECONDS_TO_WAIT = 300.0  # for a worker; $BENCH_WORKER_SECONDS gives another limit
SECONDS_BETWEEN_LOOKS = 1.0  # at the list of workers
SECONDS_TO_FETCH = 60  # an answer that a worker holds
# Not the function itself: where it cannot be imported, the whole worker would end without a word.
TASK = f"__import__('{DASK_WORKER}', fromlist=['train']).train(parcel, wanted, topic)"
LIVES = 2  # workers that a run may lose
AGAIN = "finished runs are kept; mend it, and run the same command again"


@dataclass
class Attempt:
    """A parcel on its way: its jobs by the keys of their runs, and the worker that has it."""

    jobs: dict[str, Job]
    locks: list[Lock]
    worker: str  # its identity: Dask may give its address to the next worker
    address: str
    future: Any
    environment: Environment | None = None  # the worker's, once it trains

    def release(self) -> None:
        """Lets other commands train the runs."""
        for lock in self.locks:
            lock.release()


class DaskExecutor:
    """Works through jobs on all workers of a scheduler, those too that come later.

    A run whose worker is lost, or whose process there dies, goes to the next free worker, and
    begins again. The second time it is told as failed. A worker that cannot train, such as one of
    another version, gets no more runs.

    Args:
        address: The scheduler's.
        n_side_by_side: Runs in one parcel on a GPU; elsewhere a parcel is one run.
        notify: Called with a line for each worker that cannot train.
    """

    def __init__(self, address: str, n_side_by_side: int, notify: Callable[[str], None]) -> None:
        self.address, self.n_side_by_side, self.notify = address, n_side_by_side, notify

    def work(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """Yields what happens; closing the iterator ends the runs' processes.

        Raises:
            UsageError: no scheduler answers.
            ClusterError: the scheduler is gone, or there is no worker that can train.
        """
        with connected(self.address) as client:
            work = Work(self, client, deque(jobs))
            try:
                while work.waiting or work.running:
                    workers = work.workers()
                    yield from work.bury(workers)
                    yield from work.assign(workers)
                    yield from work.receive()
            finally:
                for attempt in work.running.values():
                    attempt.release()


@dataclass
class Work:
    """What is left to do, and who does what."""

    executor: DaskExecutor
    client: Any
    waiting: deque[Job]
    running: dict[str, Attempt] = field(default_factory=dict)  # by the key of its task
    losses: Counter[str] = field(default_factory=Counter)  # by the key of the run
    unfit: dict[str, str] = field(default_factory=dict)  # worker -> why
    has_begun: bool = False  # whether any worker has trained
    seen: float = field(default_factory=time.monotonic)  # when a worker was there
    topic: str = field(default_factory=lambda: f"manyseeds-{uuid.uuid4().hex}")
    messages: queue.SimpleQueue[tuple[str, str, Any]] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        numerics = [job.spec.numerics for job in self.waiting]
        self.on_gpu = any(each.device_type == "cuda" for each in numerics)
        self.side_by_side = any(takes_turns(each) for each in numerics)
        self.client.subscribe_topic(self.topic, lambda event: self.messages.put(tuple(event[1])))

    def workers(self) -> dict[str, str]:
        """Address by worker, of those that may have a run.

        Raises:
            ClusterError: there is none, and none is to be waited for; or no scheduler.
        """
        known = self.client.scheduler_info(n_workers=-1)["workers"]
        if self.client.status != "running":
            raise self.gone()
        able = {
            told["id"]: address
            for address, told in known.items()
            if told["id"] not in self.unfit and (not self.on_gpu or told["resources"].get("GPU"))
        }
        now = time.monotonic()
        if able or self.running:
            self.seen = now
        seconds = float(os.environ.get("BENCH_WORKER_SECONDS", SECONDS_TO_WAIT))
        if now - self.seen >= seconds or (self.unfit and not self.has_begun and not able):
            whose = " with the resource GPU=1" if self.on_gpu else ""
            reasons = list(self.unfit.values())
            what = f"no worker{whose} came within {seconds:g} seconds"
            raise self.error(f"no worker can train: {reasons[0]}" if reasons else what)
        return able

    def bury(self, workers: dict[str, str]) -> Iterator[Event]:
        """What becomes of the runs of lost workers."""
        for key, attempt in list(self.running.items()):
            if attempt.worker not in workers:
                del self.running[key]
                attempt.future.release()
                yield from self.lost(attempt, None)

    def assign(self, workers: dict[str, str]) -> Iterator[Event]:
        """Gives each idle worker a parcel."""
        idle = workers.keys() - {attempt.worker for attempt in self.running.values()}
        for n_left, worker in zip(range(len(idle), 0, -1), sorted(idle), strict=True):
            n_jobs = min(self.executor.n_side_by_side, -(-len(self.waiting) // n_left))
            locked = yield from self.take(n_jobs if self.side_by_side else 1)
            if not locked:
                continue
            jobs, locks = [job for job, _ in locked], [lock for _, lock in locked]
            try:
                parcel = packed(jobs, self.executor.n_side_by_side)
            except BenchError as error:
                for job, lock in locked:
                    lock.release()
                    yield Event(job, "error", reason=str(error))
                continue
            key = f"manyseeds-{jobs[0].spec.architecture}-{uuid.uuid4().hex}"
            given = {
                "parcel": parcel,
                "wanted": msgspec.to_builtins(versions()),
                "topic": self.topic,
            }
            future = self.client.submit(
                *(eval, TASK, given),
                key=key,
                workers=[workers[worker]],
                resources={"GPU": 1} if self.on_gpu else None,
                pure=False,
            )
            by_key = {job.spec.key: job for job in jobs}
            self.running[key] = Attempt(by_key, locks, worker, workers[worker], future)
            future.add_done_callback(partial(self._done, key))
            for job in jobs:
                yield Event(job, "started")

    def _done(self, key: str, _: Any) -> None:
        self.messages.put((key, "done", None))

    def take(self, n_jobs: int) -> Generator[Event, None, list[tuple[Job, Lock]]]:
        """The next jobs for one parcel with their locks; skips those that other commands train."""
        taken: list[tuple[Job, Lock]] = []
        for _ in range(len(self.waiting)):
            if len(taken) == n_jobs or (taken and self.losses[taken[0][0].spec.key]):
                break
            job = self.waiting.popleft()
            lock = job.suite.lock(job.spec)
            try:
                if taken and not self.fits(job, taken[0][0]):
                    raise Timeout("")
                lock.acquire(blocking=False)
            except Timeout:
                self.waiting.append(job)
                continue
            known = finished_elsewhere(job.suite, job.spec)
            if known is None:
                taken.append((job, lock))
                continue
            lock.release()
            yield Event(job, known.status, reason=known.reason)
        return taken

    def fits(self, job: Job, first: Job) -> bool:
        """Whether both may be in one parcel; a run that lost its worker is alone in its own."""
        return not self.losses[job.spec.key] and job.spec == msgspec.structs.replace(
            first.spec, seed=job.spec.seed
        )

    def receive(self) -> Iterator[Event]:
        """What has happened, or after a while nothing."""
        with suppress(queue.Empty):
            message = self.messages.get(timeout=SECONDS_BETWEEN_LOOKS)
            while True:
                yield from self.told(*message)
                message = self.messages.get_nowait()

    def told(self, key: str, kind: str, content: Any) -> Iterator[Event]:
        """The events of one message; none where its attempt is given up already."""
        attempt = self.running.get(key)
        if attempt is None:
            return
        if kind == "done":
            del self.running[key]
            yield from self.ended(attempt)
        elif kind == "started":
            self.has_begun = True
            attempt.environment = msgspec.convert(content, Environment)
        else:
            epoch = msgspec.convert(content["epoch"], Epoch)
            yield Event(attempt.jobs[content["run"]], "epoch", epoch=epoch)

    def ended(self, attempt: Attempt) -> Iterator[Event]:
        """What a task gave."""
        if attempt.future.status == "cancelled":  # by nobody here
            attempt.release()
            raise self.gone()
        try:
            kind, content = attempt.future.result(timeout=SECONDS_TO_FETCH)
        except Exception as error:
            kind, content = "refused", in_one_line(error)
            if type(error).__name__ in ("KilledWorker", "TimeoutError"):
                kind, content = "died", None
        if kind == "trained":
            yield from self.keep(attempt, msgspec.msgpack.decode(content, type=list[Outcome]))
        elif kind == "error":
            attempt.release()
            for job in attempt.jobs.values():
                yield Event(job, "error", reason=content)
        elif kind == "died":
            yield from self.lost(attempt, content)
        else:
            self.refuse(attempt, content or "it gave its task up")

    def keep(self, attempt: Attempt, outcomes: list[Outcome]) -> Iterator[Event]:
        """Writes the runs."""
        jobs = [attempt.jobs[told.key] for told in outcomes]
        for told, job in zip(outcomes, jobs, strict=True):
            if told.record is None:
                continue
            if told.record.spec != job.spec:
                self.refuse(attempt, "it sent the record of another run")
                return
            keep(job.suite, Finished(told.record, told.weights, told.missed_digits))
            job.suite.checkpoint(job.spec).clear()
        attempt.release()
        for told, job in zip(outcomes, jobs, strict=True):
            yield self.event(attempt, job, told.status, told.reason)

    def event(self, attempt: Attempt, job: Job, kind: Any, reason: str | None) -> Event:
        """The event, whose job has the environment that the run was made in."""
        environment = attempt.environment or job.environment
        return Event(replace(job, environment=environment), kind, reason=reason)

    def lost(self, attempt: Attempt, exit_code: int | None) -> Iterator[Event]:
        """Has the runs of a worker that is lost, or whose process died, trained again."""
        attempt.release()
        for key, job in attempt.jobs.items():
            self.losses[key] += 1
            if self.losses[key] < LIVES:
                self.waiting.appendleft(job)
                continue
            kind = kind_of_death(exit_code) if attempt.environment else "error"
            how = "was lost" if exit_code is None else f"process ended with exit code {exit_code}"
            yield self.event(attempt, job, kind, f"its worker {how}, as the one before")

    def refuse(self, attempt: Attempt, reason: str) -> None:
        """Leaves a worker out, and has its runs trained by others."""
        attempt.release()
        self.waiting.extendleft(attempt.jobs.values())
        self.unfit[attempt.worker] = f"worker {attempt.address}: {reason}"
        self.executor.notify(f"left out: {self.unfit[attempt.worker]}")

    def gone(self) -> ClusterError:
        """The error of a scheduler that answers no more."""
        return self.error("the scheduler answers no more")

    def error(self, what: str) -> ClusterError:
        """The error that ends the work."""
        return ClusterError(what, where=self.executor.address, remedy=AGAIN)
