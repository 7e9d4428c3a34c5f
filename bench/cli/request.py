"""The options of `train` and `all`, parsed and checked as far as that goes without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.terminal import require_suite_name
from bench.errors import UsageError, bad_option
from bench.evidence.claims import Objectives, load
from bench.inputs import discover, runners
from bench.inputs.recipes import parsed
from bench.inputs.seeds import parse_seeds
from bench.machine import folder_in_use, usable_cores
from bench.records import until_decided
from bench.records.declarations import Purpose
from bench.records.protocol import NO_GOAL, Goal, Protocol
from bench.records.store import Suite
from bench.records.until_decided import DecisionOptions
from bench.stats.declared import CONSISTENT_RATE
from bench.training.plan import require_epochs

# In a block of --until-decided: what is trained does not depend on how many workers there are.
SEEDS_OF_A_CLUSTER = 16


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options by their own names, as they were typed."""

    seeds: str
    arch: list[str] | None
    dataset: str
    group: str | None
    builtin: bool
    recipe_of: str | None
    with_: list[str] | None
    epochs: int | None
    device: str
    jobs: int | None
    tf32: bool
    suite: str
    results: Path
    data_dir: Path | None
    reports: Path | None = None  # where to render; None for no report
    executor: str = "local"
    no_test: bool = False
    choosing: bool = False
    attempt: bool = False
    declare_only: bool = False
    until_decided: bool = False
    cap: int | None = None
    rate: float | None = None
    target: float | None = None


@dataclass(frozen=True)
class Request:
    """What the options mean."""

    options: Options
    seeds: list[int]
    fields: Mapping[str, Any]  # field of the recipes -> value
    n_workers: int
    suite: Suite
    protocol: Protocol | None  # None for a fixed number of runs
    purpose: Purpose  # what the runs are for
    scheduler: str | None = None  # of Dask, whose workers train; None: this machine

    def goals(self, networks: Mapping[str, str]) -> tuple[dict[str, Goal], list[str]]:
        """What each network's runs will be judged against: by the options, else by the claims.

        A document counts that speaks of one of these networks, or of one that the suite has. A
        protocol has a goal of its own, so there is nothing to say beside it.

        Args:
            networks: Network -> the data set that it is trained on.

        Returns:
            The goals, and a line for each network whose documents ask for different targets.

        Raises:
            ClaimError: a file of claims cannot be used.
        """
        if self.protocol:
            return {}, []
        kept = {path.parent.name for path in self.suite.run_paths()}
        objectives = _objectives({*networks, *kept})
        goals = {
            name: _given(self.options, objectives.goal(name, dataset))
            for name, dataset in networks.items()
        }
        if self.options.target is not None:
            return goals, []
        return goals, [
            f"'{name}' has no target: its documents declare different targets. Give --target and "
            "--rate before the first run, or name the network in one document only"
            for name, dataset in networks.items()
            if objectives.disagree(name, dataset)
        ]


def parse(options: Options) -> Request:
    """The request; nothing is written.

    Raises:
        UsageError: a bad value, or options that contradict each other or the suite.
        StoreError: the suite's protocol cannot be read.
    """
    require_epochs(options.epochs)
    fields, seeds = parsed(options.with_ or []), parse_seeds(options.seeds)
    scheduler = _scheduler(options.executor)
    n_workers = _workers(options.jobs, SEEDS_OF_A_CLUSTER if scheduler else usable_cores())
    require_suite_name(options.suite)
    suite = Suite(options.results, options.suite)
    decision = _decision(options)
    protocol = until_decided.declaration(suite, decision, seeds)
    purpose = _purpose(options)
    return Request(options, seeds, fields, n_workers, suite, protocol, purpose, scheduler)


def _scheduler(executor: str) -> str | None:
    kind, _, address = executor.partition(":")
    if executor == "local":
        return None
    if kind != "dask" or not address:
        raise bad_option("executor", executor, "give local, or such as dask:tcp://host:8786")
    return address


def _workers(jobs: int | None, usual: int) -> int:
    if jobs is None:
        return usual
    if jobs < 1:
        raise UsageError(f"bad jobs '{jobs}'", where="--jobs", remedy="give 1 or more")
    return jobs


def _purpose(options: Options) -> Purpose:
    """Runs that never look at the test split choose, for they cannot judge."""
    chooses = options.choosing or options.no_test
    if chooses and options.attempt:
        what = "runs that help to choose cannot be an attempt at the target"
        raise UsageError(what, where="--attempt", remedy="leave out one of the options")
    if options.until_decided and (options.choosing or options.attempt or options.declare_only):
        what = "--choosing, --attempt and --declare-only need a fixed number of runs"
        raise UsageError(what, where="--until-decided", remedy="leave out one of the options")
    return Purpose("chooses" if chooses else "judges", options.attempt)


def _decision(options: Options) -> DecisionOptions | None:
    """What --until-decided is to declare; None without it."""
    Goal(options.target, options.rate).require_possible()
    if options.rate is not None and options.target is None and not options.until_decided:
        what = "a rate is the share of runs that reach a target"
        raise UsageError(what, where="--rate", remedy="give --target too")
    if not options.until_decided:
        if options.cap is not None:
            what = "--cap applies only with --until-decided"
            raise UsageError(what, where="train", remedy="add --until-decided")
        return None
    if options.no_test:
        what = "the verdict needs the test split, which --no-test leaves out"
        raise UsageError(what, where="--until-decided", remedy="give one of the two options")
    goal = _given(options, _usual_goal(options))
    relation = None if goal.target is None else goal.relation
    return DecisionOptions(goal.rate, goal.target, options.cap, relation)


def _given(options: Options, usual: Goal) -> Goal:
    """The goal by the options, and where they say nothing by what the claims ask for."""
    wanted = usual if options.target is None else Goal(options.target)
    if wanted.target is None:
        return Goal(None, options.rate)
    return wanted._replace(rate=options.rate or usual.rate or CONSISTENT_RATE)


def _usual_goal(options: Options) -> Goal:
    """What all the networks that the options name are asked for alike; none where they differ."""
    names = options.arch or _usual_names(options)
    objectives = _objectives(names)
    goals = {objectives.goal(name) for name in names}
    return goals.pop() if len(goals) == 1 else NO_GOAL


def _usual_names(options: Options) -> list[str]:
    """Of the architectures and the runners that a command without names means."""
    place = folder_in_use("architectures")
    of_runners = [] if options.group else [path.stem for path in runners.scan_in_use()]
    if not options.group and runners.stand_alone() and not options.builtin:
        return of_runners
    return [found.name for found in discover.scan(place, options.group)] + of_runners


def _objectives(networks: Collection[str]) -> Objectives:
    """Of the documents in use that speak of one of the networks."""
    return Objectives.about(load(folder_in_use("claims")).documents, networks)
