"""What a worker does with one job: load, train, keep the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from bench.errors import ArchitectureError
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from bench.inputs.mapped import mapped
from bench.records.observations import MissedDigit
from bench.records.store import Suite
from bench.spec import Architecture, Epoch, RunRecord, RunSpec
from bench.training.engine.run import CheckpointFile, Result, run
from bench.training.engine.untouched import load, neighbours_unchanged
from bench.training.executors import Job

load_dataset = lru_cache(datasets.load)
map_dataset = lru_cache(mapped)


@dataclass(frozen=True)
class Finished:
    """A finished run, and all that a suite keeps of it."""

    record: RunRecord
    weights: bytes | None
    missed_digits: Mapping[int, MissedDigit]  # test index -> the digit


def do(job: Job, on_epoch: Callable[[Epoch], None]) -> RunRecord:
    """Trains the job's run and keeps its record.

    Returns:
        The record; the existing one where another command finished this run meanwhile.
    """
    suite = job.suite
    with suite.lock(job.spec):
        if known := finished_elsewhere(suite, job.spec):
            return known
        kept = suite.checkpoint(job.spec)
        done = compute(job, architecture_of(job), kept, on_epoch)
        keep(suite, done)
        kept.clear()
    return done.record


def compute(
    job: Job, architecture: Architecture, kept: CheckpointFile, on_epoch: Callable[[Epoch], None]
) -> Finished:
    """Trains the job's run; it neither reads nor writes the job's suite.

    Args:
        job: The run.
        architecture: The job's, from `architecture_of`.
        kept: The run's checkpoint.
        on_epoch: Called after every epoch.

    Raises:
        ArchitectureError: the network changes what other networks use.
        StoreError, OSError, MemoryError: trouble of this machine.
    """
    dataset = dataset_of(job)
    with neighbours_unchanged(architecture.name, architecture):  # the next job's, here
        result = run(architecture, job.spec, dataset, job.environment, kept, on_epoch)
    return finished(result, dataset)


def finished_elsewhere(suite: Suite, spec: RunSpec) -> RunRecord | None:
    """The record that another command made of the run, whose checkpoint is then of no more use.

    Raises:
        StoreError: the record cannot be read.
    """
    record = suite.run_of_spec(spec)
    if record is not None:
        suite.checkpoint(spec).clear()
    return record


def finished(result: Result, dataset: Dataset) -> Finished:
    """The run with the test digits that it missed."""
    digits = {
        index: MissedDigit(
            pixels=dataset.test.images[index].tobytes().hex(), label=int(dataset.test.labels[index])
        )
        for index, _ in result.record.test_misses or []
    }
    return Finished(result.record, result.weights, digits)


def keep(suite: Suite, done: Finished) -> None:
    """Writes a finished run, and the test digits that it missed."""
    suite.add_missed_digits(done.record.dataset.name, done.missed_digits)
    suite.add_run(done.record, done.weights)


def dataset_of(job: Job) -> Dataset:
    """The job's data set, loaded once in this process."""
    if job.data_file is not None:
        return map_dataset(job.data_file)
    return load_dataset(job.spec.dataset.name)


def architecture_of(job: Job) -> Architecture:
    """The job's architecture, as it was when the plan was made."""
    architecture = load(job.found)
    if architecture.digest != job.spec.architecture_digest:
        raise ArchitectureError(
            f"architecture '{architecture.name}' changed after the plan was made",
            where=str(job.found.path),
            remedy="run the command again",
        )
    return architecture
