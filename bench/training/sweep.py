"""Work through a matrix: its seeds, or block after block until every architecture is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from bench.inputs.datasets import Dataset
from bench.records import declarations, until_decided
from bench.records.declarations import JUDGES, Purpose, Wanted
from bench.records.protocol import NO_GOAL, Goal, Protocol, arm_key
from bench.records.store import RunReader
from bench.spec import RunRecord
from bench.training import jobs
from bench.training.executors import AnyJob, Event, Place
from bench.training.plan import Matrix, Plan, make_plan


@dataclass(frozen=True)
class Sweep:
    """A matrix; with a protocol its seeds are the first ones, and later ones follow.

    Without one that goes on until it is decided, its seeds are declared as they are.

    A block of an architecture is as many seeds as its place trains at once. Every run of a block is
    finished and counts, even if one of its first runs decides.
    """

    matrix: Matrix
    records: RunReader
    place: Place
    protocol: Protocol | None = None
    purpose: Purpose = JUDGES
    # By architecture; runs of one without a goal are only counted.
    goals: Mapping[str, Goal] = field(default_factory=dict)

    def foresee(self) -> list[str]:
        """What a person should know of the declaration before it is made; nothing is kept.

        Raises:
            UsageError: a seed would both choose and judge an architecture.
            StoreError: the suite's protocol cannot be used.
        """
        if self.protocol is not None:
            return [f"until decided: {until_decided.told(self.protocol)}"]
        suite, runs = self.records.suite, self.records.runs()
        notices = declarations.foresee(suite, self._wanted(), self.purpose, runs)
        return [f"Notice: {notice}" for notice in notices]

    def declare(self) -> None:
        """Keeps what is declared before the first run; raises as `foresee` does.

        It also raises StoreError for a suite of another rule.
        """
        suite = self.records.suite
        if self.protocol is not None:
            until_decided.keep(suite, self.protocol)
        else:
            declarations.declare(suite, self._wanted(), self.purpose, self.records.runs())

    def _wanted(self) -> list[Wanted]:
        return [
            Wanted(
                arm=arm_key(spec),
                dataset=spec.dataset.name,
                architecture=spec.architecture,
                seeds=self.matrix.seeds,
                goal=self.goals.get(spec.architecture, NO_GOAL),
            )
            for spec in (each.spec(0) for each in self.matrix.each())
        ]

    def first_plan(self) -> Plan:
        """Every missing run, or the first block of them."""
        if self.protocol is None:
            return make_plan(self.matrix, self.records.suite, self.records.runs())
        return self._block(self.matrix.each(), self.protocol)

    def train(
        self,
        plan: Plan,
        dataset: Dataset | None,
        console: Console,
        between_runs: Callable[[], None],
    ) -> list[Event]:
        """Trains the plan, and the blocks that follow it; returns the runs that went wrong.

        Args:
            plan: The first plan.
            dataset: The data set of the matrix's architectures.
            console: Where progress is shown.
            between_runs: Called after each run that another one of its plan follows.
        """
        if self.protocol is None:
            return jobs.train(plan.jobs, dataset, self.place, console, between_runs=between_runs)
        return self._until_decided(self.protocol, plan, dataset, console, between_runs)

    def gone(self, plan: Plan, wrong: list[Event]) -> list[Path]:
        """Records of the plan that somebody deleted meanwhile."""
        told = {event.job.spec.key for event in wrong}
        specs = [job.spec for job in plan.jobs if job.spec.key not in told]
        paths = [self.records.suite.path_of(spec) for spec in specs]
        return [path for path in paths if not path.exists()]

    def state_lines(self) -> list[str]:
        """How far each architecture is from its verdict; no line for a fixed number of runs."""
        if self.protocol is None:
            return []
        return [self._state_line(each, self.protocol) for each in self.matrix.each()]

    def _until_decided(
        self,
        protocol: Protocol,
        plan: Plan,
        dataset: Dataset | None,
        console: Console,
        between_runs: Callable[[], None],
    ) -> list[Event]:
        """Gives an architecture up whose run left no record: the later seeds would wait for it."""
        left, wrong = self.matrix.each(), list[Event]()
        by_name = {each.spec(0).architecture: each for each in left}

        def show_state(job: AnyJob) -> None:
            line = self._state_line(by_name[job.spec.architecture], protocol)
            console.print(line, markup=False, highlight=False)

        while plan.jobs:
            events = jobs.train(plan.jobs, dataset, self.place, console, show_state, between_runs)
            wrong += events
            lost = {event.job.spec.architecture for event in events if event.kind == "error"}
            left = [each for each in left if each.spec(0).architecture not in lost]
            plan = self._block(left, protocol)
        return wrong

    def _block(self, left: list[Matrix], protocol: Protocol) -> Plan:
        """The next block of every network that is left, seed by seed."""
        suite, n_first = self.records.suite, len(self.matrix.seeds)
        jobs: list[AnyJob] = []
        present: list[RunRecord] = []
        refused: list[Path] = []
        for each in left:
            runs = self._runs(each)
            n_at_once = self.place.n_at_once
            seeds = until_decided.next_seeds(runs, protocol, n_first, n_at_once)
            plan = make_plan(replace(each, seeds=seeds), suite, runs)
            jobs += plan.jobs
            refused += plan.refused
            present += runs
        jobs.sort(key=lambda job: job.spec.seed)
        failed = [suite.path_of(run) for run in present if not run.completed]
        return Plan(jobs, present, failed, refused)

    def _runs(self, network: Matrix) -> list[RunRecord]:
        """The network's records so far: the specs of its matrix at any seed."""
        name = network.spec(0).architecture
        return [
            run
            for run in self.records.runs()
            if run.architecture == name and run.key == network.spec(run.seed).key
        ]

    def _state_line(self, network: Matrix, protocol: Protocol) -> str:
        name = network.spec(0).architecture
        return until_decided.state_line(name, self._runs(network), protocol)
