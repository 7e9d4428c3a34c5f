"""Every model against every other: the difference first, then what may be said about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from bench.records.arms import Arm
from bench.report.figures.differences import Difference
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.pairs import (
    COLUMNS,
    METHOD,
    Pair,
    across_environments,
    is_small,
    networks_of_many,
    plot,
    tested,
    turned,
)
from bench.report.parts.verdicts import n_words
from bench.report.summary import Summary
from bench.stats.comparison import runs_to_reach
from bench.stats.declared import DRAW_SEED, MARGIN_POINTS, TEST_ALPHA
from bench.stats.format import (
    MINUS,
    NOT_AVAILABLE,
    corrected_by_holm,
    count,
    integer,
    listed,
    mean_percent,
    p_value,
    points,
    signed,
    span,
)

ORDER = 45
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("comparisons", "markdown")
MOST_NAMED = 6
MOST_DRAWN_PAIRS = 15  # in the figure, all those of six models
MATRIX_NOTE = "row minus column"
FAMILY = "this section"
PAIR = Column("Pair", numeric=False, note="first minus second")


def section(summary: Summary) -> Section | None:
    """None for fewer than two arms with a test accuracy."""
    arms = _compared(summary)
    if len(arms) < 2 or summary.dataset is None:
        return None
    best = max(arms, key=lambda arm: arm.accuracy().mean_percent or 0)
    whole = is_small(arms)
    pairs = tested(
        list(combinations(arms, 2)) if whole else [(best, arm) for arm in arms if arm is not best]
    )
    several = whole and len(arms) > 2
    tables = [_matrix(summary, arms, pairs)] if several else []
    return Section(
        title="Pairwise comparisons",
        nav="Comparisons",
        text=(_found(best, pairs), *_reach(pairs), METHOD),
        plots=(_plot(summary, best, pairs, whole),),
        tables=(*tables, _details(_which(best, pairs, whole), summary, pairs, folded=several)),
        notes=_notes(summary, arms, best, pairs, whole),
    )


def _compared(summary: Summary) -> list[Arm]:
    """Of many arms only the networks: their variations are compared with them elsewhere."""
    arms = [arm for arm in summary.arms if arm.test_counts]
    return networks_of_many(summary, arms, few=is_small(arms))


def _found(best: Arm, pairs: list[Pair]) -> str:
    """The effect in words: who is ahead, and of whom that can be said."""
    told = [pair for pair in pairs if pair.is_told_apart]
    same = [
        p for p in pairs if p.result.equivalence and p.result.equivalence.verdict == "equivalent"
    ]
    head = f"{best.label} has the highest mean, {mean_percent(best.accuracy())}."
    together = corrected_by_holm(len(pairs), FAMILY)
    if not told:
        middle = f" No pair differs at p < {TEST_ALPHA}, {together}."
    elif len(told) > MOST_NAMED:
        n = f"{'All' if len(told) == len(pairs) else integer(len(told))} pairs"
        middle = f" {n} differ at p < {TEST_ALPHA}, {together}."
    else:
        said = listed([_ahead(pair) for pair in told])
        middle = f" At p < {TEST_ALPHA}, {together}: {said}."
    if not same:
        return head + middle
    alike = "pair is" if len(same) == 1 else "pairs are"
    return (
        f"{head}{middle} {integer(len(same))} {alike} equivalent: less than {MARGIN_POINTS} points "
        "apart."
    )


def _ahead(pair: Pair) -> str:
    difference = pair.points
    above, below = (pair.first, pair.second) if difference > 0 else (pair.second, pair.first)
    return f"{above.label} is {points(abs(difference))} points above {below.label}"


def _reach(pairs: list[Pair]) -> tuple[str, ...]:
    """What these numbers of runs could not have shown."""
    hopeless = [pair for pair in pairs if not pair.result.can_reach_alpha]
    if not hopeless:
        return ()
    which = (
        "No pair could"
        if len(hopeless) == len(pairs)
        else f"{integer(len(hopeless))} of the pairs could not"
    )
    least = [p.result.smallest_holm_p for p in hopeless if p.result.smallest_holm_p is not None]
    smallest = f": the smallest p that they allow is {p_value(min(least))}" if least else ""
    text = (
        f"{which} have reached p < {TEST_ALPHA} with these runs{smallest}, "
        f"{corrected_by_holm(len(pairs), FAMILY)}. The permutation test needs at least "
        f"{runs_to_reach(len(pairs))} runs of each model. The differences and their intervals "
        "remain valid."
    )
    return (text,)


def _plot(summary: Summary, best: Arm, pairs: list[Pair], whole: bool) -> Plot:
    """Every pair where they are few, else the best arm against each other one."""
    few = whole and len(pairs) <= MOST_DRAWN_PAIRS
    shown = pairs if few else [pair for pair in pairs if best in (pair.first, pair.second)]
    bars = [pair.bar() if few else _against(best, pair) for pair in shown]
    n = n_words(n for pair in shown for n in (pair.result.n_first, pair.result.n_second))
    return plot(
        f"{summary.place}-comparisons",
        f"Differences of mean test accuracy on {summary.prefix}",
        f"{_which(best, shown, few)} on {summary.prefix}: difference of mean accuracy, "
        f"{n} runs each",
        bars if few else sorted(bars, key=lambda bar: bar.value),  # the nearest to the best first
    )


def _against(best: Arm, pair: Pair) -> Difference:
    """The caption names the best."""
    other = pair.first if pair.second is best else pair.second
    return replace(pair.bar(best), label=f"{MINUS} {other.label}")


def _matrix(summary: Summary, arms: list[Arm], pairs: list[Pair]) -> Table:
    cells = {(arm.slug, arm.slug): Cell("·", sort=0.0) for arm in arms}
    for pair in pairs:
        cells[pair.first.slug, pair.second.slug] = _matrix_cell(pair, 1)
        cells[pair.second.slug, pair.first.slug] = _matrix_cell(pair, -1)

    return Table(
        caption=(
            f"Difference of mean test accuracy on {summary.prefix} in percentage points, "
            f"{MATRIX_NOTE}, with its 95% interval; *: Holm p below {TEST_ALPHA}"
        ),
        columns=(Column("Model", numeric=False), *(Column(f"{MINUS} {arm.label}") for arm in arms)),
        rows=tuple(
            (Cell(row.label, series=row.architecture), *(cells[row.slug, arm.slug] for arm in arms))
            for row in arms
        ),
        sortable=False,
    )


def _matrix_cell(pair: Pair, sign: int) -> Cell:
    difference = pair.result.difference_points
    if difference is None:
        return Cell(NOT_AVAILABLE)
    star = " *" if pair.is_told_apart else ""
    interval = pair.result.interval
    if sign < 0:
        difference, interval = -difference, interval and turned(interval)
    return Cell(signed(difference) + star, span(interval), sort=difference)


def _which(best: Arm, pairs: list[Pair], whole: bool) -> str:
    if not whole:
        return f"{best.label} against every other model"
    return "Every pair of models" if len(pairs) > 1 else "The two models"


def _details(which: str, summary: Summary, pairs: list[Pair], *, folded: bool) -> Table:
    return Table(
        caption=f"{which} in full, test accuracy after the last epoch on {summary.prefix}",
        columns=(PAIR, *COLUMNS),
        rows=tuple((Cell(pair.label), *pair.cells()) for pair in pairs),
        folded=folded,
    )


def _notes(
    summary: Summary, arms: list[Arm], best: Arm, pairs: list[Pair], whole: bool
) -> tuple[str, ...]:
    notes = [
        (
            f"Holm p: {corrected_by_holm(len(pairs), FAMILY)}. Probability of improvement: the "
            f"chance that a new run of the first model beats a new run of the second; a tie "
            f"counts half; score interval (Newcombe). Equivalence: two "
            "one-sided t tests at 5% each."
        )
    ]
    if any(each.judged.others for each in summary.ledger):
        notes.append(
            "A claim that compares two networks is corrected for the comparisons of its document. "
            "So its p may differ from the p of the same pair here."
        )
    if not whole:
        notes.append(
            f"{integer(len(arms))} models make too many pairs, so only the pairs with the best "
            f"model are shown. The same runs picked {best.label} as the best, so its lead is "
            "slightly too large."
        )
    missing = sum(not run.completed for arm in arms for run in arm.runs)
    if missing:
        notes.append(
            f"{count(missing, 'run')} without a count: left out of means and tests, and counted "
            "as a loss in the probability of improvement."
        )
    across = across_environments(pairs)
    if across:
        notes.append(across)
    if any(pair.result.test and not pair.result.test.exact for pair in pairs):
        notes.append(f"Drawn tests use the seed {DRAW_SEED}.")
    if any(arm.standing.is_sequence for arm in arms):
        notes.append(
            "The tests assume that the numbers of runs were fixed beforehand. Some of these arms "
            "were extended or stopped because of their results."
        )
    return tuple(notes)
