"""Rows of a file of results -> records of imported runs, all of them or none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from bench.errors import UsageError, page
from bench.inputs.figures import FIGURES, NAMES, BadFigures, Figures, require_exact, unit_of, whole
from bench.inputs.imported.exports import read_folder
from bench.inputs.imported.mapping import Mapping
from bench.inputs.imported.tables import READERS, Row, bad, is_missing
from bench.machine import MOST_STATE_BYTES, read_plain
from bench.records.foreign import NOWHERE, dataset_info, record_of
from bench.records.store import Suite
from bench.spec import (
    NAME,
    DatasetInfo,
    Epoch,
    Foreign,
    ForeignSpec,
    RunRecord,
    Source,
    Status,
    canonical_json,
    digest,
)

# What programs call the end of a run.
STATUSES: dict[str, Status] = {
    **dict.fromkeys(("completed", "finished", "complete", "done", "success"), "completed"),
    **dict.fromkeys(("failed", "crashed", "killed", "error"), "failed"),
    "diverged": "diverged",
}
UNFINISHED = ("running", "scheduled", "pending", "queued")


@dataclass(frozen=True)
class Key:
    """What a row says of its run."""

    network: str  # as in the file
    seed: int
    settings: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"network '{self.network}', seed {self.seed}"


@dataclass
class Gathered:
    """A run of the file, row by row."""

    figures: Figures
    status: Status | None = None


def read(path: Path, mapping: Mapping) -> list[RunRecord]:
    """The records of a file, or of a tracker's folder, sorted by network and seed.

    Raises:
        UsageError: it cannot be read, or contradicts itself; nothing of it is then of use.
    """
    rows = _rows(path)
    info = dataset_info(mapping.dataset, mapping.n_test, mapping.n_validation, mapping.n_train)
    runs: dict[Key, Gathered] = {}
    for row in rows:
        _add(path, row, mapping, info, runs)
    if not runs:
        remedy = f"name its columns as in {page('import')}, or give a mapping of them"
        raise bad(path, "no row holds a figure of the test split", remedy)
    _name_units(path, mapping, runs)
    names = _names(path, runs)
    source = Source(file=path.name, sha256=_digest(path))
    records = [_record(path, key, each, names, info, source) for key, each in runs.items()]
    return sorted(records, key=lambda run: (run.architecture, run.seed, run.key))


def keep(records: list[RunRecord], suite: Suite) -> int:
    """Writes the records; returns how many were there already.

    Raises:
        UsageError: the suite holds other runs than imported ones, or other figures of a run.
        StoreError: the suite cannot be read or written.
    """
    known = {run.key: run for run in suite.runs()}
    ours = next((run for run in known.values() if not is_imported(run)), None)
    if ours is not None or suite.protocol() is not None:
        what = (
            "the suite holds runs that were trained here: imported runs are never mixed with them"
        )
        raise UsageError(what, where=str(suite.folder), remedy="give another --as")
    for record in records:
        other = known.get(record.key)
        if other and (other.status, other.epochs) != (record.status, record.epochs):
            raise UsageError(
                f"seed {record.seed} of '{record.architecture}' was imported with other figures, "
                f"from {other.source.file if other.source else 'another file'}",
                where=str(suite.path_of(other)),
                remedy="give another --as, or move that record away",
            )
    for record in records:
        suite.add_run(record, None)
    return sum(record.key in known for record in records)


def is_imported(run: RunRecord) -> bool:
    """Whether the run was made elsewhere and its figures were read from a file."""
    return run.foreign is not None and run.foreign.origin == "import"


def ends(records: Iterable[RunRecord]) -> dict[str, tuple[int, int]]:
    """Network -> its runs' earliest and latest last epoch, where they differ."""
    found: dict[str, list[int]] = {}
    for run in records:
        if run.completed:
            found.setdefault(run.architecture, []).append(len(run.epochs))
    return {name: (min(n), max(n)) for name, n in found.items() if min(n) != max(n)}


def _rows(path: Path) -> list[Row]:
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise bad(path, "there is no such file", "give a file or a folder of results")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        remedy = f"give one of {', '.join(READERS)}, or a tracker's folder"
        raise bad(path, f"files of kind '{path.suffix}' cannot be read", remedy)
    return reader(path)


def _add(
    path: Path, row: Row, mapping: Mapping, info: DatasetInfo, runs: dict[Key, Gathered]
) -> None:
    """Adds a row to its run; a row without a figure, such as one of a batch's loss, is none."""
    cells = _cells(path, row, mapping)
    status = cells.pop("status", None)
    figures = {name: value for name, value in cells.items() if name in NAMES and name != "epoch"}
    if not status and not any(name in FIGURES for name in figures):
        return
    try:
        key = _key(row, cells, mapping)
        run = runs.setdefault(key, Gathered(Figures(info, None, mapping.first_epoch)))
        if status is not None:
            said = _status(str(status).strip())
            if run.status not in (None, said):
                raise BadFigures(f"the run is '{said}' here, and '{run.status}' before")
            run.status = said
        if any(name in FIGURES for name in figures):
            run.figures.add(_epoch(cells, mapping), figures)
    except BadFigures as error:
        remedy = f"mend the file; {page('import')} says how it is read"
        told = {name: str(cells[name])[:60] for name in ("network", "seed") if name in cells}
        known = f", network '{told['network']}'" if "network" in told else ""
        seed = f", seed {told['seed']}" if "seed" in told else ""
        raise bad(path, f"{row.where}{known}{seed}: {error}", remedy) from error


