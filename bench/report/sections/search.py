"""Runs that never looked at the test split, in the order of what they are compared by."""

from __future__ import annotations

from statistics import mean

from bench.records.arms import Arm
from bench.report.labels import changes
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import measured, time_a_run, time_notes
from bench.report.parts.ranking import FAILED_LAST, Ranked, in_order
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, fixed, integer

ORDER = 13
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "architecture", "markdown")
COLUMNS = (
    Column("Candidate", numeric=False, note="changes to its recipe"),
    Column("Parameters"),
    Column("Multiply-adds", note="per image"),
    Column("Epochs"),
    Column("Validation accuracy", note="mean ± sd"),
    Column("Lowest to highest"),
    Column("Validation loss", note="mean"),
    Column("Runs", note="completed"),
    Column("Time a run", note="median"),
)


def section(summary: Summary) -> Section | None:
    """None without such runs."""
    arms = [arm for arm in summary.arms if not arm.first.evaluate_test]
    if not arms or summary.dataset is None:
        return None
    ranked = sorted(
        in_order(arms),
        key=lambda one: -one.arm.first.n_epochs,  # a short run ranks among short runs
    )
    table = Table(
        caption=f"Candidates by mean validation accuracy on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(summary, one) for one in ranked),
    )
    notes = time_notes(summary.runs)
    return Section(title="Search", text=(_text(summary),), tables=(table,), notes=notes)


def _text(summary: Summary) -> str:
    images = integer(summary.dataset.n_validation) if summary.dataset else ""
    return (
        f"Validation accuracy in percent of {images} images after the last epoch, over completed "
        f"runs. {FAILED_LAST} The test split was not looked at. The best of many candidates looks "
        "better than it is. So its final runs need other seeds and the test split."
    )


def _row(summary: Summary, one: Ranked) -> tuple[Cell, ...]:
    arm, n_parameters, epochs = one.arm, one.arm.first.n_parameters, one.arm.first.n_epochs
    return (
        _candidate(summary, arm),
        Cell(integer(n_parameters), sort=n_parameters),
        measured(summary, arm, "multiply_adds", "multiply_adds"),
        Cell(integer(epochs), sort=epochs),
        one.accuracy(),
        Cell(_ends(one)),
        _loss(arm),
        one.runs(),
        time_a_run(arm),
    )


def _candidate(summary: Summary, arm: Arm) -> Cell:
    """Its name and what of its recipe was changed; its label where it was changed otherwise."""
    portrait = summary.portrait_of_arm(arm)
    text = portrait.display_name if portrait else arm.label
    changed = changes(portrait, arm.first) if portrait else ""
    return Cell(text, changed, href=summary.page_of(arm.architecture), series=arm.architecture)


def _loss(arm: Arm) -> Cell:
    last = [run.epochs[-1].validation_loss for run in arm.completed]
    losses = [loss for loss in last if loss is not None]
    return Cell(fixed(mean(losses), 4), sort=mean(losses)) if losses else Cell(NOT_AVAILABLE)


def _ends(one: Ranked) -> str:
    low, high = one.found.lowest_percent, one.found.highest_percent
    return NOT_AVAILABLE if low is None or high is None else f"{fixed(low, 2)} to {fixed(high, 2)}"
