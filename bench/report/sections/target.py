""" "Consistently": how many runs reach the target, and what that proves."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.cells import epochs_to_target
from bench.report.parts.pairs import FEW, networks_of_many
from bench.report.parts.verdicts import note, rate_words, rules, target_words, words
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, fixed, integer, mean_percent, points, ranges
from bench.stats.rates import lower_bound

ORDER = 25
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("leaderboard", "fragment")
HEADS = (
    Column("Model", numeric=False),
    Column("Reached"),
    Column("Lower bound", note="one-sided 95%"),
    Column("Upper bound", note="one-sided 95%"),
)
OTHER_WAYS = (
    Column("Last three epochs", note="all reach it"),
    Column("Best epoch", note="by validation, reaches it"),
    Column("Any epoch", note="optimistic"),
    Column("Epochs to it", note="median"),
)
CHOOSING = (
    *(Column("Model", numeric=False), Column("Seeds", numeric=False), Column("Reached")),
    Column("Test accuracy", note="mean ± sd"),
)
PROOF = f" Five of five would prove only a rate of {fixed(lower_bound(5, 5), 3)}."


def section(summary: Summary) -> Section | None:
    """None where there is no target, or no run looked at the test split."""
    arms = [arm for arm in summary.arms if summary.aims(arm)]
    if not arms:
        return None
    rate = rate_words(summary.objective)
    exact = any(arm.standing.kind in ("declared", "undeclared") for arm in arms)
    text = (
        (
            f"A run reaches the target when its last epoch has {integer(arms[0].target)} or more "
            f"of {integer(arms[0].n_test)} test images right. {rules(arms)} "
            f"“Consistently” is confirmed when the lower bound reaches {rate}. It is refuted when "
            f"the upper bound is less than {rate}. Otherwise it is "
            f"undecided.{PROOF if exact else ''}"
        ),
    )
    networks = networks_of_many(summary, arms, few=len(arms) <= FEW)
    variations = [arm for arm in arms if arm not in networks]
    caption = f"Runs that reach {target_words(summary.objective)}"
    columns = (*HEADS, _verdict(rate), *OTHER_WAYS)
    tables = [Table(caption, columns, tuple(map(_row, networks)))]
    if variations:
        rows = tuple(map(_row, variations))
        tables.append(Table(f"{caption}, variations of the networks", columns, rows, folded=True))
    if summary.choosing:
        caption = "Runs that helped to choose a network: they judge nothing"
        tables.append(Table(caption, CHOOSING, tuple(map(_choosing, summary.choosing))))
    title = "How often the target is reached"
    return Section(title=title, nav="Target", text=text, tables=tuple(tables))


def _verdict(rate: str) -> Column:
    return Column("Verdict", numeric=False, note=f"rate of {rate} or more")


def _row(arm: Arm) -> tuple[Cell, ...]:
    verdict, outcomes = arm.verdict, arm.outcomes
    return (
        Cell(arm.label, series=arm.architecture),
        _share(arm.n_reached, arm),
        Cell(fixed(verdict.lower, 3), sort=verdict.lower),
        Cell(fixed(verdict.upper, 3), sort=verdict.upper),
        Cell(words(arm), note(arm)),
        _share(outcomes.sustained, arm),
        _share(outcomes.selected or 0, arm) if arm.dataset.n_validation else Cell(NOT_AVAILABLE),
        _share(outcomes.touched, arm),
        epochs_to_target(arm),
    )


def _choosing(arm: Arm) -> tuple[Cell, ...]:
    found = arm.accuracy()
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(ranges(arm.seeds)),
        _share(arm.n_reached, arm) if arm.has_target else Cell(NOT_AVAILABLE),
        Cell(f"{mean_percent(found)} ± {points(found.sd_points)}"),
    )


def _share(n_runs: int, arm: Arm) -> Cell:
    n = len(arm.runs)
    return Cell(f"{integer(n_runs)} of {integer(n)}", sort=n_runs / n)
