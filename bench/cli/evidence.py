"""The commands that use recorded runs: claims, compare, reproduce, plan, export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.application import app
from bench.cli.options import (
    Arch,
    AsJson,
    Builtin,
    DataDir,
    Margin,
    Results,
    SplitName,
    SuiteName,
)
from bench.cli.terminal import (
    EXIT_INTERRUPTED,
    RESULTS,
    complain,
    console,
    errors,
    print_json,
    print_to,
    require_suite_name,
    say,
    say_all,
)
from bench.errors import StoreError, UsageError

if TYPE_CHECKING:
    from bench.evidence.claims.guard import Strict
    from bench.records.store import Suite


@app.command()
def claims(
    suite: Annotated[
        list[str] | None,
        typer.Option(help="A suite of results; repeatable; default: local or the shipped suite."),
    ] = None,
    results: Results = RESULTS,
    file: Annotated[
        list[Path] | None, typer.Option(help="A file of claims; repeatable; default: claims/.")
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="Use the shipped claims too.")] = False,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a claim fails.")] = False,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="With --strict: undecided or not-checkable claims fail too; repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="With --strict: a claim that may fail; repeatable."),
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="With --strict: a file of such ids, one on each line.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List also the statements that hold, and the settings.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look for mistakes in the files of claims.")
    ] = False,
    document: Annotated[
        Path | None, typer.Option(help="With --check: the document that the claims quote.")
    ] = None,
    renumber: Annotated[
        bool, typer.Option("--renumber", help="With --document: write the new lines of its quotes.")
    ] = False,
) -> None:
    """List the published claims that do not hold or are undecided, and count the others."""
    from bench.cli import anew
    from bench.evidence.claims import guard, judging
    from bench.evidence.claims.ledger import as_json as rows_as_json
    from bench.evidence.claims.show import show

    if fail_on and not strict:
        raise UsageError("applies only with --strict", where="--fail-on", remedy="add --strict")
    fails = guard.failing(fail_on or [])
    paths = judging.files(file or [], builtin)
    suites, fall_back = judging.suites(suite or [], results, builtin)
    if check or renumber:
        _renumber(paths, None if builtin else document, renumber)
        _tell_mistakes(paths, suites, builtin, document)
        return
    allowed = [*(allow or []), *(guard.known_ids(known) if known else [])]
    asked = judging.ask(paths, suites, every=bool(file) or builtin or bool(fail_on))
    measured = anew.measured(asked.unmeasured)
    judged = asked.judged(measured)
    for notice in (fall_back, *judged.notices, *judging.edited(paths)):
        if notice:
            complain(f"Notice: {notice}")
    if as_json:
        sys.stdout.buffer.write(rows_as_json(judged.entries))
    else:
        show(judged.entries, console, every)
    for error in measured.failed.values():
        complain(f"{'not measured' if strict else 'Notice: not measured'}: {error}")
    if strict:
        unjudged = {claim.id for claim in judged.left_out}
        found = guard.strict(judged.entries, [id for id in allowed if id not in unjudged], fails)
        _tell_strict(found, failed=bool(measured.failed))


def _tell_mistakes(
    paths: list[Path], suites: list[Suite], builtin: bool, document: Path | None
) -> None:
    """Prints every mistake in the files of claims; exits with 2 if there is a mistake.

    If there is none, the text of the document is stored beside them.
    """
    from bench.cli import anew
    from bench.evidence.claims import checking
    from bench.inputs import datasets

    check = checking.check(paths, suites, datasets.names(), builtin)
    measured = anew.measured(check.unmeasured)
    mistakes = check.mistakes(measured, document)
    for error in measured.failed.values():
        complain(f"Notice: the layers were not checked: {error}")
    for mistake in mistakes:
        complain(f"error: {mistake}")
    if mistakes:
        raise typer.Exit(UsageError.exit_code)
    say(f"no mistakes in {', '.join(str(path) for path in paths)}")
    if document is not None:
        _store(paths, document)


def _renumber(paths: list[Path], document: Path | None, wanted: bool) -> None:
    """Writes the new lines of quotes that moved, and says in which files."""
    from bench.evidence.claims.load import renumber

    if wanted and document is None:
        remedy = "add --document README.md, without --builtin"
        raise UsageError("applies only with --document", where="--renumber", remedy=remedy)
    if wanted and document is not None:
        say_all(renumber(paths, document))


def _store(paths: list[Path], document: Path) -> None:
    """Keeps what the document says beside the claims, for the report; a folder may be read-only."""
    from bench.evidence.claims import stored

    try:
        for line in stored.store(paths, document):
            say(line)
    except StoreError as error:
        complain(f"Notice: the document's text is not stored: {error}")


def _tell_strict(found: Strict, failed: bool) -> None:
    """Prints the claims that fail; exits with 1 if there is such a claim, or a file that failed."""
    for words in found.stale:
        complain(f"Notice: known as refuted, but {words}")
    if found.is_empty:
        complain("Notice: no claim was decided, so this check proves nothing")
    for line in found.lines:
        complain(line)
    if found.new or failed:
        raise typer.Exit(1)


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A suite, or suite/dataset/architecture[/digest].")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The second side, in the same form.")],
    margin: Margin = None,
    split: SplitName = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Compare two suites, architectures or recipes.

    It prints both distributions, a verdict, and what else differs between the two sides. It exits
    with 1 if bits differ.
    """
    from bench.evidence.comparison import outcome, show
    from bench.records.places import parse_place
    from bench.stats.declared import MARGIN_POINTS

    found = outcome.compare(
        outcome.Request(
            first=parse_place(first, results),
            second=parse_place(second, results),
            results=results,
            split=split,
            margin_points=MARGIN_POINTS if margin is None else margin,
        )
    )
    if as_json:
        print_json(found)
    else:
        show.show(found, console)
    raise typer.Exit(found.exit_code)


