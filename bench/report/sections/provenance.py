"""What the numbers were made of: arms, data, environments, versions, digests."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from bench.records.arms import Arm
from bench.report.export.texts import content
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table, words
from bench.report.parts.cells import time, time_notes
from bench.report.summary import Summary
from bench.spec import Environment, RunRecord, digest
from bench.stats.format import NOT_AVAILABLE, NOT_KNOWN, count, integer, listed, ranges

ORDER = 84
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("provenance", "fragment")
OF_THE_WAY = ("Epochs", "Device", "Memory format", "Step", "Engine")  # in which a run was made
T = TypeVar("T")


def section(summary: Summary) -> Section | None:
    """None without runs."""
    if not summary.runs:
        return None
    runs, alike = _without_alike(_runs(summary))
    others = (_data, _environments, _packages, _digests)
    return Section(
        title="What the runs used",
        nav="Provenance",
        tables=(runs, *(make(summary) for make in others)),
        notes=(*alike, *time_notes(summary.runs)),
    )


def _without_alike(table: Table) -> tuple[Table, tuple[str, ...]]:
    """Without the columns that say the same of each of several arms, and what they say."""
    alike = [
        place
        for place, column in enumerate(table.columns)
        if column.title in OF_THE_WAY and len({row[place].text for row in table.rows}) == 1
    ]
    if len(table.rows) < 2 or not alike:
        return table, ()

    def kept(cells: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(cell for place, cell in enumerate(cells) if place not in alike)

    said = [f"{table.columns[at].title.lower()} {table.rows[0][at].text}" for at in alike]
    shown = replace(table, columns=kept(table.columns), rows=tuple(map(kept, table.rows)))
    return shown, (f"Of all runs: {', '.join(said)}.",)


def _runs(summary: Summary) -> Table:
    return Table(
        caption="What was run",
        columns=(
            Column("Model", numeric=False),
            Column("n", note="runs"),
            Column("Seeds", numeric=False),
            Column("Epochs"),
            Column("Training time", note="all runs"),
            *words("Device", "Memory format", "Step"),
            Column("Engine"),
        ),
        rows=tuple(_arm_row(summary, arm) for arm in summary.every_arm),
    )


def _arm_row(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    first, numerics = arm.first, arm.first.numerics
    known = [run.train_seconds for run in arm.runs if run.train_seconds is not None]
    return (
        Cell(arm.label, href=summary.page_of(arm.architecture), series=arm.architecture),
        Cell(integer(len(arm.runs)), sort=len(arm.runs)),
        Cell(ranges([run.seed for run in arm.runs])),
        Cell(integer(first.n_epochs), sort=first.n_epochs),
        time(sum(known) if known else None, first.device_type),
        Cell(numerics.device_type + (", TF32" if numerics.tf32 else "") if numerics else NOT_KNOWN),
        Cell(numerics.memory_format if numerics else NOT_KNOWN),
        Cell(numerics.path if numerics else NOT_KNOWN),
        Cell(first.foreign.words if first.foreign else str(first.engine_version)),
    )


def _data(summary: Summary) -> Table:
    infos = list({run.dataset: run.dataset for run in summary.runs})
    return Table(
        caption="Data",
        columns=(
            Column("Data set", numeric=False),
            Column("Train"),
            Column("Validation"),
            Column("Test"),
            Column("Split seed"),
        ),
        rows=tuple(
            (
                Cell(info.name),
                *(Cell(integer(n)) for n in (info.n_train, info.n_validation, info.n_test)),
                Cell(NOT_KNOWN if info.split_seed is None else str(info.split_seed)),
            )
            for info in infos
        ),
        sortable=False,
    )


def _environments(summary: Summary) -> Table:
    groups = _by_environment(summary)
    return Table(
        caption="Environments",
        columns=(
            Column("Fingerprint", numeric=False),
            Column("n", note="runs"),
            *words("Device", "Processor", "Python", "torch", "Commit"),
        ),
        rows=tuple(_environment_row(key, groups[key]) for key in sorted(groups)),
    )


def _by_environment(summary: Summary) -> dict[str, list[RunRecord]]:
    groups: dict[str, list[RunRecord]] = {}
    for run in summary.runs:
        groups.setdefault(run.environment.fingerprint, []).append(run)
    return groups


def _environment_row(fingerprint: str, runs: list[RunRecord]) -> tuple[Cell, ...]:
    first = runs[0].environment
    return (
        Cell(fingerprint),
        Cell(integer(len(runs)), sort=len(runs)),
        *map(Cell, (first.device, first.processor, first.python, first.torch)),
        Cell(", ".join(sorted({_commit(run.environment) for run in runs}))),
    )


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return NOT_AVAILABLE
    return environment.commit[:12] + (" with changes" if environment.dirty else "")


def _packages(summary: Summary) -> Table:
    """A row a package, a column an environment; a fingerprint that saw two versions says both."""
    groups = sorted(_by_environment(summary).items())
    found = [_versions(runs) for _, runs in groups]
    names = sorted({name for own in found for name in own})
    return Table(
        caption="Versions of packages",
        columns=(
            Column("Package", numeric=False),
            *(Column(key, numeric=False, note=count(len(runs), "run")) for key, runs in groups),
        ),
        rows=tuple(
            (Cell(name), *(Cell(listed(own.get(name, [NOT_AVAILABLE]))) for own in found))
            for name in names
        )
        or ((Cell("none recorded"), *(Cell(NOT_AVAILABLE) for _ in groups)),),
        folded=True,
    )


def _versions(runs: list[RunRecord]) -> dict[str, list[str]]:
    versions: dict[str, set[str]] = {}
    for run in runs:
        for name, version in run.environment.packages.items():
            versions.setdefault(name, set()).add(version)
    return {name: sorted(found) for name, found in versions.items()}


def _source(summary: Summary, run: RunRecord) -> tuple[str, str, str]:
    """A digest of what made the run, what it is over, and itself."""
    if run.foreign is None:
        name = summary.display_name(run.architecture)
        return f"architecture {name}", "source without comments", run.architecture_digest
    if run.foreign.origin == "command":
        return f"own command {run.architecture}", "command and its files", run.architecture_digest
    file, found = (run.source.file, run.source.sha256) if run.source else (NOT_KNOWN, NOT_KNOWN)
    return f"imported file {file}", "its bytes", found


def _digests(summary: Summary) -> Table:
    """What two suites must share to be the same; the records' is that of a file to take away."""
    data = {run.dataset.name: run.dataset.digest for run in summary.runs}
    sources = sorted(
        {(run.architecture, run.architecture_digest, _source(summary, run)) for run in summary.runs}
    )
    records = digest(content([summary], "runs.csv"))
    rows = (
        *((f"data set {name}", "images and labels", found) for name, found in data.items()),
        *dict.fromkeys(source for _, _, source in sources),
        ("records", f"the table of runs below, {count(len(summary.runs), 'row')}", records),
    )
    return Table(
        caption="Digests, sha256",
        columns=words("Of", "Over", "sha256"),
        rows=tuple(tuple(Cell(text) for text in row) for row in rows),
        folded=True,
        sortable=False,
    )
