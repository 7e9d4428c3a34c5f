"""What `train` and `all` do with a request: select, plan, train, and say what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import typer

from bench.cli.request import Request
from bench.cli.terminal import (
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    complain,
    console,
    render_report,
    say,
    say_all,
    tell_broken,
)
from bench.errors import UsageError
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from bench.inputs.recipes import Changes
from bench.machine import require_writable
from bench.measuring import observe, portraits
from bench.records.store import RunReader
from bench.spec import EnginePath, Environment
from bench.stats.format import rough_duration
from bench.training import jobs, provenance
from bench.training.engine.settings import resolve_device
from bench.training.executors import Event
from bench.training.plan import Matrix, Plan
from bench.training.selection import (
    Named,
    Selection,
    changed,
    find_architectures,
    load_architectures,
    recipe_of,
)
from bench.training.sweep import Sweep

SEEDS_ON_A_GPU = 8  # at once, by default
FIRST_SEARCH_SEED = 1000  # seeds below stay unseen: they confirm what a search has chosen


@dataclass(frozen=True)
class Selected:
    """What the request trains, on which data and where; nothing is trained yet."""

    selection: Selection  # the architectures as they are written
    architectures: list[Named]  # the same with the recipes that they are trained by
    dataset: Dataset
    environment: Environment
    paths: Mapping[str, EnginePath]  # by architecture
    n_at_once: int


def work(request: Request) -> None:
    """Measures, trains what is missing, and renders where that is asked for.

    Raises:
        typer.Exit: with the code of an interruption, or of something that failed.
    """
    selected = _select(request)
    sweep = _sweep(request, selected)
    say_all(sweep.declare())
    plan = sweep.first_plan()
    _say_machine(selected.environment)
    portraits.measure(selected.selection, selected.environment, request.suite)
    say(_plan_line(plan, selected))
    wrong = _train(sweep, plan, selected.dataset, request)
    say_all(sweep.state_lines())
    say(f"records: {request.suite.folder}")
    for reason in observe.see(selected.selection, selected.dataset, request.suite):
        say(f"Notice: {reason}")
    _render(request)
    if wrong or plan.failed_before or selected.selection.broken:
        for path in plan.failed_before:
            complain(f"failed earlier: {path} (move the record away to try again)")
        raise typer.Exit(EXIT_SOME_FAILED)


def _select(request: Request) -> Selected:
    """Finds and loads what the request names; a bad request is refused before a file is written."""
    options = request.options
    found = find_architectures(options.arch or [], options.group, options.builtin)
    changes = _changes(request)
    device = resolve_device(options.device)
    n_at_once = _at_once(request, device)
    dataset_name, notice = datasets.resolve(options.dataset, options.data_dir)
    dataset = datasets.load(dataset_name, options.data_dir)
    selection = load_architectures(found, named=bool(options.arch))
    architectures = changed(selection.usable, changes)
    require_writable([request.suite.folder, *([options.reports] if options.reports else [])])
    environment = provenance.environment(device, provenance.command_line())
    paths, slow = jobs.engine_paths([each for _, each in selection.usable], device)
    say_all([f"Notice: {notice}"] if notice else [])
    tell_broken(selection)
    for name, reason in slow.items():
        say(f"Notice: '{name}' trains as it is written, which is slower: {reason}")
    return Selected(selection, architectures, dataset, environment, paths, n_at_once)


def _changes(request: Request) -> Changes:
    options, other = request.options, request.options.recipe_of
    recipe = recipe_of(other, options.builtin) if other else None
    return Changes(recipe, request.fields, options.epochs)


def _at_once(request: Request, device: torch.device) -> int:
    """How many runs go on at once."""
    if device.type == "cuda":
        return request.options.jobs or SEEDS_ON_A_GPU
    if request.options.tf32:
        what, remedy = "--tf32 applies only to GPUs", "leave it out, or give --device cuda"
        raise UsageError(what, where=f"--device {device}", remedy=remedy)
    return request.n_workers


def _sweep(request: Request, selected: Selected) -> Sweep:
    options, seeds = request.options, request.seeds
    if options.no_test and min(seeds) < FIRST_SEARCH_SEED:
        say(
            f"Notice: give a search (--no-test) seeds from {FIRST_SEARCH_SEED}, so that the runs "
            "which confirm its choice have unseen seeds"
        )
    matrix = Matrix(
        architectures=selected.architectures,
        seeds=seeds,
        dataset=selected.dataset.info,
        environment=selected.environment,
        data_dir=options.data_dir,
        evaluate_test=not options.no_test,
        tf32=options.tf32,
        paths=selected.paths,
    )
    return Sweep(matrix, RunReader(request.suite), selected.n_at_once, request.protocol)


def _say_machine(environment: Environment) -> None:
    say(f"{environment.device}: {environment.processor}, torch {environment.torch}")


def _plan_line(plan: Plan, selected: Selected) -> str:
    if not plan.jobs:
        return f"plan: all {plan.n_present} runs are there, nothing to train"
    architectures = [architecture for _, architecture in selected.architectures]
    seconds = jobs.estimate_seconds(plan, architectures, selected.dataset, selected.n_at_once)
    n_at_once = min(selected.n_at_once, len(plan.jobs))
    on_gpu = selected.environment.device.startswith("cuda")
    return (
        f"plan: {len(plan.jobs)} runs ({plan.n_epochs} epochs) to train, {plan.n_present} there "
        f"already; about {rough_duration(seconds)} on {n_at_once} "
        f"{'seeds side by side' if on_gpu else 'worker processes'}"
    )


def _train(sweep: Sweep, plan: Plan, dataset: Dataset, request: Request) -> list[Event]:
    """Returns the runs that went wrong."""
    try:
        return sweep.train(plan, dataset, console, lambda: _render(request))
    except KeyboardInterrupt:
        complain("interrupted: finished runs are kept; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _render(request: Request) -> None:
    options = request.options
    if options.reports:
        render_report(options.results, options.suite, options.reports)
