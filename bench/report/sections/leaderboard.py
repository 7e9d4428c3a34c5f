"""Networks of several origins in one order: by the mean over seeds, with what that mean hides."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import MARKS, measured, network, published, reached
from bench.report.parts.ranking import FAILED_LAST, Ranked, in_order
from bench.report.parts.verdicts import note, share_words, target_words, words
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, integer, points

ORDER = 11
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "markdown")
NETWORK = (  # a phone shows the first two
    Column("Network", numeric=False),
    Column("Test accuracy", note="mean ± sd"),
    Column("Runs", note="completed, worst"),
    Column("Parameters"),
    Column("Multiply-adds", note="per image"),
)
TARGET = Column("Target", note="runs, bounds")
PUBLISHED = Column("Published", note="place in ours")
# The published number of one run: of its last epoch, or else of the best, chosen on the test split.
LAST, BEST = "last_test_accuracy_percent", "best_test_accuracy_percent"


def section(summary: Summary) -> Section | None:
    """None where all stand at the top of architectures/: the results table ranks one's own.

    Variations are left to the comparisons: nobody chooses among those.
    """
    arms = [arm for arm in summary.arms if arm.test_counts and not summary.is_variation(arm)]
    if summary.dataset is None or not any(summary.group_of(arm.architecture) for arm in arms):
        return None
    table = Table(
        caption=f"Networks by mean test accuracy on {summary.dataset.name}",
        columns=_columns(summary),
        rows=tuple(_row(summary, one) for one in in_order(arms)),
    )
    return Section(title="Leaderboard", tables=(table,), notes=(_note(summary, arms),))


def _columns(summary: Summary) -> tuple[Column, ...]:
    """Without a target, nothing is said of one."""
    if summary.target is None:
        return (*NETWORK, PUBLISHED)
    objective = summary.objective
    said = f"{target_words(objective)} in {share_words(objective)}"
    return (*NETWORK, TARGET, Column("Consistently", numeric=False, note=said), PUBLISHED)


def _note(summary: Summary, arms: list[Arm]) -> str:
    epochs = sorted({arm.first.n_epochs for arm in arms})
    said = " or ".join(str(n) for n in epochs)
    images = integer(arms[0].first.dataset.n_train)
    return (
        f"Test accuracy in percent after the last of {said} epochs on {images} images, over "
        f"completed runs. {FAILED_LAST} Neighbours may differ by chance alone; see the pairwise "
        f"comparisons. {_target(summary)}Published: the number of one run, and its place "
        "among our runs. A published best epoch, chosen on the test split, is compared with our "
        "best epochs."
        f"{_attempts(arms)}"
    )


def _target(summary: Summary) -> str:
    if summary.target is None:
        return ""
    return (
        f"Target: runs that reach {target_words(summary.objective)}, of all runs. Below: two "
        "one-sided 95% bounds of that rate. "
    )


def _attempts(arms: list[Arm]) -> str:
    n = max(arm.standing.n_attempts for arm in arms)
    if n < 2:
        return ""
    return (
        f" Bounds and verdicts of the suite's {integer(n)} attempts at the target are corrected "
        "for this number. In brackets is the verdict without this correction."
    )


def _row(summary: Summary, one: Ranked) -> tuple[Cell, ...]:
    arm = one.arm
    n_parameters = arm.first.n_parameters
    limit = arm.objective.limit
    is_allowed = n_parameters is None or arm.objective.allows(n_parameters)
    over = "" if is_allowed else f"{MARKS[False]} {integer(limit or 0)}"
    worst = points(one.found.lowest_percent, 2)
    return (
        network(summary, arm),
        one.accuracy(),
        one.runs(worst),
        Cell(integer(n_parameters), over, sort=n_parameters),
        measured(summary, arm, "multiply_adds", "multiply_adds"),
        *_of_target(summary, arm),
        _published(summary, arm),
    )


def _of_target(summary: Summary, arm: Arm) -> tuple[Cell, ...]:
    if summary.target is None:
        return ()
    if not summary.aims(arm):
        return Cell(NOT_AVAILABLE), Cell(NOT_AVAILABLE)
    return reached(arm), Cell(words(arm), note(arm))


def _published(summary: Summary, arm: Arm) -> Cell:
    last, best = (summary.published_of(arm, metric) for metric in (LAST, BEST))
    if last:
        return published(summary, arm, last, arm.test_counts)
    return published(summary, arm, best, arm.best_test_counts, "best epoch")
