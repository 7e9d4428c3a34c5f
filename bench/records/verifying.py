"""All that is wrong with a suite: damaged files, and changes since it was sealed. No torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.errors import SetAside, StoreError
from bench.machine import read_plain
from bench.records import seals
from bench.records.seals import Changes
from bench.records.store import MOST_BYTES, OUTPUT, REMEDY, Suite
from bench.spec import Frozen, RunRecord, digest


class Fault(Frozen, frozen=True):
    """One thing that is wrong."""

    file: str  # below the suite's folder
    what: str
    remedy: str


@dataclass
class Verified:
    """What was found in a suite."""

    runs: list[RunRecord]  # the sound ones
    with_weights: list[RunRecord] = field(default_factory=list)  # of these, those that have them
    faults: list[Fault] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)  # since the last seal


def verify(suite: Suite) -> Verified:
    """Reads every file of the suite and holds it to its digests and to the last seal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SetAside)  # all of them are faults below
        runs = suite.kept(suite.run_paths(), suite.run_at)
        suite.portraits()
        suite.findings()
    found = Verified(runs)
    errors = list(suite.set_aside.values())
    errors += _error_of(suite.protocol) or _error_of(lambda: suite.declared(runs))
    for run in runs:
        try:
            found.with_weights += [run] if suite.weights(run) is not None else []
            _require_output(suite, run)
        except StoreError as error:
            errors.append(error)
    try:
        found.changes = seals.changes(suite)
    except StoreError as error:
        errors.append(error)
    found.faults = [fault_of(error, suite) for error in errors]
    damaged = {fault.file for fault in found.faults}
    found.faults += [Fault(*each) for each in found.changes.wrong if each[0] not in damaged]
    return found


def fault_of(error: StoreError, suite: Suite) -> Fault:
    """The error as a fault of the suite."""
    name = error.where.removeprefix(f"{suite.folder}/")
    return Fault(name, error.what, error.remedy)


def _error_of(check: Callable[[], object]) -> list[StoreError]:
    try:
        check()
    except StoreError as error:
        return [error]
    return []


def _require_output(suite: Suite, run: RunRecord) -> None:
    """Raises StoreError where what a command printed is not what its figures were read from."""
    path = suite.path_of(run).with_suffix(OUTPUT)
    if run.source is None or run.source.file != path.name:
        return
    try:
        sound = digest(read_plain(path, MOST_BYTES)) == run.source.sha256
    except FileNotFoundError:
        return
    except OSError as error:
        what = f"cannot read the output: {error.strerror}"
        raise StoreError(what, where=str(path), remedy=REMEDY) from error
    if not sound:
        what = "output that is not the record's: its digest is another one"
        raise StoreError(what, where=str(path), remedy=REMEDY)
