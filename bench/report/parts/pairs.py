"""Arms compared in pairs, their p corrected together: as cells, as bars and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from bench.records.arms import Arm
from bench.report.figures.differences import Difference, differences
from bench.report.model import Cell, Column, Plot
from bench.report.summary import Summary
from bench.stats.comparison import Comparison, Design, compare, corrected
from bench.stats.declared import MARGIN_POINTS, TEST_ALPHA
from bench.stats.format import MINUS, NOT_AVAILABLE, fixed, integer, p_value, signed, span
from bench.stats.values import Interval

MOST_ARMS = 12  # of which every pair is compared
MOST_DRAWN = 10_000  # pairs times runs: above it all pairs would take longer than ten seconds
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
FEW = 12  # arms; of more, variations stand in a table of their own, folded
compared = lru_cache(maxsize=2_048)(compare)  # the index and report.md ask the same


@dataclass(frozen=True)
class Pair:
    """Two arms and what their runs say."""

    first: Arm
    second: Arm
    result: Comparison

    @property
    def points(self) -> float:
        """The first arm less the second; 0 where nothing was measured."""
        return self.result.difference_points or 0.0

    @property
    def is_told_apart(self) -> bool:
        """Whether they differ after correction by Holm."""
        return self.result.holm_p is not None and self.result.holm_p < TEST_ALPHA

    @property
    def label(self) -> str:
        return f"{self.first.label} {MINUS} {self.second.label}"

    def cells(self) -> tuple[Cell, ...]:
        """One for each of the columns: the first arm less the second."""
        one = self.result
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

    def bar(self, best: Arm | None = None) -> Difference:
        """The best arm, where one is asked for, comes first."""
        is_turned = best is not None and self.second is best
        first, second = (self.second, self.first) if is_turned else (self.first, self.second)
        value = self.points
        interval = self.result.interval
        if is_turned:
            value, interval = -value, interval and turned(interval)
        label = f"{first.label} {MINUS} {second.label}"
        spans = f", 95% interval {span(interval)}" if interval else ""
        return Difference(
            label=label,
            value=value,
            interval=(interval.low, interval.high) if interval else None,
            says=f"{label}: {signed(value)} points{spans}, Holm p {p_value(self.result.holm_p)}",
        )


def is_small(arms: Sequence[Arm]) -> bool:
    """Whether every pair is compared, not only those with the best arm."""
    n_pairs = len(arms) * (len(arms) - 1) // 2
    n_runs = max((len(arm.runs) for arm in arms), default=0)
    return len(arms) <= MOST_ARMS and n_pairs * n_runs <= MOST_DRAWN


def networks_of_many(summary: Summary, arms: list[Arm], *, few: bool) -> list[Arm]:
    """The arms; where they are not few, those that are no variation of another, if several."""
    networks = [arm for arm in arms if not summary.is_variation(arm)]
    return arms if few or len(networks) < 2 else networks


def tested(pairs: Sequence[tuple[Arm, Arm]]) -> list[Pair]:
    """Every pair compared, the p of all corrected together."""
    found = corrected([_compare(first, second) for first, second in pairs])
    return [Pair(*arms, one) for arms, one in zip(pairs, found, strict=True)]


def _compare(first: Arm, second: Arm) -> Comparison:
    ours, theirs = (tuple(arm.counts("test")) for arm in (first, second))
    return compared(ours, theirs, Design(first.n_test, n_resamples=0))


def plot(name: str, what: str, caption: str, rows: list[Difference]) -> Plot:
    """A bar a pair.

    Args:
        name: The file's stem.
        what: Begins the words for a reader who cannot see the figure.
        caption: Begins the caption.
        rows: From top to bottom.
    """
    return Plot(
        name=name,
        alt=f"{what} with 95% intervals: {'; '.join(row.says for row in rows)}.",
        caption=(
            f"{caption}. Bar: its 95% interval. Shaded: equivalent, within {MARGIN_POINTS} points."
        ),
        draw=partial(differences, rows, MARGIN_POINTS),
    )


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
        f"The runs of {which} were made in different environments (processor or versions). The "
        "difference may also come from the environment."
    )
