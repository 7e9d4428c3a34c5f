"""Every run of one architecture, with a link to its record."""

from __future__ import annotations

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import NOT_AVAILABLE, integer, percent, seconds
from bench.sections._summary import Arm, Summary
from bench.spec import RunRecord

ORDER = 57
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
COLUMNS = (
    Column("Seed", numeric=False, note="the run's record"),
    Column("Status", numeric=False),
    Column("Test right", note="last epoch"),
    Column("Test", note="last epoch"),
    Column("Validation", note="best epoch"),
    Column("Best epoch"),
    Column("Training time"),
    Column("Environment", numeric=False),
)


def section(summary: Summary) -> Section | None:
    """None without runs."""
    if not summary.arms:
        return None
    tables = tuple(
        Table(
            caption=f"Runs of {arm.label} on {arm.first.dataset.name}",
            columns=COLUMNS,
            rows=tuple(_row(summary, arm, run) for run in arm.runs),
        )
        for arm in summary.arms
    )
    return Section(title="Runs", tables=tables)


def _row(summary: Summary, arm: Arm, run: RunRecord) -> tuple[Cell, ...]:
    last = run.epochs[-1] if run.completed else None
    correct = last.test_correct if last else None
    best = max((e.validation_correct for e in run.epochs), default=0) if run.completed else None
    n_validation = run.dataset.n_validation
    return (
        Cell(str(run.seed), href=summary.record_link(run)),
        Cell(run.status, run.reason or ""),
        Cell(integer(correct) if correct is not None else NOT_AVAILABLE),
        Cell(percent(correct, arm.n_test) if correct is not None else NOT_AVAILABLE),
        Cell(percent(best, n_validation) if best is not None else NOT_AVAILABLE),
        Cell(str(run.selected_epoch or NOT_AVAILABLE)),
        Cell(seconds(run.train_seconds)),
        Cell(run.environment.fingerprint),
    )
