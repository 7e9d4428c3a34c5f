"""Where the numbers come from: command, data, environments, digests, failures."""

from __future__ import annotations

from bench.sections import Cell, Column, Listing, PageKind, Scope, Section, Table
from bench.sections._format import NOT_AVAILABLE, integer, seconds, seeds
from bench.sections._summary import Arm, Summary
from bench.spec import Environment, RunRecord

ORDER = 90
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")


def section(summary: Summary) -> Section:
    """Tables of what was run, on what, with what, and of what went wrong."""
    command = Listing("Command of this report", summary.command)
    if summary.dataset is None:
        return Section(title="Appendix", listings=(command,))
    failed = [(arm, run) for arm in summary.arms for run in arm.runs if not run.completed]
    tables = [_runs(summary), _data(summary), _environments(summary)]
    return Section(
        title="Appendix",
        tables=(*tables, *([_failures(summary, failed)] if failed else [])),
        listings=(command, _training_commands(summary)),
    )


def _training_commands(summary: Summary) -> Listing:
    commands = sorted({run.environment.command for run in summary.runs})
    return Listing("Commands of the runs", "\n".join(commands))


def _runs(summary: Summary) -> Table:
    return Table(
        caption="Runs",
        columns=(
            Column("Model", numeric=False),
            Column("Seeds"),
            Column("Epochs"),
            Column("Training time", note="all runs"),
            Column("Device", numeric=False),
            Column("Memory format", numeric=False),
            Column("Engine"),
            Column("Architecture digest", numeric=False),
        ),
        rows=tuple(_arm_row(arm) for arm in summary.arms),
    )


def _arm_row(arm: Arm) -> tuple[Cell, ...]:
    numerics = arm.first.numerics
    return (
        Cell(arm.label),
        Cell(seeds([run.seed for run in arm.runs])),
        Cell(integer(arm.first.recipe.epochs)),
        Cell(seconds(sum(run.train_seconds for run in arm.runs))),
        Cell(numerics.device_type),
        Cell(numerics.memory_format),
        Cell(str(arm.first.engine_version)),
        Cell(arm.first.architecture_digest[:12]),
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
            Column("sha256 of images and labels", numeric=False),
        ),
        rows=tuple(
            (
                Cell(info.name),
                Cell(integer(info.n_train)),
                Cell(integer(info.n_validation)),
                Cell(integer(info.n_test)),
                Cell(str(info.split_seed)),
                Cell(info.digest),
            )
            for info in infos
        ),
    )


def _environments(summary: Summary) -> Table:
    groups: dict[str, list[RunRecord]] = {}
    for run in summary.runs:
        groups.setdefault(run.environment.fingerprint, []).append(run)
    return Table(
        caption="Environments",
        columns=(
            Column("Fingerprint", numeric=False),
            Column("n", note="runs"),
            Column("Device", numeric=False),
            Column("Processor", numeric=False),
            Column("Python"),
            Column("torch"),
            Column("Other packages", numeric=False),
            Column("Commit", numeric=False),
        ),
        rows=tuple(_environment_row(key, groups[key]) for key in sorted(groups)),
    )


def _environment_row(fingerprint: str, runs: list[RunRecord]) -> tuple[Cell, ...]:
    first = runs[0].environment
    packages = {pair for run in runs for pair in run.environment.packages.items()}
    commits = sorted({_commit(run.environment) for run in runs})
    return (
        Cell(fingerprint),
        Cell(integer(len(runs))),
        Cell(first.device),
        Cell(first.processor),
        Cell(first.python),
        Cell(first.torch),
        Cell(", ".join(f"{name} {version}" for name, version in sorted(packages))),
        Cell(", ".join(commits)),
    )


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return NOT_AVAILABLE
    return environment.commit[:12] + (" with changes" if environment.dirty else "")


def _failures(summary: Summary, failed: list[tuple[Arm, RunRecord]]) -> Table:
    return Table(
        caption="Runs that failed or diverged",
        columns=(
            Column("Model", numeric=False),
            Column("Seed"),
            Column("Status", numeric=False),
            Column("Epochs", note="finished"),
            Column("Reason", numeric=False),
        ),
        rows=tuple(
            (
                Cell(arm.label),
                Cell(str(run.seed), href=summary.record_link(run)),
                Cell(run.status),
                Cell(integer(len(run.epochs))),
                Cell(run.reason or NOT_AVAILABLE),
            )
            for arm, run in failed
        ),
    )
