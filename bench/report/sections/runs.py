"""Every run of one architecture: its record, its figures, the command that trains it again."""

from __future__ import annotations

import pandas as pd

from bench.records.arms import Arm
from bench.report.frames import Record, records, runs
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table, words
from bench.report.parts.cells import time, time_notes
from bench.report.parts.commands import can_train_again, reproduce
from bench.report.summary import Summary
from bench.spec import RunRecord
from bench.stats.format import NOT_AVAILABLE, NOT_KNOWN, count, integer, percent

ORDER = 57
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture", "arm")
COLUMNS = (
    Column("Seed", numeric=False, note="the run's record"),
    Column("Status", numeric=False, filter=True),
    Column("Test right", note="last epoch"),
    Column("Test", note="last epoch"),
    Column("Validation", note="best epoch"),
    Column("Best epoch", note="by validation"),
    Column("Training time"),
    Column("Environment", numeric=False, filter=True),
)
TARGET = Column("Target", numeric=False, note="reached", filter=True)
REPRODUCED = (
    *words("Seed", "Command"),
    Column("Weights", numeric=False, note="sha256, first 12 digits"),
)


def section(summary: Summary) -> Section | None:
    """None without runs."""
    if not summary.every_arm:
        return None
    of_arms = runs([summary]).groupby(["architecture", "label"], sort=False)
    tables = tuple(
        table
        for arm, (_, frame) in zip(summary.every_arm, of_arms, strict=True)
        for table in (_runs(summary, arm, frame), _commands(summary, arm))
    )
    return Section(title="Runs", tables=tables, notes=time_notes(summary.runs))


def _runs(summary: Summary, arm: Arm, frame: pd.DataFrame) -> Table:
    n = count(len(frame), "run")
    asked = arm.objective.target is not None
    return Table(
        caption=f"{n} of {arm.label} on {arm.first.dataset.name}",
        columns=(*COLUMNS[:4], *((TARGET,) if asked else ()), *COLUMNS[4:]),
        rows=tuple(_row(summary, run, asked=asked) for run in records(frame)),
        folded=True,
    )


def _row(summary: Summary, run: Record, *, asked: bool) -> tuple[Cell, ...]:
    link = summary.base + summary.record_links[run["key"]]
    right, best, reached = (
        run[name] for name in ("last_test_correct", "best_validation_correct", "reached_target")
    )
    target = Cell(NOT_AVAILABLE if reached is None else "yes" if reached else "no")
    return (
        Cell(str(run["seed"]), href=link, sort=run["seed"]),
        Cell(run["status"], run["reason"] or ""),
        Cell(NOT_AVAILABLE if right is None else integer(right), sort=right),
        _percent(right, run["n_test"]),
        *((target,) if asked else ()),
        _percent(best, run["n_validation"]),
        Cell(str(run["selected_epoch"] or NOT_AVAILABLE), sort=run["selected_epoch"]),
        time(run["train_seconds"], run["device_type"]),
        Cell(run["environment"]),
    )


def _percent(right: int | None, n_images: int) -> Cell:
    if right is None:
        return Cell(NOT_AVAILABLE)
    return Cell(percent(right, n_images), sort=100 * right / n_images)


def _weights(run: RunRecord) -> str:
    if run.weights_sha256:
        return run.weights_sha256[:12]
    return NOT_KNOWN if run.foreign else NOT_AVAILABLE


def _commands(summary: Summary, arm: Arm) -> Table:
    return Table(
        caption=f"Commands that train one run of {arm.label} again and compare",
        columns=REPRODUCED,
        rows=tuple(
            (
                Cell(str(run.seed), sort=run.seed),
                Cell(reproduce(summary, run) if can_train_again(run) else NOT_KNOWN),
                Cell(_weights(run)),
            )
            for run in arm.runs
        ),
        folded=True,
        sortable=False,
    )
