"""What each ingredient is worth: ablations and changed recipes, each against its own network."""

from __future__ import annotations

from dataclasses import replace

from bench.records.arms import Arm
from bench.report.labels import untold
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.pairs import COLUMNS, Pair, across_environments, plot, tested
from bench.report.summary import ABLATIONS, Summary
from bench.stats.declared import TEST_ALPHA
from bench.stats.format import corrected_by_holm, count, integer, listed, signed

ORDER = 44
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("comparisons", "markdown")
FAMILY = "this section"
MOST_NAMED = 3  # of those that differ; more are counted
NAMES = (Column("Variation", numeric=False), Column("Of", numeric=False, filter=True))


def section(summary: Summary) -> Section | None:
    """None where no network stands beside a variation of it, both with a test accuracy."""
    pairs = tested(_varied(summary))
    if not pairs:
        return None
    pairs.sort(key=lambda pair: (pair.second.label, pair.points))
    return Section(
        title="Variations",
        text=(_found(pairs),),
        plots=(_plot(summary, pairs),),
        tables=(_table(summary, pairs),),
        notes=tuple(filter(None, (_note(pairs), across_environments(pairs)))),
    )


def _varied(summary: Summary) -> list[tuple[Arm, Arm]]:
    """Variations with the network that each is one of."""
    arms = [arm for arm in summary.arms if arm.test_counts]
    own = {arm.architecture: arm for arm in reversed(arms) if summary.is_own(arm)}
    pairs = ((arm, own.get(_network(summary, arm, set(own)))) for arm in arms)
    return [(arm, network) for arm, network in pairs if network is not None]


def _network(summary: Summary, arm: Arm, names: set[str]) -> str:
    """The architecture with its own recipe, or that whose name an ablation's begins with."""
    if not summary.is_own(arm):
        return arm.architecture
    if summary.group_of(arm.architecture) != ABLATIONS:
        return ""
    begun = (name for name in names if arm.architecture.startswith(f"{name}_"))
    return max(begun, key=len, default="")


def _found(pairs: list[Pair]) -> str:
    told = [pair for pair in pairs if pair.is_told_apart]
    told.sort(key=lambda pair: -abs(pair.points))
    head = f"Of {count(len(pairs), 'variation')}, each compared with its own network, "
    level = f"at p < {TEST_ALPHA}, {corrected_by_holm(len(pairs), FAMILY)}"
    if not told:
        return f"{head}no variation differs {level}."
    differ = "differs" if len(told) == 1 else "differ"
    head = f"{head}{integer(len(told))} {differ} {level}: "
    if len(told) <= MOST_NAMED:
        named = [f"{pair.first.label} by {signed(pair.points)} points" for pair in told]
        return f"{head}{listed(named)}."
    below = sum(pair.points < 0 for pair in told)
    return f"{head}{integer(below)} lower and {integer(len(told) - below)} higher."


def _table(summary: Summary, pairs: list[Pair]) -> Table:
    return Table(
        caption=f"Test accuracy on {summary.prefix}, a variation minus its own network",
        columns=(*NAMES, *COLUMNS),
        rows=tuple((*_names(summary, pair), *pair.cells()) for pair in pairs),
    )


def _names(summary: Summary, pair: Pair) -> tuple[Cell, Cell]:
    first, second = (
        Cell(
            arm.label,
            note=untold(arm.first, summary.portrait_of),
            href=summary.page_of(arm.architecture),
            series=arm.architecture,
        )
        for arm in (pair.first, pair.second)
    )
    return first, second


def _plot(summary: Summary, pairs: list[Pair]) -> Plot:
    return plot(
        f"{summary.place}-variations",
        f"Variations on {summary.prefix} minus their own network, mean test accuracy",
        f"Each variation minus its own network on {summary.prefix}: difference of mean test "
        "accuracy",
        [replace(pair.bar(), label=pair.first.label) for pair in pairs],
    )


def _note(pairs: list[Pair]) -> str:
    return (
        "An ablation is a file that takes one thing from a network. The other rows are the "
        "network itself with another recipe. Holm p: "
        f"{corrected_by_holm(len(pairs), FAMILY)}. Equivalence is not corrected; it means that "
        "the 90% interval is within the margin."
    )
