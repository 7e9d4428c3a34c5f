"""Runs that never looked at the test split, in the order of what they are compared by."""

from __future__ import annotations

from fractions import Fraction

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import NOT_AVAILABLE, count, fixed, integer, sd_points
from bench.sections._summary import Arm, Summary

ORDER = 13
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Candidate", numeric=False),
    Column("Parameters"),
    Column("Validation accuracy", note="mean ± sd"),
    Column("Lowest to highest"),
    Column("Runs", note="completed"),
)


def section(summary: Summary) -> Section | None:
    """None without such runs."""
    arms = [arm for arm in summary.arms if not arm.first.evaluate_test]
    if not arms or summary.dataset is None:
        return None
    ranked = sorted(arms, key=lambda arm: (-_mean(arm), arm.first.n_parameters, arm.label))
    table = Table(
        caption=f"Candidates by mean validation accuracy on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(summary, arm) for arm in ranked),
    )
    return Section(title="Search", text=(_text(summary),), tables=(table,))


def _text(summary: Summary) -> str:
    images = integer(summary.dataset.n_validation) if summary.dataset else ""
    return (
        f"Validation accuracy in percent of {images} images after the last epoch, over completed "
        "runs. The test split was not looked at. A choice among many flatters the one chosen: its "
        "final sweep needs other seeds and the test split."
    )


def _counts(arm: Arm) -> list[int]:
    return [run.epochs[-1].validation_correct for run in arm.completed]


def _percent(count: int, arm: Arm) -> Fraction:
    return Fraction(100 * count, arm.first.dataset.n_validation)


def _mean(arm: Arm) -> Fraction:
    """In percent; 0 where no run completed."""
    counts = _counts(arm)
    return _percent(sum(counts), arm) / len(counts) if counts else Fraction(0)


def _row(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    n_parameters = arm.first.n_parameters
    return (
        Cell(arm.label, href=summary.page_of(arm.architecture), series=arm.architecture),
        Cell(integer(n_parameters), sort=n_parameters),
        *_accuracy(arm),
        Cell(count(len(arm.runs), "run"), integer(len(arm.completed)), sort=len(arm.runs)),
    )


def _accuracy(arm: Arm) -> tuple[Cell, Cell]:
    counts, mean = _counts(arm), _mean(arm)
    if not counts:
        return Cell(NOT_AVAILABLE), Cell(NOT_AVAILABLE)
    sd = sd_points(counts, arm.first.dataset.n_validation)
    low, high = (fixed(_percent(end, arm), 2) for end in (min(counts), max(counts)))
    return Cell(f"{fixed(mean, 3)} ± {sd}", sort=float(mean)), Cell(f"{low} to {high}")
