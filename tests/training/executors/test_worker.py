"""What becomes of a run that another command finished, and of one that finds no memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from bench.inputs import datasets, discover
from bench.records.store import Suite
from bench.spec import RunRecord
from bench.training import provenance
from bench.training.engine.gpu import is_out_of_memory
from bench.training.engine.run import record_of
from bench.training.executors import Job
from bench.training.executors.device import DeviceExecutor
from bench.training.executors.device_worker import Crowded, Run, _turn
from bench.training.executors.local import LocalExecutor
from bench.training.plan import Matrix, make_plan

Write = Callable[..., Path]


def job_of(tmp_path: Path) -> Job:
    (found,) = discover.scan(tmp_path / "architectures")
    matrix = Matrix(
        architectures=[(found, discover.load(found))],
        seeds=[0],
        dataset=datasets.load("mnist5k").info,
        environment=provenance.environment(torch.device("cpu"), "tests"),
        paths={found.name: "graph"},
    )
    (job,) = make_plan(matrix, Suite(tmp_path / "results", "local"), []).jobs
    return job


@pytest.mark.parametrize("executor", [LocalExecutor(1), DeviceExecutor(1)])
def test_a_record_of_another_command_is_told_as_it_is(
    tmp_path: Path, write_architecture: Write, executor: LocalExecutor | DeviceExecutor
) -> None:
    write_architecture("tiny")
    job = job_of(tmp_path)
    suite = job.suite
    suite.add_run(record_of(job.spec, job.environment, "failed", "on purpose"), None)
    suite.checkpoint(job.spec).write(b"left over")
    with closing(executor.work([job])) as events:
        told = [(event.kind, event.reason) for event in events]
    assert told == [("started", None), ("failed", "on purpose")]
    assert suite.checkpoint(job.spec).read() is None


@pytest.mark.parametrize("executor", [LocalExecutor(1), DeviceExecutor(1)])
def test_a_torn_record_is_told_and_left_alone(
    tmp_path: Path, write_architecture: Write, executor: LocalExecutor | DeviceExecutor
) -> None:
    write_architecture("tiny")
    job = job_of(tmp_path)
    path = job.suite.path_of(job.spec)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")
    with closing(executor.work([job])) as events:
        _, last = events
    assert last.kind == "error"
    assert "unreadable record" in str(last.reason)
    assert path.read_bytes() == b"{"


@pytest.mark.parametrize(("n_others", "kind"), [(0, "error"), (1, "crowded")])
def test_a_run_without_memory_leaves_no_record(n_others: int, kind: str) -> None:
    def without_room() -> Generator[object, None, RunRecord]:
        yield from ()
        raise Crowded("CUDA out of memory")

    ours, theirs = multiprocessing.Pipe()
    run: Run = without_room()  # type: ignore[assignment]
    runs = {7: run} | {8 + i: run for i in range(n_others)}
    with ours, theirs:
        _turn(theirs, 7, run, runs)
        assert ours.recv() == (7, kind, "CUDA out of memory")
    assert 7 not in runs


@pytest.mark.parametrize(
    ("reason", "is_one"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", True),
        ("RuntimeError: CUDA error: out of memory", True),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`", True),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", False),
        ("ValueError: on purpose", False),
    ],
)
def test_missing_memory_is_known_by_every_library_s_words(reason: str, is_one: bool) -> None:
    assert is_out_of_memory(reason) == is_one
