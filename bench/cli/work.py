"""What `train` and `all` do with a request: select, plan, train, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import typer

from bench.cli.renewing import Renewal
from bench.cli.request import Request
from bench.cli.terminal import (
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    RESULTS,
    complain,
    console,
    render,
    render_report,
    require_reports,
    say,
    say_all,
    tell_broken,
)
from bench.errors import ClusterError, UsageError, typed
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from bench.inputs.imported.runs import is_imported
from bench.inputs.recipes import Changes
from bench.inputs.runners import Runner
from bench.machine import prints_to_stderr, require_writable
from bench.measuring import observe, portraits
from bench.records.arms import arms
from bench.records.store import PROTOCOL, RunReader
from bench.spec import Environment
from bench.stats.format import count, mean_percent, plain, rough_duration
from bench.training import jobs, provenance
from bench.training.engine.network import gives_probabilities
from bench.training.engine.settings import resolve_device
from bench.training.executors import Event, Job, Place
from bench.training.executors.dask_client import require
from bench.training.plan import Commanded, Matrix, Plan
from bench.training.selection import (
    Selection,
    changed,
    find_networks,
    load_architectures,
    probed,
    recipe_of,
    suited,
)
from bench.training.sweep import Sweep

MOST_MEANS = 10  # networks whose mean is printed
FIRST_SEARCH_SEED = 1000  # seeds below stay unseen: they confirm what a search has chosen


@dataclass(frozen=True)
class Selected:
    """What the request trains, on which data and where; nothing is trained yet."""

    selection: Selection  # the architectures as they are written
    dataset: Dataset | None  # None where commands alone are run
    matrix: Matrix  # the architectures with the recipes that they are trained by
    n_at_once: int


def work(request: Request) -> None:
    """Measures, trains what is missing, and renders where that is asked for.

    Raises:
        typer.Exit: with the code of an interruption, or of something that failed.
    """
    try:
        _work(request)
    except KeyboardInterrupt:
        complain("interrupted: finished runs are kept; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _work(request: Request) -> None:
    selected = _select(request)
    selection, environment = selected.selection, selected.matrix.environment
    reader = RunReader(request.suite)
    _refuse_imported(reader)
    specs = [each.spec(0) for each in selected.matrix.each()]
    networks = {spec.architecture: spec.dataset.name for spec in specs}
    goals, notices = request.goals(networks)
    say_all([f"Notice: {line}" for line in notices])
    sweep = Sweep(
        matrix=selected.matrix,
        records=reader,
        place=Place(selected.n_at_once, request.scheduler),
        protocol=request.protocol,
        purpose=request.purpose,
        goals=goals,
    )
    foreseen = sweep.foresee()
    if request.options.declare_only:
        say_all(foreseen)
        sweep.declare()
        say(
            f"declared: {request.suite.folder / PROTOCOL}; the same command without "
            "--declare-only trains it"
        )
        return
    plan = sweep.first_plan()
    if selection.usable:
        say(f"{environment.device}: {environment.processor}, torch {environment.torch}")
    with prints_to_stderr():  # what a network prints is not the command's answer
        portraits.measure(selection, environment, request.suite)
    say_all(_trained_by_others(plan, environment.torch))
    say(_plan_line(plan, selected, request.scheduler))
    say_all(foreseen)
    sweep.declare()  # who reads the plan and stops here has declared nothing
    renew = _renewal(request)
    if plan.jobs and reader.runs():
        renew()  # what is known already can be read from the first minute
    wrong, gone, end = list[Event](), list[Path](), None
    try:
        wrong = sweep.train(plan, selected.dataset, console, renew)
        gone = sweep.gone(plan, wrong)
    except ClusterError as error:  # what is finished is shown all the same
        end = error
    say_all(sweep.state_lines())
    say(f"records: {request.suite.folder}")
    _observe(selected, request)
    whole = _render(request)
    say_all(_next(selected, request, reader))
    lines = _of_records(plan, gone)
    for line in lines:
        complain(line)
    if end is not None:
        raise end
    if wrong or lines or selection.broken or not whole:
        raise typer.Exit(EXIT_SOME_FAILED)


def _next(selected: Selected, request: Request, reader: RunReader) -> list[str]:
    """The means of what was asked for, and the command that shows more; nothing with a report."""
    options = request.options
    if options.reports:
        return []
    matrices = selected.matrix.each()
    keys = {each.spec(seed).key for each in matrices for seed in request.seeds}
    every = arms(options.suite, reader.runs(), "test", request.suite.protocol())
    asked = [arm for arm in every if arm.tested and any(run.key in keys for run in arm.runs)]
    means = [
        f"{arm.architecture}: mean {plain(mean_percent(arm.accuracy()))} over "
        f"{plain(count(len(arm.tested), 'run'))}"
        for arm in asked[:MOST_MEANS]
    ]
    words = ["report", "--suite", options.suite]
    words += [] if options.results == RESULTS else ["--results", str(options.results)]
    return [*means, f"next: python -m bench {typed(words)}"]


def _observe(selected: Selected, request: Request) -> None:
    """Measures what only a trained network shows."""
    if selected.dataset is None:
        return
    with prints_to_stderr():
        reasons = observe.see(selected.selection, selected.dataset, request.suite)
    say_all([f"Notice: {reason}" for reason in reasons])


def _of_records(plan: Plan, gone: Sequence[Path]) -> list[str]:
    """What a person should know of records that stood in the way, or went."""
    again = "(the same command trains it again)"
    return [
        *(f"failed earlier: {p} (move the record away to try again)" for p in plan.failed_before),
        *(
            f"not trained: {path} is damaged and in the way (restore it, or move it away)"
            for path in plan.refused
        ),
        *(f"gone: {path} was deleted during the training {again}" for path in gone),
    ]


def _refuse_imported(reader: RunReader) -> None:
    """Raises UsageError for a suite of imported runs: they are never mixed with ours."""
    if any(is_imported(run) for run in reader.runs()):
        where, remedy = str(reader.suite.folder), "give another --suite"
        raise UsageError("the suite holds imported runs", where=where, remedy=remedy)


def _select(request: Request) -> Selected:
    """Finds and loads what the request names; a bad request is refused before a file is written."""
    options = request.options
    found, runners = find_networks(options.arch or [], options.group, options.builtin)
    _refuse_for_runners(request, runners)
    if request.scheduler is not None and not options.declare_only:
        require(request.scheduler)
    recipe = recipe_of(options.recipe_of, options.builtin) if options.recipe_of else None
    device = resolve_device(options.device)
    n_at_once = _at_once(request, device)
    dataset, notice = _dataset(request) if found else (None, None)
    info = dataset.info if dataset else None
    selection = load_architectures(found, bool(options.arch), device, info)
    changes = Changes(recipe, request.fields, options.epochs)
    architectures = changed(selection.usable, changes)
    if info is not None:
        named = bool(options.arch or options.recipe_of or request.fields)
        selection, architectures = suited(selection, architectures, info, named=named)
    environment = provenance.environment(device, provenance.command_line())
    matrix = Matrix(
        architectures=architectures,
        seeds=request.seeds,
        dataset=info,
        environment=environment,
        evaluate_test=not options.no_test,
        tf32=options.tf32,
        commands=[_commanded(each, environment, request) for each in runners],
    )
    ways: list[str] = []
    if dataset is not None:
        named = bool(options.arch)
        selection, matrix, ways = probed(selection, matrix, dataset, named=named)
    if options.reports:
        require_reports(options.reports, options.results)
    require_writable([request.suite.folder, *([options.reports] if options.reports else [])])
    tell_broken(selection)
    with prints_to_stderr():
        softmax = [each.name for _, each in matrix.architectures if gives_probabilities(each)]
    for line in _notices(request, notice, ways, softmax):
        say(f"Notice: {line}")
    return Selected(selection, dataset, matrix, n_at_once)


def _dataset(request: Request) -> tuple[Dataset, str | None]:
    """The data set of the architectures; a notice where another was to be expected."""
    options = request.options
    name, notice = datasets.resolve(options.dataset, options.data_dir)
    return datasets.load(name, options.data_dir), notice


def _commanded(runner: Runner, ours: Environment, request: Request) -> Commanded:
    options = request.options
    return Commanded(
        runner if options.epochs is None else runner.with_epochs(options.epochs),
        provenance.of_command(ours, runner.folder),
        options.jobs or runner.written.at_once,
    )


def _refuse_for_runners(request: Request, runners: Sequence[Runner]) -> None:
    """Raises UsageError for options that mean nothing to a command of the user's."""
    options = request.options
    if not runners:
        return
    if request.fields or options.recipe_of:
        where = "--with" if request.fields else "--recipe-of"
        what = f"the runner '{runners[0].name}' has no recipe"
        raise UsageError(what, where=where, remedy="name architectures with --arch")
    if request.scheduler is not None:
        what = f"the runner '{runners[0].name}' trains only on this machine"
        raise UsageError(what, where="--executor", remedy="name architectures with --arch")
    if options.no_test:
        what = f"the runner '{runners[0].name}' always reports the test split"
        raise UsageError(what, where="--no-test", remedy="give --choosing instead")


