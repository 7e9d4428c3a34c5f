""" "Consistently": how many runs reach the target, and what that proves."""

from __future__ import annotations

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import THIN, count, fixed, integer
from bench.sections._summary import Arm, Summary
from bench.stats import DECLARED_RATE, RateVerdict, lower_bound

ORDER = 25
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture")
COLUMNS = (
    Column("Model", numeric=False),
    Column("Reached"),
    Column("Lower bound", note="one-sided 95%"),
    Column("Upper bound", note="one-sided 95%"),
    Column("Verdict", numeric=False, note=f"rate of {DECLARED_RATE:.2f} or more"),
    Column("Last three epochs", note="all reach it"),
    Column("Any epoch", note="optimistic"),
)


def section(summary: Summary) -> Section | None:
    """None where no run looked at the test split."""
    arms = [arm for arm in summary.arms if arm.first.evaluate_test]
    if not arms:
        return None
    text = (
        (
            f"A run reaches the target when its last epoch has {integer(arms[0].target)} or more "
            f"of {integer(arms[0].n_test)} test images right. The bounds are exact (Clopper and "
            "Pearson), each one-sided at 95%. “Consistently” is confirmed when the lower bound "
            f"reaches {DECLARED_RATE:.2f}, refuted when the upper bound lies below it, and "
            "otherwise undecided. Five of five would prove a rate of "
            f"{fixed(lower_bound(5, 5), 3)}, no more."
        ),
    )
    table = Table(
        caption=f"Runs that reach 99.40{THIN}%",
        columns=COLUMNS,
        rows=tuple(_row(arm, summary.comparable) for arm in arms),
    )
    title = "How often the target is reached"
    return Section(title=title, nav="Target", text=text, tables=(table,))


def _row(arm: Arm, comparable: bool) -> tuple[Cell, ...]:
    verdict = arm.verdict
    n = len(arm.runs)
    return (
        Cell(arm.label),
        Cell(f"{arm.n_reached} of {n}"),
        Cell(fixed(verdict.lower, 3)),
        Cell(fixed(verdict.upper, 3)),
        Cell(verdict.verdict, _needs(verdict)) if comparable else Cell("not comparable"),
        Cell(f"{_n_sustained(arm)} of {n}"),
        Cell(f"{_n_touched(arm)} of {n}"),
    )


def _needs(verdict: RateVerdict) -> str:
    """The soonest confirmation: where every further seed succeeds."""
    if verdict.verdict != "undecided":
        return ""
    return f"needs at least {count(verdict.more_to_confirm, 'more seed')} to be confirmed"


def _n_sustained(arm: Arm) -> int:
    return sum(
        len(run.epochs) >= 3 and all((e.test_correct or 0) >= arm.target for e in run.epochs[-3:])
        for run in arm.completed
    )


def _n_touched(arm: Arm) -> int:
    return sum(
        any((e.test_correct or 0) >= arm.target for e in run.epochs) for run in arm.completed
    )
