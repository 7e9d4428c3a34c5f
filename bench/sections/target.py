""" "Consistently": how many runs reach the target, and what that proves."""

from __future__ import annotations

from bench.protocol import Protocol
from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import THIN, count, fixed, integer
from bench.sections._summary import Arm, Summary
from bench.stats import DECLARED_RATE, RateVerdict, SequenceVerdict, lower_bound

ORDER = 25
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")
COLUMNS = (
    Column("Model", numeric=False),
    Column("Reached"),
    Column("Lower bound", note="one-sided 95%"),
    Column("Upper bound", note="one-sided 95%"),
    Column("Verdict", numeric=False, note=f"rate of {DECLARED_RATE:.2f} or more"),
    Column("Last three epochs", note="all reach it"),
    Column("Any epoch", note="optimistic"),
)
FIXED = "The bounds are exact (Clopper and Pearson), each one-sided at 95%."
PROOF = f" Five of five would prove a rate of {fixed(lower_bound(5, 5), 3)}, no more."


def section(summary: Summary) -> Section | None:
    """None where no run looked at the test split."""
    arms = [arm for arm in summary.arms if arm.first.evaluate_test]
    if not arms:
        return None
    protocol = summary.protocol
    bounds = FIXED if protocol is None else _sequence(protocol)
    text = (
        (
            f"A run reaches the target when its last epoch has {integer(arms[0].target)} or more "
            f"of {integer(arms[0].n_test)} test images right. {bounds} “Consistently” is confirmed "
            f"when the lower bound reaches {DECLARED_RATE:.2f}, refuted when the upper bound lies "
            f"below it, and otherwise undecided.{PROOF if protocol is None else ''}"
        ),
    )
    table = Table(
        caption=f"Runs that reach 99.40{THIN}%",
        columns=COLUMNS,
        rows=tuple(_row(arm, summary.comparable) for arm in arms),
    )
    title = "How often the target is reached"
    return Section(title=title, nav="Target", text=text, tables=(table,))


def _sequence(protocol: Protocol) -> str:
    return (
        f"The runs went on until a rate of {protocol.rate:.2f} at {protocol.target:.2f}{THIN}% was "
        f"decided, {integer(protocol.cap)} at most; so they are judged by their confidence "
        "sequence only (beta-binomial, each bound one-sided at 95%, valid at every look)."
    )


def _row(arm: Arm, comparable: bool) -> tuple[Cell, ...]:
    verdict = arm.verdict
    n = len(arm.runs)
    return (
        Cell(arm.label),
        Cell(f"{arm.n_reached} of {n}"),
        Cell(fixed(verdict.lower, 3)),
        Cell(fixed(verdict.upper, 3)),
        Cell(verdict.verdict, _note(verdict, n)) if comparable else Cell("not comparable"),
        Cell(f"{_n_sustained(arm)} of {n}"),
        Cell(f"{_n_touched(arm)} of {n}"),
    )


def _note(verdict: RateVerdict | SequenceVerdict, n_runs: int) -> str:
    """What is missing; of a sequence with a gap, how far it was judged."""
    gap = f"judged up to its first missing seed, {count(verdict.n, 'run')}"
    notes = (_needs(verdict), gap if verdict.n < n_runs else "")
    return "; ".join(note for note in notes if note)


def _needs(verdict: RateVerdict | SequenceVerdict) -> str:
    """The soonest confirmation: where every further seed succeeds."""
    if verdict.verdict != "undecided" or verdict.more_to_confirm is None:
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
