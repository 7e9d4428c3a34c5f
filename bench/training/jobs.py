"""Training jobs: how each is computed here, how long they take, and the work itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import torch
from filelock import Timeout
from rich.console import Console

from bench.inputs.datasets import Dataset
from bench.spec import Architecture
from bench.training.engine.run import record_of
from bench.training.engine.timing import seconds_per_epoch
from bench.training.executors import AnyJob, CommandJob, Event, Job, Place
from bench.training.executors.command import CommandExecutor
from bench.training.executors.dask import DaskExecutor
from bench.training.executors.device import DeviceExecutor
from bench.training.executors.local import LocalExecutor
from bench.training.plan import Plan
from bench.training.progress import TrainingProgress
from bench.training.shared_dataset import shared

SEEDS_ON_A_GPU = 32  # at once, at most: as many as there are queues to the device
BYTES_A_SEED = 3 * 2**29  # of a GPU's memory: its images, its graphs and what its steps hold


def seeds_at_once(device_bytes: int) -> int:
    """How many runs share a GPU with that much memory."""
    return min(max(device_bytes // BYTES_A_SEED, 1), SEEDS_ON_A_GPU)


def estimate_seconds(
    plan: Plan, architectures: Iterable[Architecture], dataset: Dataset, n_workers: int
) -> float:
    """How long the plan takes here, from a few measured steps of each architecture.

    Args:
        plan: The runs, on one device; those of commands are not estimated.
        architectures: The architectures of the plan, and maybe others.
        dataset: The runs' data set.
        n_workers: Runs side by side.
    """
    ours = [job for job in plan.jobs if isinstance(job, Job)]
    if not ours:
        return 0.0
    device = torch.device(ours[0].environment.device)
    loaded = {each.digest: each for each in architectures}
    measured: dict[str, float] = {}
    total = 0.0
    for job in ours:
        digest = job.spec.architecture_digest
        if digest not in measured:
            measured[digest] = seconds_per_epoch(loaded[digest], job.spec, dataset, device)
        total += measured[digest] * job.spec.recipe.epochs
    return total / min(n_workers, len(ours))


def train(
    jobs: Sequence[AnyJob],
    dataset: Dataset | None,
    place: Place,
    console: Console,
    on_run: Callable[[AnyJob], None] = lambda _: None,
    between_runs: Callable[[], None] = lambda: None,
) -> list[Event]:
    """Trains the jobs; returns the events of runs that went wrong.

    Args:
        jobs: The runs that are missing.
        dataset: Of all jobs of this engine; the workers share its memory.
        place: Where they are trained.
        console: Where progress is shown.
        on_run: Called after every run, whatever became of it.
        between_runs: Called after it too, but not after the last one.
    """
    if not jobs:
        return []
    left, wrong = len(jobs), list[Event]()
    with (
        shared(dataset) if dataset and not place.scheduler else nullcontext() as path,
        TrainingProgress(console, jobs) as progress,
        closing(_work(jobs, path, place, progress.say)) as events,
    ):
        for event in events:
            progress.show(event)
            if event.kind in ("started", "epoch"):
                continue
            if event.kind != "completed":
                wrong.append(event)
                _keep_failure(event)
            on_run(event.job)
            left -= 1
            if left:
                between_runs()
    return wrong


def _work(
    jobs: Sequence[AnyJob], data_file: Path | None, place: Place, notify: Callable[[str], None]
) -> Generator[Event, None, None]:
    """First the runs of this engine, then those of commands: each has the machine to itself."""
    ours = [replace(job, data_file=data_file) for job in jobs if isinstance(job, Job)]
    if ours and place.scheduler:
        yield from DaskExecutor(place.scheduler, place.n_at_once, notify).work(ours)
    elif ours:
        on_gpu = any(job.environment.device.startswith("cuda") for job in ours)
        executor = DeviceExecutor if on_gpu else LocalExecutor
        yield from executor(place.n_at_once).work(ours)
    yield from CommandExecutor().work([job for job in jobs if isinstance(job, CommandJob)])


def _keep_failure(event: Event) -> None:
    """Writes the record of a run whose worker died, unless another command trains the run."""
    job, suite = event.job, event.job.suite
    if isinstance(job, CommandJob):  # its process has written the record
        return
    if event.kind != "failed" or suite.path_of(job.spec).exists():
        return
    with suppress(Timeout), suite.lock(job.spec).acquire(blocking=False):
        reason = event.reason or "unknown"
        suite.add_run(record_of(job.spec, job.environment, "failed", reason), None)
        suite.checkpoint(job.spec).clear()
