"""Recorded runs' ingredients, each checked against the record, and their training anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from rich.console import Console

from bench.errors import UsageError, nearest
from bench.inputs import datasets, runners
from bench.inputs.datasets import Dataset
from bench.inputs.discover import Found
from bench.inputs.runners import Runner
from bench.machine import folder_in_use, is_own, temporary_folder, usable_cores
from bench.records.foreign import record_of as foreign_record
from bench.records.store import Suite
from bench.spec import (
    Architecture,
    DatasetInfo,
    Environment,
    ForeignSpec,
    RunRecord,
    RunSpec,
)
from bench.training import jobs, provenance
from bench.training.engine.path import engine_path
from bench.training.engine.run import record_of
from bench.training.engine.settings import resolve_device
from bench.training.engine.timing import seconds_per_epoch
from bench.training.executors import CommandJob, Event, Job, Place
from bench.training.reproduction.recorded import Recorded, checkout, refusal
from bench.training.selection import find_architectures, load_architectures, require_trains

SUITE = "reproduced"  # of the temporary results folder


@dataclass(frozen=True)
class Rebuilt:
    """What the retraining needs."""

    found: Found
    architecture: Architecture
    specs: tuple[RunSpec, ...]  # that differ in their seed alone
    environment: Environment
    dataset: Dataset

    def estimate_seconds(self) -> float:
        """How long it takes here, from a short measured trial."""
        device = torch.device(self.environment.device)
        spec = self.specs[0]
        an_epoch = seconds_per_epoch(self.architecture, spec, self.dataset, device)
        rounds = -(-len(self.specs) // self.n_workers)
        return an_epoch * spec.recipe.epochs * rounds

    @property
    def n_workers(self) -> int:
        """Runs side by side."""
        return min(len(self.specs), usable_cores())

    def train(self, suite: Suite, console: Console) -> list[Event]:
        """Trains the runs into that suite; returns those that went wrong."""
        work = [Job(self.found, spec, self.environment, suite) for spec in self.specs]
        return jobs.train(work, self.dataset, Place(self.n_workers), console)

    def failed(self, spec: RunSpec, reason: str) -> RunRecord:
        """The record of a run that left none."""
        return record_of(spec, self.environment, "failed", reason)


@dataclass(frozen=True)
class RebuiltCommand:
    """The same of runs that a command of the user's has trained."""

    runner: Runner
    specs: tuple[ForeignSpec, ...]
    environment: Environment
    seconds: float  # of the recorded runs, one after another

    def estimate_seconds(self) -> float:
        """How long it takes, if it takes as long as before."""
        return self.seconds / min(len(self.specs), self.runner.written.at_once)

    def train(self, suite: Suite, console: Console) -> list[Event]:
        """As `Rebuilt.train`."""
        runner, environment = self.runner, self.environment
        work = [
            CommandJob(runner, spec, environment, suite, runner.written.at_once)
            for spec in self.specs
        ]
        return jobs.train(work, None, Place(1), console)

    def failed(self, spec: ForeignSpec, reason: str) -> RunRecord:
        """As `Rebuilt.failed`."""
        return foreign_record(spec, self.environment, "failed", reason)


def rebuild(
    runs: Sequence[Recorded], device_name: str | None, builtin: bool, data_dir: Path | None
) -> Rebuilt | RebuiltCommand:
    """The recorded runs' architecture, data and specs, as they are here.

    Args:
        runs: Reproducible ones that differ in their seed alone, from
            `bench.training.reproduction.recorded`.
        device_name: None for the kind of device that the record names.
        builtin: Whether the shipped architectures join those of the working folder.
        data_dir: Where the data sets lie.

    Raises:
        UsageError: a device that is not there; an architecture or data that are not the record's.
        ArchitectureError: the architecture's file cannot be used, or its network cannot be trained.
        DataError: the data are missing or damaged.
    """
    recorded = runs[0]
    if recorded.record.foreign:
        return _rebuild_command(runs)
    device = _device(recorded, device_name)
    found, architecture = _architecture(recorded, builtin, device)
    specs = tuple(_spec(each, architecture, device) for each in runs)
    dataset = _dataset(recorded, data_dir)
    require_trains(found, architecture, specs[0], dataset)
    return Rebuilt(
        found=found,
        architecture=architecture,
        specs=specs,
        environment=provenance.environment(device, provenance.command_line()),
        dataset=dataset,
    )


