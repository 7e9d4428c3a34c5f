"""Work through a matrix: its seeds, or block after block until every architecture is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench import deciding, stages
from bench.datasets import Dataset
from bench.discover import Found
from bench.executors import Event, Job
from bench.plan import Matrix, Plan, make_plan, run_spec
from bench.protocol import Protocol
from bench.spec import Architecture, RunRecord
from bench.store import Suite

Named = tuple[Found, Architecture]


@dataclass(frozen=True)
class Telling:
    """Where the work is shown; `on_first_runs` is called once, by a fixed number of runs alone."""

    console: Console
    say: Callable[[str], None]
    on_first_runs: Callable[[], None]


@dataclass(frozen=True)
class Sweep:
    """A matrix; with a protocol its seeds are the first ones, and later ones follow.

    A block of an architecture is as many seeds as there are workers. Runs of a block that was
    begun are all finished and all count, though one of them may already have decided.
    """

    matrix: Matrix
    results: Path
    suite: str
    n_workers: int
    protocol: Protocol | None = None

    def declare(self) -> list[str]:
        """Keeps the protocol, before the first run; what to tell of it."""
        if self.protocol is None:
            return []
        Suite(self.results, self.suite).declare(self.protocol)
        return [f"until decided: {deciding.told(self.protocol)}"]

    def first_plan(self) -> Plan:
        """All that is missing, or the first block of it."""
        if self.protocol is None:
            return make_plan(self.matrix, self.results, self.suite)
        return self._block(self.matrix.architectures, self.protocol)

    def train(self, plan: Plan, dataset: Dataset, telling: Telling) -> list[Event]:
        """Trains the plan, and the blocks that follow it; returns the runs that went wrong."""
        if self.protocol is None:
            return stages.train(
                plan.jobs, self.n_workers, telling.console, telling.on_first_runs, dataset=dataset
            )
        return self._until_decided(self.protocol, plan, dataset, telling)

    def state_lines(self) -> list[str]:
        """How far each architecture is from its verdict; nothing of a fixed number of runs."""
        if self.protocol is None:
            return []
        found = [architecture for _, architecture in self.matrix.architectures]
        return [self._state_line(each, self.protocol) for each in found]

    def _until_decided(
        self, protocol: Protocol, plan: Plan, dataset: Dataset, telling: Telling
    ) -> list[Event]:
        """An architecture whose run left no record is given up: its next seed would never come."""
        left, wrong = list(self.matrix.architectures), list[Event]()
        by_name = {architecture.name: architecture for _, architecture in left}

        def tell(job: Job) -> None:
            telling.say(self._state_line(by_name[job.spec.architecture], protocol))

        while plan.jobs:
            events = stages.train(
                plan.jobs, self.n_workers, telling.console, dataset=dataset, on_run=tell
            )
            wrong += events
            lost = {event.job.spec.architecture for event in events if event.kind == "error"}
            left = [each for each in left if each[1].name not in lost]
            plan = self._block(left, protocol)
        return wrong

    def _block(self, left: list[Named], protocol: Protocol) -> Plan:
        """The next block of every architecture that is left, seed by seed."""
        suite, n_first = Suite(self.results, self.suite), len(self.matrix.seeds)
        jobs: list[Job] = []
        present: list[RunRecord] = []
        for each in left:
            runs = self._runs(each[1])
            seeds = deciding.next_seeds(runs, protocol, n_first, self.n_workers)
            block = replace(self.matrix, architectures=[each], seeds=seeds)
            jobs += make_plan(block, self.results, self.suite).jobs
            present += runs
        jobs.sort(key=lambda job: job.spec.seed)
        failed = [suite.path_of(run) for run in present if not run.completed]
        return Plan(jobs, len(present), failed)

    def _runs(self, architecture: Architecture) -> list[RunRecord]:
        """The arm's records so far: the specs of this matrix at any seed."""
        kept = Suite(self.results, self.suite).runs()
        return [
            run
            for run in kept
            if run.architecture == architecture.name
            and run.key == run_spec(architecture, run.seed, self.matrix).key
        ]

    def _state_line(self, architecture: Architecture, protocol: Protocol) -> str:
        return deciding.state_line(architecture.name, self._runs(architecture), protocol)
