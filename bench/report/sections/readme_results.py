"""The README's results table, measured, with the README's numbers below ours."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import MARKS
from bench.report.summary import Summary
from bench.spec import Claim
from bench.stats.declared import PARAMETER_LIMIT
from bench.stats.format import (
    NOT_AVAILABLE,
    THIN,
    count,
    fixed,
    integer,
    mean_percent,
    points,
)
from bench.stats.means import Accuracy, accuracy

ORDER = 30
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Model", numeric=False),
    Column("Parameters"),
    Column("Val Accuracy", note="best epoch"),
    Column("Test Accuracy", note="last epoch"),
    Column("Target 99.4%", note="runs that reach it"),
    Column("Parameter Limit", note=f"under {integer(PARAMETER_LIMIT)}"),
)
METRICS = (  # of the README's figures, a column each
    "n_parameters",
    "selected_validation_accuracy_percent",
    "last_test_accuracy_percent",
    "target_shortfall_points",
    "parameters_over_limit",
)
TEXT = (
    (
        "Measured above, what the README says below. Accuracies are means over completed runs ± "
        "the standard deviation, n in brackets. As in the README, the validation accuracy is "
        "that of the best epoch, chosen on that same split and so optimistic; the test accuracy "
        "is that of the last epoch. A run that fails or diverges misses the target."
    ),
    "The README gives as “short” 99.40 minus its validation accuracy.",
)


def section(summary: Summary) -> Section | None:
    """None where no run looked at the test split."""
    if summary.dataset is None or not any(arm.first.evaluate_test for arm in summary.arms):
        return None
    table = Table(
        caption=f"The README's table on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(summary, arm) for arm in _arms(summary)),
    )
    return Section(
        title="The README's results table", nav="README's table", text=TEXT, tables=(table,)
    )


def _arms(summary: Summary) -> Sequence[Arm]:
    """Those that the README's table has, in every column; all where it has none of them."""
    told = [arm for arm in summary.arms if all(_published(summary, arm))]
    return told or summary.arms


def _published(summary: Summary, arm: Arm) -> list[Claim | None]:
    """The README's figures of the arm, as METRICS names them."""
    return [summary.published_of(arm, metric) for metric in METRICS]


def _row(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    n_parameters, validation, test, shortfall, excess = _published(summary, arm)
    best = accuracy(arm.best_validation_counts, arm.n_images("validation"))
    return (
        Cell(arm.label, href=summary.page_of(arm.architecture), series=arm.architecture),
        Cell(integer(arm.first.n_parameters), _readme(n_parameters, 0)),
        Cell(_accuracy(best), _readme(validation, 2, "%")),
        Cell(_accuracy(arm.accuracy()), _readme(test, 2, "%")),
        Cell(_target(arm), _shortfall(shortfall)),
        Cell(
            _limit(arm.first.n_parameters - PARAMETER_LIMIT),
            f"README {_limit(excess.published)}" if excess else "",
        ),
    )


def _accuracy(found: Accuracy) -> str:
    if not found.counts:
        return NOT_AVAILABLE
    return f"{mean_percent(found)} ± {points(found.sd_points)} ({len(found.counts)})"


def _target(arm: Arm) -> str:
    if not arm.first.evaluate_test:
        return NOT_AVAILABLE
    return f"{arm.n_reached} of {count(len(arm.runs), 'run')}"


def _limit(excess: float) -> str:
    """Fewer than the limit: 8,000 itself is over."""
    distance = integer(int(abs(excess)))
    return f"{MARKS[excess < 0]} {distance} {'under' if excess < 0 else 'over'}"


def _readme(claim: Claim | None, digits: int, unit: str = "") -> str:
    if claim is None:
        return ""
    value = integer(int(claim.published)) if digits == 0 else fixed(claim.published, digits)
    return f"README {value}{THIN + unit if unit else ''}"


def _shortfall(claim: Claim | None) -> str:
    return f"README ✗ {fixed(claim.published, 2)} short" if claim else ""
