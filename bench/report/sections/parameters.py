"""The distribution of parameters, counted exactly; the components add up to the total."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bench.report.model import Cell, Column, PageKind, Scope, Section, Table, words
from bench.report.parts import totals
from bench.report.parts.cells import MOST_APART, at_least, counts_by_part, having, model, notes
from bench.report.summary import Summary
from bench.spec import Claim, Portrait
from bench.stats.format import integer

ORDER = 32
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "architecture", "markdown")
# Other ways to split the same total: the measure's view, the table's caption.
VIEWS: tuple[tuple[str, str], ...] = (
    ("by_type", "The same parameters by type of layer"),
    ("by_role", "The same parameters by declared role"),
    ("by_kind", "The same parameters as weights and biases"),
    ("by_training", "The same parameters, trainable and frozen"),
)
MEASURE, TOTAL = "parameters", "Total"


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = having(summary, MEASURE)
    if not portraits:
        return None
    few = len(portraits) <= MOST_APART
    own = summary.document.components if summary.document else ()
    *rows, total = (
        (Cell(part), *(_cell(summary, portrait, part) for portrait in portraits))
        for part in (*own, *_others(portraits, own), TOTAL)
    )
    table = Table(
        caption="Trainable parameters by component",
        columns=(*words("Component"), *(Column(p.display_name) for p in portraits)),
        rows=tuple(rows),
        total=(total,),
    )
    return Section(
        title="Parameter distribution",
        nav="Parameters",
        text=_text(summary, table) if summary.reproduces("parameters") else (),
        plots=totals.plot(
            summary,
            portraits,
            MEASURE,
            "parameters",
            said=lambda each: summary.published(each.architecture, f"n_parameters.{TOTAL.lower()}"),
            first=own,
        ),
        tables=(table, *_views(portraits)) if few else (_turned(summary, portraits, table),),
        notes=notes(portraits, MEASURE),
    )


def _turned(summary: Summary, portraits: list[Portrait], table: Table) -> Table:
    """A row a network: so many columns would run out of sight. Its page has the other splits."""
    parts = (*table.rows, *table.total)
    return Table(
        caption=table.caption,
        columns=(*words("Network"), *(Column(part[0].text) for part in parts)),
        rows=tuple(
            (model(summary, portrait), *(part[place] for part in parts))
            for place, portrait in enumerate(portraits, 1)
        ),
    )


def _text(summary: Summary, table: Table) -> tuple[str, ...]:
    """What the document's numbers below ours are; nothing where it gives none."""
    label, said = summary.label, [cell.note for row in (*table.rows, *table.total) for cell in row]
    if not any(said):
        return ()
    rounded = f"; “~” marks what the {label} rounds" if any("~" in note for note in said) else ""
    return (f"Counted above, as the {label} gives it below{rounded}.",)


def _others(portraits: list[Portrait], own: Sequence[str]) -> list[str]:
    """Components that the document does not name and some network has."""
    counts = [portrait.measures[MEASURE].components for portrait in portraits]
    return sorted({name for each in counts for name, n in each.items() if n} - set(own))


def _cell(summary: Summary, portrait: Portrait, part: str) -> Cell:
    measured = portrait.measures[MEASURE]
    parts = measured.components
    n = sum(parts.values()) if part == TOTAL else parts.get(part, 0)
    claim = summary.published(portrait.architecture, f"n_parameters.{_slug(part)}")
    return Cell(at_least(measured, n), _said(summary.heading, claim), sort=n)


def _views(portraits: list[Portrait]) -> list[Table]:
    """A table a view that some portrait has; rows in the order in which they are first met."""
    tables = []
    for view, caption in VIEWS:
        counts = [(p.display_name, p.measures[MEASURE].views.get(view, {})) for p in portraits]
        parts = list(dict.fromkeys(part for _, own in counts for part in own))
        if parts:
            tables.append(replace(counts_by_part(caption, "Part", counts, parts), folded=True))
    return tables


def _said(heading: str, claim: Claim | None) -> str:
    if claim is None:
        return ""
    return f"{heading} {'~' if claim.tolerance else ''}{integer(int(claim.published))}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
