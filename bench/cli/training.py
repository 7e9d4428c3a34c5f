"""The commands that train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from bench.deciding import Wish
    from bench.plan import Plan
    from bench.stages import Selection

SEEDS_ON_A_GPU = 8  # at once, by default


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
    _train_and_report(**locals())


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
    from bench.deciding import Wish

    wish = Wish(rate=rate, target=target, cap=cap)
    if not until_decided and wish != Wish():
        what, remedy = "--cap, --rate and --target are of --until-decided", "give it as well"
        raise UsageError(what, where="train", remedy=remedy)
    if until_decided and no_test:
        what, remedy = "--no-test leaves nothing to decide by", "give one of the two"
        raise UsageError(what, where="--until-decided", remedy=remedy)
    _train_and_report(
        seeds=seeds,
        arch=arch,
        dataset=dataset,
        group=group,
        builtin=builtin,
        recipe_of=recipe_of,
        with_=with_,
        epochs=epochs,
        device=device,
        jobs=jobs,
        tf32=tf32,
        suite=suite,
        results=results,
        reports=None,
        data_dir=data_dir,
        evaluate_test=not no_test,
        wish=wish if until_decided else None,
    )


def _train_and_report(
    seeds: str,
    arch: list[str] | None,
    dataset: str,
    group: str | None,
    builtin: bool,
    recipe_of: str | None,
    with_: list[str] | None,
    epochs: int | None,
    device: str,
    jobs: int | None,
    tf32: bool,
    suite: str,
    results: Path,
    reports: Path | None,
    data_dir: Path | None,
    evaluate_test: bool = True,
    wish: Wish | None = None,
) -> None:
    from bench import deciding
    from bench.plan import Matrix, parse_seeds, require_epochs  # light, before torch
    from bench.recipes import Changes, parsed
    from bench.store import Suite, require_writable

    require_epochs(epochs)
    fields = parsed(with_ or [])
    seed_list, n_workers = parse_seeds(seeds), _workers(jobs)
    require_suite_name(suite)
    kept = Suite(results, suite)
    protocol = deciding.declaration(kept, wish, seed_list)
    from bench import observing, provenance, stages
    from bench.engine.settings import resolve_device
    from bench.sweep import Sweep, Telling

    found = stages.find_architectures(arch or [], group, builtin)
    recipe = stages.recipe_of(recipe_of, builtin) if recipe_of else None
    real_device = resolve_device(device)
    n_workers, how = _at_once(jobs, n_workers, real_device.type, tf32)
    loaded, notice = stages.load_dataset(dataset, data_dir)
    selection = stages.load_architectures(found, named=bool(arch))
    require_writable([results / suite, *([reports] if reports else [])])
    environment = provenance.environment(real_device, provenance.command_line())
    paths, reasons = stages.engine_paths(selection, real_device)
    _tell_notices(notice, selection, reasons)
    matrix = Matrix(
        architectures=selection.usable,
        seeds=seed_list,
        dataset=loaded.info,
        environment=environment,
        data_dir=data_dir,
        changes=Changes(recipe, fields, epochs),
        evaluate_test=evaluate_test,
        tf32=tf32,
        paths=paths,
    )
    work = Sweep(matrix, results, suite, n_workers, protocol)
    say_all(work.declare())
    plan = work.first_plan()
    say(f"{environment.device}: {environment.processor}, torch {environment.torch}")
    stages.measure(selection, environment, kept)
    architectures = [architecture for _, architecture in selection.usable]
    seconds = stages.estimate_seconds(plan, architectures, loaded, n_workers)
    _tell_plan(plan, seconds, f"{min(n_workers, len(plan.jobs))} {how}")

    def render() -> None:
        if reports:
            render_report(results, suite, reports)

    try:
        wrong = work.train(plan, loaded, Telling(console, say, render))
    except KeyboardInterrupt:
        complain("interrupted: finished runs are kept; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    say_all(work.state_lines())
    say(f"records: {kept.folder}")
    for reason in observing.see(selection, loaded, kept):
        say(f"Notice: {reason}")
    render()
    if wrong or plan.failed_before or selection.broken:
        for path in plan.failed_before:
            complain(f"failed earlier: {path} (move the record away to try again)")
        raise typer.Exit(EXIT_SOME_FAILED)


def _workers(jobs: int | None) -> int:
    if jobs is None:
        from bench.executors import usable_cores

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


def _tell_plan(plan: Plan, seconds: float, how: str) -> None:
    from bench.progress import duration

    if not plan.jobs:
        say(f"plan: all {plan.n_present} runs are there, nothing to train")
        return
    say(
        f"plan: {len(plan.jobs)} runs ({plan.n_epochs} epochs) to train, {plan.n_present} there "
        f"already; about {duration(seconds)} on {how}"
    )