def _cells(path: Path, row: Row, mapping: Mapping) -> dict[str, Any]:
    """The row's cells that mean something, by our names of the columns."""
    cells: dict[str, Any] = {}
    for name, value in row.cells.items():
        ours = mapping.column(name)
        if ours is None or is_missing(value):
            continue
        if ours in cells:
            remedy = f"say which one in a mapping: columns = {{{ours} = '{name}'}}"
            raise bad(path, f"{row.where} has two columns of {ours}", remedy)
        cells[ours] = value
    return cells


def _key(row: Row, cells: dict[str, Any], mapping: Mapping) -> Key:
    """Network and seed: the row's own, else out of its run's name, else the mapping's."""
    named: dict[str, Any] = {}
    if mapping.run is not None:
        name = str(cells.get("run", ""))
        match = re.search(mapping.run, name)
        if match is None:
            raise BadFigures(f"the pattern '{mapping.run}' is not in the run's name '{name}'")
        named = match.groupdict()
    network = cells.get("network", named.get("network", mapping.network))
    seed = cells.get("seed", named.get("seed", mapping.seed))
    if network is None:
        raise BadFigures("there is no column of networks: write network = 'NAME' into a mapping")
    if seed is None:
        raise BadFigures("there is no column of seeds: name it in a mapping")
    settings = tuple((name, _text(name, row.cells.get(name, ""))) for name in mapping.settings)
    return Key(_text("network", network), whole("seed", seed), settings)


def _text(name: str, value: object) -> str:
    """A name or a setting, as it is kept."""
    if not isinstance(value, str | int | float | Decimal | None):
        raise BadFigures(f"{name} {shortened(value)} is no text")
    text = str(value).strip()
    if text != text.encode("utf-8", "replace").decode("utf-8"):  # half a surrogate pair
        raise BadFigures(f"{name} {shortened(value)} cannot be written as UTF-8")
    return text


def _status(word: str) -> Status:
    if word.lower() in UNFINISHED:
        raise BadFigures(f"the run is not finished ({word}): export it when it is")
    found = STATUSES.get(word.lower())
    if found is None:
        raise BadFigures(f"status '{word}' is not completed, diverged or failed")
    return found


def _epoch(cells: dict[str, Any], mapping: Mapping) -> object:
    if "epoch" in cells:
        return cells["epoch"]
    if mapping.epoch is None:
        raise BadFigures("there is no column of epochs: write epoch = 15 into a mapping")
    return mapping.epoch + mapping.first_epoch - 1


def _name_units(path: Path, mapping: Mapping, runs: dict[Key, Gathered]) -> None:
    """Accuracies of one file have one unit, and all their digits.

    Each run is judged by itself later: among exact runs, here a rounded one does not show.
    """
    values = [value for run in runs.values() for value in run.figures.accuracies()]
    try:
        unit = mapping.accuracy or unit_of(values)
    except BadFigures as error:
        raise bad(path, str(error), "write it into a mapping, or mend the file") from error
    for run in runs.values():
        run.figures.unit = unit
    try:
        require_exact([run.figures for run in runs.values()], unit)
    except BadFigures as error:
        raise bad(path, str(error), "export them again") from error


def _names(path: Path, runs: Iterable[Key]) -> dict[str, str]:
    """A network as in the file -> its name here."""
    names: dict[str, str] = {}
    for key in runs:
        name = re.sub(r"[^a-z0-9]+", "_", key.network.lower()).strip("_")
        if not re.fullmatch(NAME, name):
            remedy = "begin it with a letter; a name has at most 100 letters, digits and _"
            raise bad(path, f"network {shortened(key.network)} makes no name", remedy)
        other = next((known for known, its in names.items() if its == name), key.network)
        if other != key.network:
            what = f"networks '{other}' and '{key.network}' would both be named '{name}'"
            raise bad(path, what, "rename one of them")
        names[key.network] = name
    return names


def _record(
    path: Path, key: Key, run: Gathered, names: dict[str, str], info: DatasetInfo, source: Source
) -> RunRecord:
    try:
        epochs = run.figures.epochs()
    except BadFigures as error:
        raise bad(path, f"{key}: {error}", "mend the file, or write a mapping") from error
    diverged = run.figures.has_diverged
    status = run.status or ("diverged" if diverged else "completed")
    reason = None if status == "completed" else diverged or f"its file says '{status}'"
    if status == "completed":
        _require_end(path, key, epochs)
    name = names[key.network]
    as_written = {} if key.network == name else {"network": key.network}
    foreign = Foreign(origin="import", settings=as_written | dict(key.settings))
    spec = ForeignSpec(
        architecture=name,
        architecture_digest=digest(canonical_json((name, foreign))),
        seed=key.seed,
        dataset=info,
        foreign=foreign,
    )
    return record_of(spec, NOWHERE, status, reason, epochs=epochs, source=source)


def _require_end(path: Path, key: Key, epochs: list[Epoch]) -> None:
    if not epochs or epochs[-1].test_correct is None:
        at = f"its last epoch, {len(epochs)}," if epochs else "any epoch"
        remedy = "give test_correct or test_accuracy, or a column status that says failed"
        raise bad(path, f"{key} has no figure of the test split in {at}", remedy)


def _digest(path: Path) -> str:
    """sha256 of the file; of a folder, over the names and contents of its files."""
    if path.is_file():
        return digest(read_plain(path, MOST_STATE_BYTES))
    running = hashlib.sha256()
    for each in sorted(each for each in path.rglob("*") if each.is_file()):
        content = digest(read_plain(each, MOST_STATE_BYTES))
        running.update(f"{each.relative_to(path).as_posix()}\0{content}\n".encode())
    return running.hexdigest()
