"""Architectures x seeds, minus what the store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from bench.errors import UsageError
from bench.inputs.discover import Found
from bench.inputs.runners import Runner
from bench.records.store import Suite
from bench.spec import (
    ENGINE_VERSION,
    MOST_EPOCHS,
    Architecture,
    DatasetInfo,
    EnginePath,
    Environment,
    ForeignSpec,
    Numerics,
    RunRecord,
    RunSpec,
)
from bench.stats.format import integer
from bench.training.executors import AnyJob, CommandJob, Job


def require_epochs(epochs: int | None) -> None:
    """Raises UsageError for a number that no recipe can have; None leaves each recipe's own."""
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        remedy = "give 1 or more" if epochs < 1 else f"give at most {integer(MOST_EPOCHS)}"
        raise UsageError(f"bad epochs '{epochs}'", where="--epochs", remedy=remedy)


@dataclass(frozen=True)
class Plan:
    """What a command will train, and what it found already trained."""

    jobs: list[AnyJob]
    present: list[RunRecord]
    failed_before: list[Path]  # records of runs that diverged or failed earlier
    refused: list[Path]  # damaged records: each is in the way of its run, which is not trained

    @property
    def n_present(self) -> int:
        return len(self.present)

    @property
    def n_epochs(self) -> int:
        """Epochs over all runs."""
        return sum(job.spec.n_epochs for job in self.jobs)

    def by_other_torch(self, torch: str) -> Counter[str]:
        """How many of the runs that are there another torch has trained, by its version."""
        found = Counter(run.environment.torch for run in self.present if not run.foreign)
        del found[torch]
        return found


@dataclass(frozen=True)
class Commanded:
    """A runner, where its command runs, and how many of its runs go on at once."""

    runner: Runner
    environment: Environment
    at_once: int


@dataclass(frozen=True)
class Matrix:
    """Networks x seeds: architectures on one data set in one environment, and runners."""

    architectures: list[tuple[Found, Architecture]]  # with the recipes that they are trained by
    seeds: list[int]
    dataset: DatasetInfo | None  # of the architectures; None where there are none
    environment: Environment
    evaluate_test: bool = True
    tf32: bool = False
    paths: Mapping[str, EnginePath] = field(default_factory=dict)  # architecture -> its path
    commands: Sequence[Commanded] = ()

    def each(self) -> list[Matrix]:
        """A matrix for each of its networks."""
        ours = [replace(self, architectures=[one], commands=()) for one in self.architectures]
        return ours + [replace(self, architectures=[], commands=(one,)) for one in self.commands]

    def spec(self, seed: int) -> RunSpec | ForeignSpec:
        """Of that seed's run of its only network."""
        if self.commands:
            return self.commands[0].runner.spec(seed)
        return run_spec(self.architectures[0][1], seed, self)

    def job(self, spec: RunSpec | ForeignSpec, suite: Suite) -> AnyJob:
        """That run of its only network."""
        if isinstance(spec, ForeignSpec):
            (one,) = self.commands
            return CommandJob(one.runner, spec, one.environment, suite, one.at_once)
        ((found, _),) = self.architectures
        return Job(found, spec, self.environment, suite)


def make_plan(matrix: Matrix, suite: Suite, runs: Iterable[RunRecord]) -> Plan:
    """The runs that the suite lacks, seed by seed, so that every architecture has some early.

    Args:
        matrix: The runs that are wanted.
        suite: Where they will lie.
        runs: The suite's records.
    """
    known = {run.key: run for run in runs}
    jobs: list[AnyJob] = []
    present, refused = [], []
    for seed, network in product(matrix.seeds, matrix.each()):
        spec = network.spec(seed)
        if spec.key in known:
            present.append(known[spec.key])
        elif (path := suite.path_of(spec)) in suite.set_aside:
            refused.append(path)
        else:
            jobs.append(network.job(spec, suite))
    failed = [suite.path_of(record) for record in present if not record.completed]
    return Plan(jobs, present, failed, refused)


def run_spec(architecture: Architecture, seed: int, matrix: Matrix) -> RunSpec:
    """Everything that decides the bits of one run of the matrix."""
    assert matrix.dataset is not None
    device_type = matrix.environment.device.split(":")[0]
    return RunSpec(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        recipe=architecture.recipe,
        seed=seed,
        dataset=matrix.dataset,
        numerics=Numerics(
            memory_format=architecture.memory_format,
            device_type=device_type,  # type: ignore[arg-type]
            path=matrix.paths.get(architecture.name, "eager"),
            tf32=matrix.tf32,
        ),
        evaluate_test=matrix.evaluate_test,
        engine_version=ENGINE_VERSION,
    )
