"""The commands `measure` and `report`."""

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
    print_comment,
    print_fragments,
    render_report,
    require_suite_name,
    say,
    tell_broken,
)
from bench.errors import UsageError, nearest

FORMATS = ("html", "md", "github")
ANSWER = ("answer",)  # the one section that a comment is made of


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
    """Measure architectures, and their speed on this machine.

    Runs with kept weights also get their effective receptive fields.
    """
    require_suite_name(suite)
    from bench.machine import prints_to_stderr
    from bench.measuring import observe, portraits
    from bench.records.store import Suite
    from bench.stats.format import integer, measured_value, milliseconds
    from bench.training import provenance
    from bench.training.engine.settings import resolve_device
    from bench.training.selection import find_architectures, load_architectures

    real_device = resolve_device(device)
    found = find_architectures(arch or [], group, builtin)
    with prints_to_stderr():  # what a network prints is not the answer
        selection = load_architectures(found, named=bool(arch))
    tell_broken(selection)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    kept = Suite(results, suite)
    with prints_to_stderr():
        measured = portraits.measure(selection, environment, kept)
    for portrait in measured:
        parameters = portrait.measures["parameters"].values.get("n_parameters")
        say(f"{portrait.architecture}: {measured_value(parameters)} parameters")
    say(f"measures: {kept.folder / 'portraits'}")
    here = provenance.environment(real_device, provenance.command_line())
    with prints_to_stderr():
        timings, notices = observe.time_all(selection, here, kept)
    for latency in timings:
        seconds = ", ".join(
            f"{integer(timing.batch_size)} in {milliseconds(timing.median_seconds)} ms"
            for timing in latency.timings
        )
        say(f"{latency.architecture} on {here.processor}, images and median: {seconds}")
    loaded, missing = observe.datasets_at_hand(kept, data_dir)
    notices += [f"data set '{name}' is not here: its runs were not measured" for name in missing]
    with prints_to_stderr():
        notices += [each for d in loaded for each in observe.see(selection, d, kept)]
    for notice in notices:
        say(f"Notice: {notice}")
    if selection.broken:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command()
def report(
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Only the architectures of this sub-folder, or top; repeatable."),
    ] = None,
    update: Annotated[
        Path | None, typer.Option(help="A README: renew the text between its markers.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Print a section, such as results or results:all; repeatable. With --update: "
            "renew only this section.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="html: the whole report; md: a section; github: the answer as a comment.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="With --format github: say what changed since this suite."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --only: write to this file.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Render again after each new record, until Ctrl-C.")
    ] = False,
) -> None:
    """Render the report from the records, or print a section of it."""
    from bench.records.places import require_suite

    require_suite_name(suite)
    groups, names = tuple(group or ()), tuple(only or ())
    _require_usable(kind, names, update, out)
    _require_comment(kind, names, update, suite, against)
    require_suite(results, suite)
    if watch:
        _watch(results, suite, reports, groups, are_pages=not names and update is None)
    elif kind == "github":
        print_comment(results, suite, reports, groups, against, out)
    elif names and update is None:
        print_fragments(results, suite, reports, groups, names, out)
    elif not render_report(results, suite, reports, groups, update, names):
        raise typer.Exit(EXIT_SOME_FAILED)


def _require_usable(
    kind: str | None, names: tuple[str, ...], update: Path | None, out: Path | None
) -> None:
    """Raises UsageError for options that do not go together, before anything is rendered."""
    if kind not in (None, *FORMATS):
        raise UsageError(
            f"unknown format '{kind}'", where="--format", remedy=nearest(str(kind), list(FORMATS))
        )
    if kind == "md" and not names:
        remedy = "name a section with --only; report.md in the report holds all sections"
        raise UsageError("no section named", where="--format md", remedy=remedy)
    if kind == "html" and names:
        raise UsageError(
            "the HTML pages hold every section", where="--only", remedy="give --format md"
        )
    if out is not None and (not names or update is not None):
        remedy = "name a section with --only, without --update"
        raise UsageError(
            "without --only there is no section to write", where="--out", remedy=remedy
        )


def _require_comment(
    kind: str | None, names: tuple[str, ...], update: Path | None, suite: str, against: str | None
) -> None:
    """Raises UsageError for options of a comment that do not go together."""
    if kind == "github" and (names != ANSWER or update is not None):
        what, remedy = "a comment holds only the answer", "give --only answer, without --update"
        raise UsageError(what, where="--format github", remedy=remedy)
    if against is None:
        return
    if kind != "github":
        what, remedy = "applies only to a comment", "add --only answer --format github"
        raise UsageError(what, where="--against", remedy=remedy)
    require_suite_name(against, "--against")
    if against == suite:
        what = f"'{suite}' is already the suite of this report"
        remedy = "name the suite from before the change"
        raise UsageError(what, where="--against", remedy=remedy)


def _watch(
    results: Path, suite: str, reports: Path, groups: tuple[str, ...], *, are_pages: bool
) -> None:
    from bench.cli import renewing
    from bench.records.store import Suite

    if not are_pages:
        what, remedy = "--watch applies only to the HTML pages", "leave out --only and --update"
        raise UsageError(what, where="--watch", remedy=remedy)
    renewing.watch(Suite(results, suite), lambda: render_report(results, suite, reports, groups))
