"""One table of all that matters: size, cost, accuracy, how often and how soon the target."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.records.receptive_fields import FIGURE, LAST_MAP
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts import intervals
from bench.report.parts.cells import (
    epochs_to_target,
    measured,
    network,
    published,
    reached,
    time_a_run,
    time_notes,
)
from bench.report.parts.verdicts import target_words
from bench.report.summary import Summary
from bench.stats.format import (
    NOT_AVAILABLE,
    fixed,
    integer,
    points,
)

ORDER = 12
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "markdown")
COLUMNS = (
    Column("Architecture", numeric=False),
    Column("Parameters"),
    Column("Multiply-adds", note="per image"),
    Column("Receptive field", note="pixels"),
    Column("Test accuracy", note="mean, 95% t interval"),
    Column("sd", note="min to max"),
)
OF_TARGET = (Column("Target", note="runs, bounds"), Column("Epochs to it", note="median"))
TIME = Column("Time a run", note="median")
NONE = Cell(NOT_AVAILABLE)


def section(summary: Summary) -> Section | None:
    """None where no run looked at the test split."""
    if summary.dataset is None or not any(arm.first.evaluate_test for arm in summary.arms):
        return None
    table = Table(
        caption=f"Results on {summary.dataset.name}",
        columns=_columns(summary),
        rows=tuple(_row(summary, arm) for arm in summary.arms),
    )
    return Section(title="Results", tables=(table,), notes=_notes(summary))


def _columns(summary: Summary) -> tuple[Column, ...]:
    """Without a target or a document, nothing is said of one."""
    published = (Column(summary.heading, note="place in ours"),) if summary.every_claim else ()
    return (*COLUMNS, *(OF_TARGET if summary.target is not None else ()), TIME, *published)


def _notes(summary: Summary) -> tuple[str, ...]:
    accuracy = "Test accuracy in percent after the last epoch, over completed runs."
    costs = (
        "Multiply-adds: convolutions and matrix products, one image forward; receptive field: "
        f"the side of the square that one position of {LAST_MAP} sees."
    )
    if summary.target is not None:
        accuracy += (
            f" Target: runs that reach {target_words(summary.objective)}, of all runs. Below: two "
            "one-sided 95% bounds of the rate. A run that failed or diverged is a miss."
        )
        costs = (
            "Epochs to target: the first epoch that reaches it, as a median over all runs. A run "
            f"that never reaches it counts as later than its last epoch. {costs}"
        )
    published = (
        f"{summary.heading}: its number for one run, and the place of this number among our runs."
    )
    said = (accuracy, costs, *((published,) if summary.every_claim else ()))
    return (*said, *intervals.notes(summary.arms), *time_notes(summary.runs))


def _row(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    n_parameters = arm.first.n_parameters
    claim = summary.published_of(arm, "last_test_accuracy_percent")
    return (
        network(summary, arm),
        Cell(integer(n_parameters), sort=n_parameters),
        measured(summary, arm, "multiply_adds", "multiply_adds"),
        measured(summary, arm, "receptive_field", FIGURE),
        *_accuracy(arm),
        *_of_target(summary, arm),
        time_a_run(arm),
        *((published(summary, arm, claim, arm.test_counts),) if summary.every_claim else ()),
    )


def _of_target(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    if summary.target is None:
        return ()
    return (reached(arm), epochs_to_target(arm)) if summary.aims(arm) else (NONE, NONE)


def _accuracy(arm: Arm) -> tuple[Cell, Cell]:
    """The mean with its interval; the spread with its ends."""
    found = arm.accuracy()
    mean, sd, interval = found.mean_percent, found.sd_points, found.interval
    if mean is None:
        return NONE, NONE
    around = f"{fixed(interval.low, 3)} to {fixed(interval.high, 3)}" if interval else ""
    ends = f"{points(found.lowest_percent, 2)} to {points(found.highest_percent, 2)}"
    return Cell(fixed(mean, 3), around, sort=float(mean)), Cell(points(sd), ends, sort=sd)
