"""The commands that train."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bench.cli.application import app
from bench.cli.options import (
    Arch,
    Builtin,
    DataDir,
    DatasetName,
    DeviceName,
    Epochs,
    Executor,
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
from bench.cli.terminal import REPORTS, RESULTS


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
    executor: Executor = "local",
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    data_dir: DataDir = None,
) -> None:
    """Measure, train what is missing, render the report."""
    _start(**locals())


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
    executor: Executor = "local",
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    data_dir: DataDir = None,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="For a search: never look at the test split."),
    ] = False,
    choosing: Annotated[
        bool,
        typer.Option(
            "--choosing", help="These runs help to choose a network. They never judge one."
        ),
    ] = False,
    attempt: Annotated[
        bool,
        typer.Option(
            "--attempt",
            help="Count the run's network as an attempt at the target. "
            "Verdicts are corrected for the number of attempts.",
        ),
    ] = False,
    declare_only: Annotated[
        bool, typer.Option("--declare-only", help="Declare the seeds, and train nothing yet.")
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="Add seeds until the rate is confirmed or refuted."),
    ] = False,
    cap: Annotated[
        int | None,
        typer.Option(help="With --until-decided: the largest number of seeds, usually 200."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="The share of runs that must reach the target, such as 0.90."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="The target: a test accuracy in percent; default: the target in claims/."
        ),
    ] = None,
) -> None:
    """Measure, and train the runs that the suite lacks."""
    _start(**locals())


def _start(**options: Any) -> None:
    """Refuses a bad request first, as far as that goes without torch, whose import takes long."""
    from bench.cli.request import Options, parse

    request = parse(Options(**options))
    from bench.cli.work import work

    work(request)
