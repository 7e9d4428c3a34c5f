"""Every run of one architecture: its record, its figures, the command that trains it again."""

from __future__ import annotations

from bench.arms import Arm
from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._commands import reproduce
from bench.sections._summary import Summary
from bench.spec import RunRecord
from bench.stats.format import NOT_AVAILABLE, count, duration, integer, percent

ORDER = 57
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
COLUMNS = (
    Column("Seed", numeric=False, note="the run's record"),
    Column("Status", numeric=False, filter=True),
    Column("Test right", note="last epoch"),
    Column("Test", note="last epoch"),
    Column("Target", numeric=False, note="reached", filter=True),
    Column("Validation", note="best epoch"),
    Column("Best epoch", note="by validation"),
    Column("Training time"),
    Column("Environment", numeric=False, filter=True),
)
REPRODUCED = (
    Column("Seed", numeric=False),
    Column("Command", numeric=False),
    Column("Weights", numeric=False, note="sha256, first 12 digits"),
)


def section(summary: Summary) -> Section | None:
    """None without runs."""
    if not summary.arms:
        return None
    tables = tuple(
        table for arm in summary.arms for table in (_runs(summary, arm), _commands(summary, arm))
    )
    return Section(title="Runs", tables=tables)


def _runs(summary: Summary, arm: Arm) -> Table:
    n = count(len(arm.runs), "run")
    return Table(
        caption=f"{n} of {arm.label} on {arm.first.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(summary, arm, run) for run in arm.runs),
    )


def _row(summary: Summary, arm: Arm, run: RunRecord) -> tuple[Cell, ...]:
    last = run.epochs[-1] if run.completed else None
    correct = last.test_correct if last else None
    best = max((e.validation_correct for e in run.epochs), default=0) if run.completed else None
    n_validation = run.dataset.n_validation
    return (
        Cell(str(run.seed), href=summary.record_link(run), sort=run.seed),
        Cell(run.status, run.reason or ""),
        Cell(integer(correct) if correct is not None else NOT_AVAILABLE, sort=correct),
        Cell(
            percent(correct, arm.n_test) if correct is not None else NOT_AVAILABLE,
            sort=None if correct is None else 100 * correct / arm.n_test,
        ),
        Cell(_reached(arm, run, correct)),
        Cell(
            percent(best, n_validation) if best is not None else NOT_AVAILABLE,
            sort=None if best is None else 100 * best / n_validation,
        ),
        Cell(str(run.selected_epoch or NOT_AVAILABLE), sort=run.selected_epoch),
        Cell(duration(run.train_seconds), sort=run.train_seconds),
        Cell(run.environment.fingerprint),
    )


def _reached(arm: Arm, run: RunRecord, correct: int | None) -> str:
    """A run that did not complete is a miss; one that never looked at the test split is neither."""
    if not run.evaluate_test:
        return NOT_AVAILABLE
    return "yes" if correct is not None and correct >= arm.target else "no"


def _commands(summary: Summary, arm: Arm) -> Table:
    return Table(
        caption=f"Commands that train one run of {arm.label} again and compare",
        columns=REPRODUCED,
        rows=tuple(
            (
                Cell(str(run.seed), sort=run.seed),
                Cell(reproduce(summary, run)),
                Cell(run.weights_sha256[:12] if run.weights_sha256 else NOT_AVAILABLE),
            )
            for run in arm.runs
        ),
        folded=True,
        sortable=False,
    )
