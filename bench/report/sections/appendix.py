"""What went wrong: the runs that failed or diverged, with their reasons."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.spec import RunRecord
from bench.stats.format import NOT_AVAILABLE, count, integer

ORDER = 94
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("provenance", "markdown")


def section(summary: Summary) -> Section | None:
    """None where every run completed."""
    failed = [(arm, run) for arm in summary.every_arm for run in arm.runs if not run.completed]
    if not failed:
        return None
    n = f"{integer(len(failed))} of {count(len(summary.runs), 'run')}"
    return Section(
        title="Appendix: runs that failed or diverged",
        nav="Appendix",
        text=(f"{n} did not complete. Each counts as a miss. No run was replaced.",),
        tables=(_failures(summary, failed),),
    )


def _failures(summary: Summary, failed: list[tuple[Arm, RunRecord]]) -> Table:
    return Table(
        caption="Runs that failed or diverged",
        columns=(
            Column("Model", numeric=False, filter=True),
            Column("Seed", note="the run's record"),
            Column("Status", numeric=False, filter=True),
            Column("Epochs", note="finished"),
            Column("Reason", numeric=False),
            Column("Environment", numeric=False, filter=True),
        ),
        rows=tuple(
            (
                Cell(arm.label, series=arm.architecture),
                Cell(str(run.seed), href=summary.record_link(run), sort=run.seed),
                Cell(run.status),
                Cell(integer(len(run.epochs)), sort=len(run.epochs)),
                Cell(run.reason or NOT_AVAILABLE),
                Cell(run.environment.fingerprint),
            )
            for arm, run in failed
        ),
    )
