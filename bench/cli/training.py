"""The commands that train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.application import app
from bench.cli.options import (
    Arch,
    Builtin,
    DataDir,
    DatasetName,
    DeviceName,
    Epochs,
    Group,
    Jobs,
    RecipeOf,
    Reports,
    Results,
    Seeds,
    SuiteName,
    Tf32,
    With,
)
from bench.cli.terminal import (
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    REPORTS,
    RESULTS,
    complain,
    console,
    render_report,
    require_suite_name,
    say,
    say_all,
    tell_broken,
)
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.datasets import Dataset
    from bench.deciding import Wish
    from bench.plan import Plan
    from bench.spec import Environment
    from bench.stages import Selection
    from bench.store import Suite
    from bench.sweep import Sweep

SEEDS_ON_A_GPU = 8  # at once, by default


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a command asks for; the options of `train` and `all` by their own names."""

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
    evaluate_test: bool = True
    wish: Wish | None = None  # of --until-decided


@app.command("all")
def all_(
    seeds: Seeds = "5",
    arch: Arch = None,
    dataset: DatasetName = "auto",
    group: Group = None,
    builtin: Builtin = False,
    recipe_of: RecipeOf = None,
    with_: With = None,
    epochs: Epochs = None,
    device: DeviceName = "auto",
    jobs: Jobs = None,
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    data_dir: DataDir = None,
) -> None:
    """Measure, train what is missing, render the report."""
    _work(Request(**locals()))


@app.command()
def train(
    seeds: Seeds = "5",
    arch: Arch = None,
    dataset: DatasetName = "auto",
    group: Group = None,
    builtin: Builtin = False,
    recipe_of: RecipeOf = None,
    with_: With = None,
    epochs: Epochs = None,
    device: DeviceName = "auto",
    jobs: Jobs = None,
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    data_dir: DataDir = None,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="Never look at the test split; searches, seeds from 1000."),
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="Add seeds until the rate is confirmed or refuted."),
    ] = False,
    cap: Annotated[
        int | None, typer.Option(help="With --until-decided: seeds at most, usually 200.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="With --until-decided: the declared rate, usually 0.90.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="With --until-decided: percent, usually 99.40.")
    ] = None,
) -> None:
    """Measure, and train the runs that the suite lacks."""
    given = {name: value for name, value in locals().items() if name not in OF_TRAIN_ALONE}
    wish = _wish(until_decided, no_test, rate=rate, target=target, cap=cap)
    _work(Request(**given, evaluate_test=not no_test, wish=wish))


FIRST_OF_SEARCHES = 1000  # of two runs with one seed, a search's chose what the sweep's confirms
OF_TRAIN_ALONE = ("no_test", "until_decided", "cap", "rate", "target")


def _wish(until_decided: bool, no_test: bool, **bounds: Any) -> Wish | None:
    """What --until-decided declares, None without it."""
    from bench.deciding import Wish

    wish = Wish(**bounds)
    if not until_decided and wish != Wish():
        what, remedy = "--cap, --rate and --target are of --until-decided", "give it as well"
        raise UsageError(what, where="train", remedy=remedy)
    if until_decided and no_test:
        what, remedy = "--no-test leaves nothing to decide by", "give one of the two"
        raise UsageError(what, where="--until-decided", remedy=remedy)
    return wish if until_decided else None


@dataclass(frozen=True)
class Work:
    """All that a request needs, found and checked; nothing is trained yet."""

    sweep: Sweep
    selection: Selection
    dataset: Dataset
    environment: Environment
    kept: Suite
    n_at_once: int
    how: str  # what runs that go on at once are called


