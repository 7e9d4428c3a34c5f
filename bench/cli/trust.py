"""The commands `verify`, `seal` and `merge`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.application import app
from bench.cli.options import AsJson, Builtin, DataDir, Results
from bench.cli.terminal import RESULTS, complain, print_json, require_suite_name, say, say_all

if TYPE_CHECKING:
    from bench.records.store import Suite
    from bench.records.verifying import Fault, Verified

SuiteArgument = Annotated[str, typer.Argument(metavar="[SUITE]", help="The suite.")]


@app.command()
def verify(
    suite: SuiteArgument = "local",
    results: Results = RESULTS,
    deep: Annotated[
        bool, typer.Option("--deep", help="Score the stored weights again, too.")
    ] = False,
    builtin: Builtin = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check every file of a suite: its form, its digests, and its last seal.

    It exits with 1 if something is wrong.
    """
    kept, found = _verified(suite, results)
    skipped = _score_again(kept, found, builtin, data_dir) if deep else []
    if as_json:
        print_json(_as_json(kept, found, skipped))
    else:
        say_all(_lines(kept, found, skipped))
    if found.faults:
        raise typer.Exit(1)


@app.command()
def seal(
    suite: SuiteArgument = "local",
    results: Results = RESULTS,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Accept files that changed or went since the last seal; it names them."
        ),
    ] = False,
) -> None:
    """Write a manifest of the digests of all files of a suite.

    `verify` then finds every later change. A suite with a fault is not sealed.
    """
    from bench.records import seals
    from bench.records.verifying import Fault
    from bench.spec import digest
    from bench.training import provenance

    kept, found = _verified(suite, results)
    changes = found.changes
    accepted = [Fault(*each) for each in changes.wrong if each[0] not in changes.extra]
    left = [each for each in found.faults if not (accept and each in accepted)]
    for fault in left:
        complain(_line(fault))
    if left:
        may = "; --accept seals what changed" if any(each in accepted for each in left) else ""
        complain(f"not sealed: {_counted(left)}{may}")
        raise typer.Exit(1)
    if changes.seal and not (accepted or changes.added or changes.renewed):
        say(f"nothing changed since seal {changes.seal}")
        return
    path = seals.seal(kept, provenance.commit_of_results(kept.folder), changes)
    say(f"seal: {path}, SHA-256 {digest(path.read_bytes())}")


@app.command()
def merge(
    suites: Annotated[
        list[str],
        typer.Argument(metavar="{A} {B} ...", help="Suites, or paths of suites elsewhere."),
    ],
    into: Annotated[str, typer.Option("--into", metavar="<str>", help="The new suite.")],
    results: Results = RESULTS,
    prefer: Annotated[
        str | None,
        typer.Option(
            "--prefer",
            metavar="<str>",
            help="The suite that counts, if a run was made in two environments.",
        ),
    ] = None,
) -> None:
    """Make one suite of several that were made on several machines.

    A run that two suites hold must have the same bits. It exits with 1, and writes nothing, if it
    has not.
    """
    require_suite_name(into, "--into")
    from bench.errors import UsageError
    from bench.records import merging
    from bench.records.places import require_suite
    from bench.records.store import Suite
    from bench.stats.format import count

    if len(set(suites)) < 2:
        remedy = "name two suites or more, each once"
        raise UsageError("nothing to merge", where="merge", remedy=remedy)
    paths = {word: Path(word) if "/" in word else results / word for word in suites}
    found = {word: require_suite(path.parent, path.name) for word, path in paths.items()}
    if prefer is not None and prefer not in found:
        remedy = f"name one of {', '.join(found)}"
        raise UsageError(f"'{prefer}' is not merged", where="--prefer", remedy=remedy)
    prepared = merging.prepare(list(found.values()), found[prefer] if prefer else None)
    for each in prepared.failures:
        ends = f"{each.first}; {each.second}"
        complain(f"other bits: {each.run} in environment {each.fingerprint}: {ends}")
    if prepared.failures:
        complain(f"not merged: {count(len(prepared.failures), 'run')} with other bits")
        raise typer.Exit(1)
    merging.write(prepared, Suite(results, into))
    told = [f"{count(len(prepared.runs), 'run')} of {count(len(found), 'suite')}"]
    told += [f"{prepared.n_same} with the same bits in two of them"] * bool(prepared.n_same)
    told += [f"{prepared.n_preferred} of '{prefer}' before another"] * bool(prepared.n_preferred)
    say(f"merged: {results / into}, {'; '.join(told)}")


def _verified(name: str, results: Path) -> tuple[Suite, Verified]:
    require_suite_name(name, "SUITE")
    from bench.records.places import require_suite
    from bench.records.verifying import verify as verified

    suite = require_suite(results, name)
    return suite, verified(suite)


def _score_again(suite: Suite, found: Verified, builtin: bool, data_dir: Path | None) -> list[str]:
    """Adds the faults of the stored weights; returns a line for each that was not scored."""
    from bench.errors import BenchError
    from bench.inputs.discover import scan_all
    from bench.machine import folder, folder_in_use
    from bench.measuring import observe, rescoring
    from bench.records.store import RESTORE
    from bench.records.verifying import Fault
    from bench.training import provenance
    from bench.training.engine.settings import resolve_device

    here = provenance.environment(resolve_device("cpu"), provenance.command_line())
    places = {folder_in_use("architectures").resolve()}
    places |= {folder("architectures").resolve()} if builtin else set()
    at_hand = {each.name: each for p in sorted(places) if p.is_dir() for each in scan_all(p)}
    loaded = {each.info.name: each for each in observe.datasets_at_hand(suite, data_dir)[0]}
    skipped = []
    for run in found.with_weights:
        path = suite.path_of(run).with_suffix(".safetensors")
        name = path.relative_to(suite.folder).as_posix()
        try:
            with redirect_stdout(sys.stderr):  # what a network prints is not the answer
                problem = rescoring.problem_of(run, path, at_hand, loaded, here)
            found.faults += [Fault(name, problem, RESTORE)] if problem else []
        except rescoring.NotHere as error:
            skipped.append(f"{name}: {error}")
        except BenchError as error:
            found.faults.append(Fault(name, error.what, error.remedy))
    return skipped


def _line(fault: Fault) -> str:
    return f"BAD {fault.file}: {fault.what} -> {fault.remedy}"


def _counted(faults: list[Fault]) -> str:
    from bench.stats.format import count

    return count(len(faults), "fault")


def _lines(suite: Suite, found: Verified, skipped: list[str]) -> list[str]:
    from bench.stats.format import count

    changes = found.changes
    lines = [_line(fault) for fault in found.faults]
    lines += [f"added since seal {changes.seal}: {name}" for name in changes.added]
    lines += [f"renewed with these runs: {name}" for name in changes.renewed]
    lines += [f"not scored: {line}" for line in skipped]
    told = f"{count(len(found.runs), 'sound run')}, {len(found.with_weights)} with weights"
    sealed = f"seal {changes.seal}" if changes.seal else "no seal"
    return [*lines, f"{suite.folder}: {told}; {sealed}; {_counted(found.faults)}"]


def _as_json(suite: Suite, found: Verified, skipped: list[str]) -> dict[str, object]:
    return {
        "suite": suite.name,
        "n_runs": len(found.runs),
        "n_with_weights": len(found.with_weights),
        "faults": found.faults,
        "seal": found.changes.seal or None,
        "added": found.changes.added,
        "renewed": found.changes.renewed,
        "not_scored": skipped,
    }
