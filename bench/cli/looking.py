"""The commands that show something and train nothing, and the command `new`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.application import app
from bench.cli.options import AsJson, Builtin, DataDir, Group, Reports, Results
from bench.cli.terminal import REPORTS, RESULTS, console, say, tell_broken
from bench.errors import UsageError


@app.command("list")
def list_(group: Group = None, builtin: Builtin = False) -> None:
    """List the architectures, runners, data sets and measures."""
    from bench.inputs import datasets, discover, runners
    from bench.machine import folder, folder_in_use
    from bench.measuring import measures

    place = folder_in_use("architectures")
    found = discover.scan(place, group) if group else discover.scan_all(place)
    if builtin and folder("architectures").resolve() != place.resolve():
        found += discover.scan_all(folder("architectures"))
    for each in found:
        label = f"{each.group}/{each.name}" if each.group else each.name
        say(f"architecture {label}: {discover.headline(each)}")
    for path in runners.scan_in_use():
        say(f"runner {path.stem}: {path}")
    for name in datasets.names():
        say(f"data set {name}")
    for name in measures.names():
        say(f"measure {name}")


@app.command()
def inspect(
    architecture: Annotated[str, typer.Argument(help="The architecture's name.")],
    builtin: Builtin = False,
    as_json: AsJson = False,
) -> None:
    """Show one architecture: components, layers and measures."""
    from bench.cli import inspection
    from bench.machine import prints_to_stderr
    from bench.measuring import portraits
    from bench.training import provenance
    from bench.training.engine.settings import resolve_device
    from bench.training.selection import find_architectures, load_architectures

    found = find_architectures([architecture], None, builtin)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    with prints_to_stderr():  # what a network prints is not the answer
        selection = load_architectures(found, named=True)
        portrait = portraits.portrait(selection.usable[0][1], environment)
    tell_broken(selection)
    if as_json:
        sys.stdout.buffer.write(inspection.as_json(portrait))
    else:
        inspection.show(portrait, console)


@app.command()
def new(
    name: Annotated[
        str | None,
        typer.Argument(help="Lower case letters, digits and _; the document's with --from."),
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option("--from", help="A README: draft its claims in claims/NAME.toml."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="With --from: the data set of its accuracies.")
    ] = None,
) -> None:
    """Make a commented starter file, architectures/NAME.py.

    With --from, draft a README's claims. A starter file is made only without other networks.
    """
    from bench.evidence.drafts.heading import DataSets
    from bench.evidence.drafts.writing import name_of, write
    from bench.inputs import datasets, discover, runners
    from bench.inputs.starter import create
    from bench.machine import folder
    from bench.stats.format import count

    if dataset is not None and document is None:
        raise UsageError(
            "applies only with --from", where="--dataset", remedy="add --from README.md"
        )
    if name is None and document is None:
        raise UsageError("no name", where="new", remedy="give a NAME, or --from README.md")
    name = name if name is not None else name_of(document or Path())
    architectures = Path("architectures")
    wanted = True
    if document is not None:
        at_hand = discover.scan_all(architectures) if architectures.is_dir() else []
        known = {found.name: discover.display_name(found) for found in at_hand}
        data = DataSets({*datasets.names(), *runners.data_sets()}, dataset or "")
        path, draft = write(document, name, known, data, Path("claims"))
        absent = f", {draft.n_absent} more are commented out" if draft.n_absent else ""
        rest = count(draft.n_remaining, "number")
        listed = f"; at its end it lists {rest} without a proposal" if draft.n_remaining else ""
        check = f"python -m bench claims --check --file {path} --document {document}"
        say(
            f"made {path}: {count(draft.n_claims, 'claim')} to check{absent}{listed}; then: {check}"
        )
        runs_a_command = (Path("runners") / f"{name}.toml").exists()
        wanted = name in draft.subjects and name not in known and not runs_a_command
    if wanted:
        path = create(name, architectures, folder("templates"))
        say(f"made {path}; look at it: python -m bench inspect {name}")


@app.command()
def example(
    name: Annotated[str, typer.Argument(help="course, shapes or own_script.")],
) -> None:
    """Copy an example into a new folder NAME: a document, its claims and what it trains."""
    from bench.inputs.starter import copy_example
    from bench.machine import folder

    path = copy_example(name, folder("examples"))
    say(f"made {path}; the commands stand at the end of {path / 'README.md'}: cd {path}")


@app.command()
def doctor(
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    data_dir: DataDir = None,
    with_records: Annotated[
        bool, typer.Option("--records", help="Check every file of every suite, too.")
    ] = False,
) -> None:
    """Check this machine, and name a remedy for each fault."""
    from bench.cli.doctor import checks, records

    failed = False
    found = checks(results=results, reports=reports, data_dir=data_dir)
    for check in found + (records(results) if with_records else []):
        mark = {True: "ok ", False: "BAD", None: "-  "}[check.ok]
        remedy = f"  -> {check.remedy}" if check.remedy and check.ok is not True else ""
        say(f"{mark} {check.name}: {check.value}{remedy}")
        failed |= check.ok is False
    if failed:
        raise typer.Exit(1)