@app.command()
def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A record's path, suite/dataset/architecture/seed-0003[-key12], or the first "
            "digits of the run's key.",
        ),
    ],
    seeds: Annotated[
        int,
        typer.Option(help="How many recorded seeds to train again, from RUN's seed on."),
    ] = 1,
    builtin: Builtin = False,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or cuda:N; default: as in the record.")
    ] = None,
    results: Results = RESULTS,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Train a recorded run again and compare the two.

    In the record's environment every bit must be equal. Elsewhere the accuracy must fit the
    suite's runs.
    """
    from bench.training.reproduction import recorded

    kept = recorded.find(run, results)
    recorded.require_reproducible(kept)
    family = recorded.family(kept)
    runs = recorded.from_this_seed(kept, family, seeds)
    for each in runs[1:]:
        recorded.require_reproducible(each)
    from bench.machine import prints_to_stderr
    from bench.stats.format import count, rough_duration
    from bench.training.reproduction import outcome, retraining

    shown = errors if as_json else console
    with prints_to_stderr():  # what a network prints is not the answer
        rebuilt = retraining.rebuild(runs, device, builtin, data_dir)
    print_to(shown, outcome.environment_line(kept.record.environment, rebuilt.environment))
    epochs, seconds = kept.record.n_epochs, rough_duration(rebuilt.estimate_seconds())
    others = f" and the next {count(seeds - 1, 'recorded seed')}" if seeds > 1 else ""
    print_to(shown, f"plan: {kept.name}{others}, epochs {epochs}, about {seconds}")
    try:
        retrained = retraining.retrain(rebuilt, shown)
    except KeyboardInterrupt:
        complain("interrupted: nothing is kept; the same command starts again from epoch 1")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    pairs = list(zip((each.record for each in runs), retrained, strict=True))
    found = outcome.compare(kept.name, pairs, family)
    if as_json:
        print_json(found)
    else:
        for line in outcome.lines(found):
            say(line)
    raise typer.Exit(found.exit_code)


@app.command("plan")
def plan_(
    margin: Margin = None,
    rate: Annotated[
        float | None,
        typer.Option(help="The share of runs that must reach the target, such as 0.90."),
    ] = None,
    assume: Annotated[
        float | None, typer.Option(help="The assumed chance that a run reaches the target.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Give the chance that this many runs bring a verdict.")
    ] = None,
    arch: Arch = None,
    suite: Annotated[str, typer.Option("--suite", help="The suite with the pilot runs.")] = "local",
    split: SplitName = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Plan how many seeds a margin or a rate needs.

    For a margin it uses the spread of a pilot's runs. For a rate it needs no runs.
    """
    require_suite_name(suite)
    from bench.evidence.forecast import questions, show
    from bench.stats.declared import CONSISTENT_RATE, MARGIN_POINTS

    with_rate = rate is not None or assume is not None or seeds is not None
    if margin is None and not with_rate:
        margin, with_rate = MARGIN_POINTS, True
    pilot = questions.Pilot(results, suite, tuple(arch or ()), split)
    declared = CONSISTENT_RATE if rate is None else rate
    found = questions.Forecast(
        suite=None if margin is None else suite,
        rate=questions.for_rate(declared, assume, seeds) if with_rate else None,
        margin=None if margin is None else questions.for_margin(margin, pilot),
    )
    if as_json:
        print_json(found)
    else:
        say_all(show.lines(found))


@app.command()
def export(
    kind: Annotated[str, typer.Option("--format", help="csv, json, latex or parquet.")] = "csv",
    suite: SuiteName = "local",
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="The folder for the files.")] = Path("export"),
) -> None:
    """Write the report's tables as files for other programs."""
    require_suite_name(suite)
    from bench.records.places import require_suite
    from bench.report.export import write as stage

    for path in stage.write(require_suite(results, suite), kind, out):
        say(str(path))
