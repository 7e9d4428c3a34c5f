"""The commands that measure and render what is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.application import app
from bench.cli.options import Arch, Builtin, DataDir, DeviceName, Group, Reports, Results, SuiteName
from bench.cli.terminal import (
    EXIT_SOME_FAILED,
    REPORTS,
    RESULTS,
    render_report,
    require_suite_name,
    say,
    tell_broken,
)


@app.command()
def measure(
    arch: Arch = None,
    group: Group = None,
    builtin: Builtin = False,
    device: DeviceName = "auto",
    suite: SuiteName = "local",
    results: Results = RESULTS,
    data_dir: DataDir = None,
) -> None:
    """Measure the architectures, time them here, see what their trained runs react to."""
    require_suite_name(suite)
    from bench import observing, provenance, stages
    from bench.engine.settings import resolve_device
    from bench.store import Suite

    real_device = resolve_device(device)
    found = stages.find_architectures(arch or [], group, builtin)
    selection = stages.load_architectures(found, named=bool(arch))
    tell_broken(selection)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    kept = Suite(results, suite)
    for portrait in stages.measure(selection, environment, kept):
        parameters = portrait.measures["parameters"].values.get("n_parameters")
        say(f"{portrait.architecture}: {parameters:,} parameters")
    say(f"measures: {kept.folder / 'portraits'}")
    here = provenance.environment(real_device, provenance.command_line())
    timings, notices = observing.time_all(selection, here, kept)
    for latency in timings:
        seconds = ", ".join(
            f"{timing.batch_size:,} in {1000 * timing.median_seconds:.3g} ms"
            for timing in latency.timings
        )
        say(f"{latency.architecture} on {here.processor}, images and median: {seconds}")
    loaded, missing = observing.datasets_at_hand(kept, data_dir)
    notices += [f"data set '{name}' is not here: its runs were not looked at" for name in missing]
    for dataset in loaded:
        notices += observing.see(selection, dataset, kept)
    for notice in notices:
        say(f"Notice: {notice}")
    if selection.broken:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command()
def report(
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    update: Annotated[
        Path | None, typer.Option(help="A README whose results table is renewed.")
    ] = None,
) -> None:
    """Render the report from the records alone."""
    require_suite_name(suite)
    render_report(results, suite, reports, update)
