"""What two arms differ by, as cells, as a bar and in words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.arms import Arm
from bench.report import figures
from bench.report.parts.pairs import Pair
from bench.report.sections import Cell, Column
from bench.stats.declared import MARGIN_POINTS, TEST_ALPHA
from bench.stats.format import MINUS, NOT_AVAILABLE, fixed, integer, p_value, signed, span
from bench.stats.values import Interval

COLUMNS = (
    Column("Difference", note="points"),
    Column("95% interval", note="points"),
    Column("n"),
    Column("Probability of improvement", note="95% interval"),
    Column("p"),
    Column("Holm p"),
    Column("Equivalence", numeric=False, note=f"margin {MARGIN_POINTS} points", filter=True),
)
METHOD = (
    "The runs of a pair are compared as two independent samples: Welch's interval of the "
    "difference, and a permutation test of Welch's statistic."
)


def cells(pair: Pair) -> tuple[Cell, ...]:
    """One for each of the columns: the first arm less the second."""
    one = pair.result
    better, test, same = one.improvement, one.test, one.equivalence
    return (
        Cell(signed(one.difference_points), sort=one.difference_points),
        Cell(span(one.interval)),
        Cell(f"{integer(one.n_first)} and {integer(one.n_second)}", sort=one.n_first),
        Cell(fixed(better.probability, 2), span(better.interval, 2), sort=better.probability)
        if better
        else Cell(NOT_AVAILABLE),
        Cell(p_value(test.p), "" if test.exact else "drawn", sort=test.p)
        if test
        else Cell(NOT_AVAILABLE),
        Cell(
            p_value(one.holm_p),
            "" if one.can_reach_alpha else f"cannot reach {TEST_ALPHA}",
            sort=one.holm_p,
        ),
        Cell(same.verdict, f"p {p_value(same.p)}") if same else Cell(NOT_AVAILABLE),
    )


def bar(pair: Pair, best: Arm | None = None) -> figures.Difference:
    """The best arm, where one is asked for, comes first."""
    is_turned = best is not None and pair.second is best
    first, second = (pair.second, pair.first) if is_turned else (pair.first, pair.second)
    value = points_of(pair)
    interval = pair.result.interval
    if is_turned:
        value, interval = -value, interval and turned(interval)
    label = f"{first.label} {MINUS} {second.label}"
    spans = f", 95% interval {span(interval)}" if interval else ""
    return figures.Difference(
        label=label,
        value=value,
        interval=(interval.low, interval.high) if interval else None,
        says=f"{label}: {signed(value)} points{spans}, Holm p {p_value(pair.result.holm_p)}",
    )


def points_of(pair: Pair) -> float:
    """The difference; 0 where nothing was measured."""
    return pair.result.difference_points or 0.0


def turned(interval: Interval) -> Interval:
    """Of the second arm less the first."""
    return Interval(-interval.high, -interval.low)


def across_environments(pairs: Sequence[Pair]) -> str:
    """What is in some differences beside what was changed; nothing where there is nothing."""
    n_across = sum(pair.first.environments != pair.second.environments for pair in pairs)
    if not n_across:
        return ""
    which = "the pair" if len(pairs) == 1 else f"{integer(n_across)} of {integer(len(pairs))} pairs"
    return (
        f"The runs of {which} were made in different environments (processor or versions): what "
        "that does, if anything, is in the difference too."
    )


def is_told_apart(pair: Pair) -> bool:
    """Whether they differ after correction by Holm."""
    return pair.result.holm_p is not None and pair.result.holm_p < TEST_ALPHA
