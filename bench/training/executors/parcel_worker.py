"""A process that trains the runs of one parcel, and ends."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from bench.errors import BenchError, DataError, in_one_line
from bench.inputs import datasets
from bench.inputs.mapped import write
from bench.machine import appearing_whole
from bench.records.store import Suite
from bench.spec import Architecture, DatasetInfo, Epoch
from bench.training import provenance
from bench.training.engine.settings import resolve_device
from bench.training.executors import Job
from bench.training.executors.device import DeviceExecutor
from bench.training.executors.parcels import Outcome, Parcel, takes_turns, unpacked
from bench.training.executors.worker import architecture_of, compute, dataset_of, map_dataset
from bench.training.selection import require_trains

Tell = Callable[[str, Epoch], None]  # (key of the run, its epoch)


class NoCheckpoint:
    """A run that loses its worker begins again, wherever it then is."""

    def read(self) -> None: ...
    def write(self, content: bytes) -> None: ...
    def set_aside(self, reason: str) -> None: ...
    def clear(self) -> None: ...


def serve(pipe: Connection) -> None:
    """The process's life: (parcel, two folders) in, what happens out.

    What goes wrong before a run has begun is this machine's fault: it is told as refused.
    """
    content, folder, shelf = pipe.recv()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            parcel = msgspec.msgpack.decode(content, type=Parcel)
            jobs, architecture = _prepared(parcel, Path(folder), Path(shelf))
        except Exception as error:
            pipe.send(("refused", _line(error)))
            return
        pipe.send(("started", msgspec.to_builtins(jobs[0].environment)))
        try:
            tell = partial(_tell, pipe)
            if takes_turns(jobs[0].spec.numerics):
                outcomes = _side_by_side(jobs, parcel.n_side_by_side, tell)
            else:
                outcomes = [_alone(job, architecture, tell) for job in jobs]
            pipe.send(("trained", msgspec.msgpack.encode(outcomes)))
        except Exception as error:
            pipe.send(("error", _line(error)))


def _line(error: Exception) -> str:
    return str(error) if isinstance(error, BenchError) else in_one_line(error)


def _tell(pipe: Connection, key: str, epoch: Epoch) -> None:
    pipe.send(("epoch", {"run": key, "epoch": msgspec.to_builtins(epoch)}))


def _prepared(parcel: Parcel, folder: Path, shelf: Path) -> tuple[list[Job], Architecture]:
    """The jobs with this machine's environment, and their network; raises where none trains."""
    environment = provenance.environment(resolve_device(parcel.device), parcel.command)
    found = unpacked(parcel, folder / "architectures")
    data_file = _data_file(parcel.specs[0].dataset, shelf)
    suite = Suite(folder / "results", "parcel")  # of this process alone; it ends with the folder
    jobs = [Job(found, spec, environment, suite, data_file) for spec in parcel.specs]
    architecture = architecture_of(jobs[0])
    require_trains(found, architecture, jobs[0].spec, dataset_of(jobs[0]))
    return jobs, architecture


def _data_file(info: DatasetInfo, shelf: Path) -> Path:
    """The data set's file, which all processes of this host map.

    Raises:
        DataError: it is another data set here.
        BenchError: it cannot be loaded here.
    """
    path = shelf / f"manyseeds-{info.name}-{info.digest[:16]}.safetensors"
    if path.exists() and map_dataset(path).info == info:
        return path
    dataset = datasets.load(info.name)
    if dataset.info != info:
        raise DataError(
            f"the data set '{info.name}' differs: its digest is {dataset.info.digest[:12]}, the "
            f"command's is {info.digest[:12]}",
            where=str(datasets.locate(info.name) or info.name),
            remedy="give both the same files",
        )
    if dataset.file is not None:
        return dataset.file
    shelf.mkdir(parents=True, exist_ok=True)
    with appearing_whole(path) as temporary:
        write(dataset, temporary)
    return path


def _alone(job: Job, architecture: Architecture, tell: Tell) -> Outcome:
    done = compute(job, architecture, NoCheckpoint(), partial(tell, job.spec.key))
    return Outcome(
        key=job.spec.key,
        status=done.record.status,
        reason=done.record.reason,
        record=done.record,
        weights=done.weights,
        missed_digits=done.missed_digits,
    )


def _side_by_side(jobs: list[Job], n_side_by_side: int, tell: Tell) -> list[Outcome]:
    """As one command here would train them on its GPU, into a suite of this process."""
    outcomes = []
    with closing(DeviceExecutor(n_side_by_side).work(jobs)) as events:
        for event in events:
            if event.epoch is not None:
                tell(event.job.spec.key, event.epoch)
            elif event.kind != "started":
                assert isinstance(event.job, Job)
                outcomes.append(_kept(event.job, event.kind, event.reason))
    return outcomes


def _kept(job: Job, status: str, reason: str | None) -> Outcome:
    """What the suite of this process has of the run."""
    suite, spec = job.suite, job.spec
    record = suite.run_of_spec(spec)
    misses = record.test_misses if record else None
    known = suite.missed_digits(spec.dataset.name)
    return Outcome(
        key=spec.key,
        status=status,
        reason=reason,
        record=record,
        weights=suite.weights(record) if record else None,
        missed_digits={index: known[index] for index, _ in misses or []},
    )
