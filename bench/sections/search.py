"""Runs that never looked at the test split, in the order of what they are compared by."""

from __future__ import annotations

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._cells import measured, time_a_run
from bench.sections._format import NOT_AVAILABLE, fixed, integer
from bench.sections._ranking import FAILED_LAST, Ranked, in_order
from bench.sections._summary import Summary

ORDER = 13
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")
COLUMNS = (
    Column("Candidate", numeric=False),
    Column("Parameters"),
    Column("Multiply-adds", note="an image"),
    Column("Validation accuracy", note="mean ± sd"),
    Column("Lowest to highest"),
    Column("Runs", note="completed"),
    Column("Time a run", note="median"),
)


def section(summary: Summary) -> Section | None:
    """None without such runs."""
    arms = [arm for arm in summary.arms if not arm.first.evaluate_test]
    if not arms or summary.dataset is None:
        return None
    ranked = in_order(
        Ranked(arm, arm.validation_counts, arm.first.dataset.n_validation) for arm in arms
    )
    table = Table(
        caption=f"Candidates by mean validation accuracy on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(summary, one) for one in ranked),
    )
    return Section(title="Search", text=(_text(summary),), tables=(table,))


def _text(summary: Summary) -> str:
    images = integer(summary.dataset.n_validation) if summary.dataset else ""
    return (
        f"Validation accuracy in percent of {images} images after the last epoch, over completed "
        f"runs. {FAILED_LAST} The test split was not looked at. A choice among many flatters the "
        "one chosen: its final sweep needs other seeds and the test split."
    )


def _row(summary: Summary, one: Ranked) -> tuple[Cell, ...]:
    arm, n_parameters = one.arm, one.arm.first.n_parameters
    return (
        Cell(arm.label, href=summary.page_of(arm.architecture), series=arm.architecture),
        Cell(integer(n_parameters), sort=n_parameters),
        measured(summary, arm, "multiply_adds", "multiply_adds"),
        one.accuracy(),
        Cell(_ends(one)),
        one.runs(),
        time_a_run(arm),
    )


def _ends(one: Ranked) -> str:
    if not one.counts:
        return NOT_AVAILABLE
    low, high = (fixed(one.percent(end), 2) for end in (min(one.counts), max(one.counts)))
    return f"{low} to {high}"