def _rebuild_command(runs: Sequence[Recorded]) -> RebuiltCommand:
    recorded = runs[0]
    name, foreign = recorded.record.architecture, recorded.record.foreign
    path = folder_in_use(runners.FOLDER) / f"{name}.toml"
    if not path.is_file():
        raise refusal(recorded, f"there is no runner '{name}'", f"restore {path}")
    runner = runners.load(path)
    if foreign and foreign.epochs and foreign.epochs != runner.epochs:
        runner = runner.with_epochs(foreign.epochs)
    if runner.spec(recorded.record.seed) != recorded.record.spec:
        what = f"the command, its files or its data in {path} are not the record's"
        raise refusal(recorded, what, checkout(recorded.record))
    ours = provenance.environment(resolve_device("cpu"), provenance.command_line())
    sources = (each.record.source for each in runs)
    return RebuiltCommand(
        runner=runner,
        specs=tuple(s for each in runs if isinstance(s := each.record.spec, ForeignSpec)),
        environment=provenance.of_command(ours, runner.folder),
        seconds=sum(source.seconds or 0.0 for source in sources if source),
    )


def _device(recorded: Recorded, name: str | None) -> torch.device:
    kind = recorded.spec.numerics.device_type
    if name is None and kind == "cuda" and not torch.cuda.is_available():
        what = f"made on a GPU ({recorded.record.environment.processor}), and there is none here"
        remedy = "give --device cpu to compare with the suite's distribution instead of bits"
        raise refusal(recorded, what, remedy)
    return resolve_device(name or kind)


def _architecture(
    recorded: Recorded, builtin: bool, device: torch.device
) -> tuple[Found, Architecture]:
    record = recorded.record
    try:
        found = find_architectures([record.architecture], None, builtin)
    except UsageError as error:
        hint = "" if builtin else "; --builtin adds the shipped ones"
        raise refusal(recorded, error.what, error.remedy + hint) from error
    ((_, architecture),) = load_architectures(found, named=True, device=device).usable
    if architecture.digest != record.architecture_digest:
        what = (
            f"the source digest of {architecture.path} is {architecture.digest[:12]}, "
            f"the record's is {record.architecture_digest[:12]}"
        )
        raise refusal(recorded, what, _source_remedy(recorded))
    return found[0], architecture


def _source_remedy(recorded: Recorded) -> str:
    """The commit; and the suite's portrait, which holds the source itself.

    A file of the user's own folder is in no commit of this project: the portrait alone has it.
    """
    record, suite = recorded.record, recorded.suite
    remedy = checkout(record)
    for portrait in suite.portraits() if suite else []:
        if portrait.architecture_digest == record.architecture_digest:
            name = f"{portrait.architecture}-{portrait.architecture_digest[:12]}.json"
            stands = f"its source stands in portraits/{name}"
            return f"put it back, {stands}" if is_own("architectures") else f"{remedy}; {stands}"
    return remedy


def _dataset(recorded: Recorded, data_dir: Path | None) -> Dataset:
    wanted = recorded.record.dataset
    if wanted.name not in datasets.names():
        what = f"unknown data set '{wanted.name}'"
        raise refusal(recorded, what, nearest(wanted.name, datasets.names()))
    dataset = datasets.load(wanted.name, data_dir)
    if dataset.info != wanted:
        what = (
            f"the data set '{wanted.name}' differs here: digest {dataset.info.digest[:12]}, "
            f"{_sizes(dataset.info)}; the record's: {wanted.digest[:12]}, {_sizes(wanted)}"
        )
        raise refusal(recorded, what, checkout(recorded.record))
    return dataset


def _sizes(info: DatasetInfo) -> str:
    return f"{info.n_train} / {info.n_validation} / {info.n_test} images by seed {info.split_seed}"


def _spec(recorded: Recorded, architecture: Architecture, device: torch.device) -> RunSpec:
    """The record's own; on another kind of device, with that device's way to compute a step."""
    spec = recorded.spec
    if device.type == spec.numerics.device_type:
        return spec
    path, _ = engine_path(architecture, device)
    return replace(spec, numerics=replace(spec.numerics, device_type=device.type, path=path))


def retrain(rebuilt: Rebuilt | RebuiltCommand, console: Console) -> list[RunRecord]:
    """Trains the runs in a temporary results folder; what went wrong there is a failed record.

    Args:
        rebuilt: From `rebuild`.
        console: Where progress is shown.

    Returns:
        A record for each spec, in their order.
    """
    with temporary_folder() as folder:
        suite = Suite(folder, SUITE)
        wrong = rebuilt.train(suite, console)
        records = {run.key: run for run in suite.runs()}
    reason = (wrong[0].reason if wrong else None) or "it left no record"
    return [
        records.get(spec.key) or rebuilt.failed(spec, reason)  # type: ignore[arg-type]
        for spec in rebuilt.specs
    ]
