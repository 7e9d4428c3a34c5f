"""The process that holds a GPU: many runs, a turn each, one after the other."""

from __future__ import annotations

import gc
import os
import time
import warnings
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import torch
from filelock import Timeout

from bench.errors import in_one_line
from bench.inputs.datasets import Dataset
from bench.machine import usable_cores
from bench.spec import Epoch, RunRecord
from bench.training.engine.data import DeviceData, prepare
from bench.training.engine.gpu import (
    Slots,
    TrainingContext,
    Turn,
    is_out_of_memory,
    run_in_turns,
)
from bench.training.engine.run import Result
from bench.training.engine.settings import make_current, numerics_of
from bench.training.executors import Job
from bench.training.executors.preparing import Preparers
from bench.training.executors.worker import (
    architecture_of,
    dataset_of,
    finished,
    finished_elsewhere,
    keep,
)

SECONDS_BETWEEN_CHECKPOINTS = 20.0  # a run takes seconds here; writing its state takes milliseconds
SECONDS_TO_WAIT = 0.0005  # when no run has anything to do
MAX_PREPARERS = 8

LOST = 4  # exit code of a process whose device answers no more

Run = Generator[Turn | Epoch, None, RunRecord]


class Crowded(Exception):
    """A run found no memory beside the others."""


@dataclass
class Shared:
    """What the runs of one process share."""

    device: torch.device
    preparers: Preparers
    slots: Slots
    data: dict[tuple[object, ...], DeviceData] = field(default_factory=dict)

    def data_for(self, job: Job, dataset: Dataset) -> DeviceData:
        """The data set on the device, once for all runs that read it alike."""
        spec = job.spec
        recipe = spec.recipe
        key = (spec.dataset.digest, spec.evaluate_test, recipe.pixel_mean, recipe.pixel_std)
        if key not in self.data:
            self.data[key] = prepare(dataset, spec, self.device)
        return self.data[key]


def serve(pipe: Connection) -> None:
    """The process's life: (number, job) in, (number, kind, content) out, until the pipe ends.

    All jobs are of one device and of one set of numerics, memory format and path apart.

    Raises:
        EOFError, BrokenPipeError, ConnectionResetError: the end of the pipe.
    """
    number, job = pipe.recv()
    device, numerics = torch.device(job.environment.device), job.spec.numerics
    make_current(device)
    n_preparers = min(MAX_PREPARERS, max(usable_cores() // numerics.n_threads - 1, 1))
    with (
        warnings.catch_warnings(),
        closing(Preparers(n_preparers, device)) as preparers,
        numerics_of(numerics, device),
    ):
        warnings.simplefilter("default")
        gc.collect()
        gc.freeze()  # what is loaded by now is left out of every later collection
        shared = Shared(device, preparers, Slots(device))
        _work(pipe, {number: _run(job, shared)}, shared)


def _work(pipe: Connection, runs: dict[int, Run], shared: Shared) -> None:
    while True:
        while not runs or pipe.poll():
            number, job = pipe.recv()
            runs[number] = _run(job, shared)
        turns = [_turn(pipe, number, run, runs) for number, run in list(runs.items())]
        if all(turn == "waited" for turn in turns):
            time.sleep(SECONDS_TO_WAIT)


def _turn(pipe: Connection, number: int, run: Run, runs: dict[int, Run]) -> Turn:
    """One run's turn; tells what came of it."""
    try:
        turn = next(run)
    except StopIteration as end:
        del runs[number]
        record: RunRecord = end.value
        told: tuple[str, str | None] = (record.status, record.reason)
    except Crowded as error:
        del runs[number]
        # Alone it may lack what another process holds for now: no record, so it is tried again.
        told = ("crowded" if runs else "error", str(error))
    except Exception as error:
        del runs[number]
        told = ("error", in_one_line(error))
    else:
        if not isinstance(turn, Epoch):
            return turn
        pipe.send((number, "epoch", turn))
        return "epoch"
    pipe.send((number, *told))
    return "trained"


def _run(job: Job, shared: Shared) -> Run:
    """Trains a job's run in turns and keeps its record, or finds that of another command."""
    suite = job.suite
    lock = suite.lock(job.spec)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield "waited"
    try:
        if known := finished_elsewhere(suite, job.spec):
            return known
        dataset, kept = dataset_of(job), suite.checkpoint(job.spec)
        result = yield from run_in_turns(
            architecture_of(job),
            job.spec,
            lambda: shared.data_for(job, dataset),
            job.environment,
            kept,
            TrainingContext(shared.preparers.ahead, SECONDS_BETWEEN_CHECKPOINTS, shared.slots),
        )
        _require_sound(result, shared.device)
        keep(suite, finished(result, dataset))
        kept.clear()
        return result.record
    finally:
        lock.release()


def _require_sound(result: Result, device: torch.device) -> None:
    """A run that failed may have failed through the others, or have broken the device for them.

    Where the device answers no more, the process ends here and now: no run can go on, and to take
    anything down in order would ask the device.

    Raises:
        Crowded: it found no memory.
    """
    reason = result.record.reason or ""
    if result.record.status != "failed" or device.type != "cuda":
        return
    if is_out_of_memory(reason):
        raise Crowded(reason)
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        os._exit(LOST)
