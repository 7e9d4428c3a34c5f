"""The figure of what a network's total is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from bench.report.figures.bars import Total, totals
from bench.report.model import Plot
from bench.report.parts.cells import MOST_APART, of_pages
from bench.report.summary import Summary
from bench.spec import Claim, Portrait
from bench.stats.format import integer, listed


def plot(
    summary: Summary,
    portraits: list[Portrait],
    measure: str,
    what: str,
    *,
    said: Callable[[Portrait], Claim | None] = lambda _: None,
    first: Iterable[str] = (),
) -> tuple[Plot, ...]:
    """A bar a network; nothing for many networks, or where a total is not known whole.

    Args:
        summary: Of the page.
        portraits: Of the networks.
        measure: Whose components add up to the total.
        what: The total's unit, in the plural.
        said: The document's claim of the total.
        first: Components in their order; further ones follow as they are met.
    """
    found = [portrait.measures[measure] for portrait in portraits]
    if len(portraits) > MOST_APART or any(each.at_least or not each.components for each in found):
        return ()
    rows = [_row(summary, portrait, measure, list(first), said(portrait)) for portrait in portraits]
    parts = list(dict.fromkeys(name for row in rows for name, _ in row.parts))
    triangle = f" Triangle: the {summary.label}." if any(row.published for row in rows) else ""
    alt = "; ".join(f"{row.label} {listed(_words(row))}" for row in rows)
    return (
        Plot(
            name=f"{of_pages(summary, portraits)}-{measure}",
            alt=f"{what.capitalize()} of each network by component: {alt}.",
            caption=f"{what.capitalize()} by component: {listed(parts)}.{triangle}",
            draw=partial(totals, rows, what),
        ),
    )


def _row(
    summary: Summary, portrait: Portrait, measure: str, first: list[str], claim: Claim | None
) -> Total:
    counts = portrait.measures[measure].components
    names = [*first, *(name for name in counts if name not in first)]
    name, n = portrait.display_name, sum(counts.values())
    said = f"{name}: the {summary.label} says {integer(int(claim.published))}" if claim else ""
    return Total(
        label=f"{name}, {integer(n)}",
        parts=tuple((part, counts[part]) for part in names if counts.get(part)),
        published=(claim.published, said) if claim else None,
        series=portrait.architecture,
    )


def _words(row: Total) -> list[str]:
    return [f"{name} {integer(value)}" for name, value in row.parts]
