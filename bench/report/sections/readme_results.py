"""The document's results table, measured, with the document's numbers below ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import MARKS, network
from bench.report.parts.verdicts import limit_words
from bench.report.summary import Summary
from bench.spec import Claim, Objective
from bench.stats.format import (
    NOT_AVAILABLE,
    NOT_KNOWN,
    THIN,
    count,
    fixed,
    integer,
    mean_percent,
    points,
    written,
)
from bench.stats.means import Accuracy, accuracy

ORDER = 30
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Model", numeric=False),
    Column("Parameters"),
)
VALIDATION = Column("Val Accuracy", note="best epoch")
TEST = Column("Test Accuracy", note="last epoch")
BEST = "selected_validation_accuracy_percent"
METRICS = (  # of the document's figures, a column each
    "n_parameters",
    BEST,
    "last_test_accuracy_percent",
    "target_shortfall_points",
    "parameters_over_limit",
)


def section(summary: Summary) -> Section | None:
    """None where the document has no such table, or no run looked at the test split."""
    tested = any(arm.first.evaluate_test for arm in summary.arms)
    if summary.dataset is None or not tested or not summary.reproduces("results"):
        return None
    validation = [VALIDATION] if _has_validation(summary) else []
    table = Table(
        caption=f"The {summary.label}'s table on {summary.dataset.name}",
        columns=(*COLUMNS, *validation, TEST, *_of_objective(summary.objective)),
        rows=tuple(_row(summary, arm) for arm in _arms(summary)),
    )
    return Section(
        title=f"The {summary.label}'s results table",
        nav=f"{summary.heading}'s table",
        text=tuple(_text(summary, table)),
        tables=(table,),
    )


def _of_objective(objective: Objective) -> list[Column]:
    """Columns of what the document asks for."""
    columns = []
    if objective.target is not None:
        sign = ">" if objective.relation == "above" else ""
        title = f"Target {sign}{written(objective.target)}%"
        columns.append(Column(title, note="runs that reach it"))
    if limit := limit_words(objective):
        columns.append(Column("Parameter Limit", note=limit))
    return columns


def _has_validation(summary: Summary) -> bool:
    """Whether a run has an accuracy on the validation split, or the document gives one."""
    return _gives(summary, BEST) or any(arm.dataset.n_validation for arm in summary.arms)


def _gives(summary: Summary, metric: str) -> bool:
    return any(claim.metric == metric for claim in summary.claims)


def _text(summary: Summary, table: Table) -> Iterator[str]:
    label, objective = summary.label, summary.objective
    misses = " A run that fails or diverges misses the target." if objective.target else ""
    is_below = any(cell.note for row in table.rows for cell in row[1:])
    first = f"Above: the measured number. Below: the number in the {label}."
    if not is_below:
        first = f"Every number here is measured: the {label} has no number for this recipe."
    yield (
        f"{first} Accuracies are means over completed runs ± "
        f"the standard deviation, n in brackets. {_epochs(summary)}.{misses}"
    )
    if objective.target is not None and _gives(summary, "target_shortfall_points"):
        yield (
            f"The “short” number of the {label} is {fixed(objective.target, 2)} minus its "
            "validation accuracy."
        )


def _epochs(summary: Summary) -> str:
    """Which epoch an accuracy is of."""
    test = "he test accuracy is from the last epoch"
    if summary.dataset is not None and not summary.dataset.n_validation:
        none = "No validation images are known, so no validation accuracy was measured."
        return f"{none} T{test}"
    opening = f"As in the {summary.label}, t" if _gives(summary, BEST) else "T"
    return (
        f"{opening}he validation accuracy is from the best epoch. This epoch was chosen on the "
        f"same split, so the number is optimistic. T{test}"
    )


def _arms(summary: Summary) -> Sequence[Arm]:
    """Those that the document's table has, in every column; all where it has none of them."""
    told = [arm for arm in summary.arms if all(_published(summary, arm))]
    return told or summary.arms


def _published(summary: Summary, arm: Arm) -> list[Claim | None]:
    """The document's figures of the arm, as METRICS names them."""
    return [summary.published_of(arm, metric) for metric in METRICS]


def _row(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    n_parameters, validation, test, shortfall, excess = _published(summary, arm)
    n, with_validation = arm.first.n_parameters, _has_validation(summary)
    best = accuracy(arm.best_validation_counts, arm.n_images("validation"))
    heading, objective = summary.heading, summary.objective
    cells = [
        network(summary, arm),
        Cell(integer(arm.first.n_parameters), _said(heading, n_parameters, 0)),
        *([Cell(_accuracy(best), _said(heading, validation, 2, "%"))] if with_validation else []),
        Cell(_accuracy(arm.accuracy()), _said(heading, test, 2, "%")),
    ]
    if objective.target is not None:
        cells.append(Cell(_target(summary, arm), _shortfall(heading, shortfall)))
    if objective.limit is not None:
        said = f"{heading} {_limit(excess.published, excess.published < 0)}" if excess else ""
        own = NOT_KNOWN if n is None else _limit(n - objective.limit, objective.allows(n))
        cells.append(Cell(own, said))
    return tuple(cells)


def _accuracy(found: Accuracy) -> str:
    if not found.counts:
        return NOT_AVAILABLE
    return f"{mean_percent(found)} ± {points(found.sd_points)} ({len(found.counts)})"


def _target(summary: Summary, arm: Arm) -> str:
    if not summary.aims(arm):
        return NOT_AVAILABLE
    return f"{arm.n_reached} of {count(len(arm.runs), 'run')}"


def _limit(excess: float, is_kept: bool) -> str:
    """How far from the limit; whether a network that just meets it keeps to it, it says itself."""
    distance = integer(int(abs(excess)))
    return f"{MARKS[is_kept]} {distance} {'under' if is_kept else 'over'}"


def _said(heading: str, claim: Claim | None, digits: int, unit: str = "") -> str:
    if claim is None:
        return ""
    value = integer(int(claim.published)) if digits == 0 else fixed(claim.published, digits)
    return f"{heading} {value}{THIN + unit if unit else ''}"


def _shortfall(heading: str, claim: Claim | None) -> str:
    return f"{heading} {MARKS[False]} {fixed(claim.published, 2)} short" if claim else ""