def _at_once(request: Request, device: torch.device) -> int:
    """How many runs go on at once."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        return request.options.jobs or jobs.seeds_at_once(memory)
    if request.options.tf32:
        what, remedy = "--tf32 applies only to GPUs", "leave it out, or give --device cuda"
        raise UsageError(what, where=f"--device {device}", remedy=remedy)
    return request.n_workers


def _notices(
    request: Request,
    of_the_data: str | None,
    ways: Sequence[str],
    ends_in_softmax: Sequence[str],
) -> list[str]:
    """What a person should know before the training.

    Args:
        request: Of the command.
        of_the_data: Which data set was taken, where another was to be expected.
        ways: How networks are trained that cannot be trained in the fastest way.
        ends_in_softmax: The networks that return probabilities.
    """
    lines = [of_the_data] if of_the_data else []
    lines += ways
    for name in ends_in_softmax:
        lines.append(
            f"'{name}' returns probabilities, and the loss applies the softmax a second time: "
            "return logits or log-probabilities"
        )
    if request.options.no_test and min(request.seeds) < FIRST_SEARCH_SEED:
        lines.append(
            f"give a search (--no-test) seeds from {FIRST_SEARCH_SEED} on: then the runs that "
            "confirm its choice have unseen seeds"
        )
    return lines


def _trained_by_others(plan: Plan, version: str) -> list[str]:
    """A run is not trained again because torch is another one; a person should know it."""
    return [
        f"Notice: {n} of the runs that are there were trained by torch {other}, and here is torch "
        f"{version}; another --suite trains them again"
        for other, n in plan.by_other_torch(version).items()
    ]


def _plan_line(plan: Plan, selected: Selected, scheduler: str | None) -> str:
    if not plan.jobs and not plan.n_present:
        return "plan: no network can be trained"
    if not plan.jobs:
        return f"plan: all {plan.n_present} runs are there, nothing to train"
    architectures = [architecture for _, architecture in selected.matrix.architectures]
    n_ours = sum(isinstance(job, Job) for job in plan.jobs)
    planned = (
        f"plan: {len(plan.jobs)} runs ({plan.n_epochs} epochs) to train, {plan.n_present} there "
        "already"
    )
    if selected.dataset is None or not n_ours:
        return f"{planned}; the time of your own commands is not known"
    if scheduler is not None:
        return f"{planned} on the workers of {scheduler}"
    with prints_to_stderr():
        seconds = jobs.estimate_seconds(plan, architectures, selected.dataset, selected.n_at_once)
    n_at_once = min(selected.n_at_once, n_ours)
    on_gpu = selected.matrix.environment.device.startswith("cuda")
    return (
        f"{planned}; about {rough_duration(seconds)} on {n_at_once} "
        f"{'seeds side by side' if on_gpu else 'worker processes'}"
        f"{', and the time of your own commands' if n_ours < len(plan.jobs) else ''}"
    )


def _render(request: Request) -> bool:
    """Renders the report where one is asked for; whether every section of it could be made."""
    options = request.options
    return not options.reports or render_report(options.results, options.suite, options.reports)


def _renewal(request: Request) -> Callable[[], None]:
    """What is done between two runs: nothing for a command that renders no report."""
    options, reports = request.options, request.options.reports
    if reports is None:
        return lambda: None
    return Renewal(lambda: render(options.results, options.suite, reports))