def _work(request: Request) -> None:
    """Measures, trains what is missing and renders where that is asked for."""
    work = _prepared(request)  # before torch is imported
    from bench import observing, stages
    from bench.sweep import Telling

    say_all(work.sweep.declare())
    plan = work.sweep.first_plan()
    say(f"{work.environment.device}: {work.environment.processor}, torch {work.environment.torch}")
    stages.measure(work.selection, work.environment, work.kept)
    _tell_plan(plan, work)

    def render() -> None:
        if request.reports:
            render_report(request.results, request.suite, request.reports)

    try:
        wrong = work.sweep.train(plan, work.dataset, Telling(console, say, render))
    except KeyboardInterrupt:
        complain("interrupted: finished runs are kept; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    say_all(work.sweep.state_lines())
    say(f"records: {work.kept.folder}")
    for reason in observing.see(work.selection, work.dataset, work.kept):
        say(f"Notice: {reason}")
    render()
    if wrong or plan.failed_before or work.selection.broken:
        for path in plan.failed_before:
            complain(f"failed earlier: {path} (move the record away to try again)")
        raise typer.Exit(EXIT_SOME_FAILED)


def _prepared(request: Request) -> Work:
    """What can be refused without torch is refused before it is imported."""
    from bench import deciding
    from bench.plan import Matrix, parse_seeds, require_epochs
    from bench.recipes import Changes, parsed
    from bench.store import Suite, require_writable

    require_epochs(request.epochs)
    fields, seeds = parsed(request.with_ or []), parse_seeds(request.seeds)
    n_workers = _workers(request.jobs)
    require_suite_name(request.suite)
    kept = Suite(request.results, request.suite)
    protocol = deciding.declaration(kept, request.wish, seeds)
    from bench import provenance, stages
    from bench.engine.settings import resolve_device
    from bench.sweep import Sweep

    found = stages.find_architectures(request.arch or [], request.group, request.builtin)
    other = request.recipe_of
    recipe = stages.recipe_of(other, request.builtin) if other else None
    device = resolve_device(request.device)
    n_at_once, how = _at_once(request.jobs, n_workers, device.type, request.tf32)
    dataset, notice = stages.load_dataset(request.dataset, request.data_dir)
    selection = stages.load_architectures(found, named=bool(request.arch))
    changes = Changes(recipe, fields, request.epochs)
    for _, architecture in selection.usable:  # a bad value is refused before anything is written
        changes.applied(architecture.recipe)
    require_writable([kept.folder, *([request.reports] if request.reports else [])])
    environment = provenance.environment(device, provenance.command_line())
    paths, reasons = stages.engine_paths(selection, device)
    _tell_notices(notice, selection, reasons)
    if not request.evaluate_test and min(seeds) < FIRST_OF_SEARCHES:
        say(f"Notice: a search takes seeds from {FIRST_OF_SEARCHES}: a sweep's should be unseen")
    matrix = Matrix(
        architectures=selection.usable,
        seeds=seeds,
        dataset=dataset.info,
        environment=environment,
        data_dir=request.data_dir,
        changes=changes,
        evaluate_test=request.evaluate_test,
        tf32=request.tf32,
        paths=paths,
    )
    sweep = Sweep(matrix, request.results, request.suite, n_at_once, protocol)
    return Work(sweep, selection, dataset, environment, kept, n_at_once, how)


def _workers(jobs: int | None) -> int:
    if jobs is None:
        from bench.cores import usable_cores

        return usable_cores()
    if jobs < 1:
        raise UsageError(f"bad jobs '{jobs}'", where="--jobs", remedy="give 1 or more")
    return jobs


def _at_once(jobs: int | None, n_workers: int, device_type: str, tf32: bool) -> tuple[int, str]:
    """How many runs go on at once, and what they are called."""
    if device_type == "cuda":
        return jobs or SEEDS_ON_A_GPU, "seeds side by side"
    if tf32:
        raise UsageError("--tf32 is of GPUs", where="--device", remedy="leave it out here")
    return n_workers, "worker processes"


def _tell_notices(notice: str | None, selection: Selection, reasons: dict[str, str]) -> None:
    """What a person should know before the work begins: data, broken files, slow paths."""
    if notice:
        say(f"Notice: {notice}")
    tell_broken(selection)
    for name, reason in reasons.items():
        say(f"Notice: '{name}' trains as it is written, which is slower: {reason}")


def _tell_plan(plan: Plan, work: Work) -> None:
    from bench import stages
    from bench.progress import duration

    if not plan.jobs:
        say(f"plan: all {plan.n_present} runs are there, nothing to train")
        return
    architectures = [architecture for _, architecture in work.selection.usable]
    seconds = stages.estimate_seconds(plan, architectures, work.dataset, work.n_at_once)
    n_at_once = min(work.n_at_once, len(plan.jobs))
    say(
        f"plan: {len(plan.jobs)} runs ({plan.n_epochs} epochs) to train, {plan.n_present} there "
        f"already; about {duration(seconds)} on {n_at_once} {work.how}"
    )
