"""The README's parameter distribution, counted exactly; the components add up to the total."""

from __future__ import annotations

import re

from bench.report.parts.cells import whole
from bench.report.parts.notes import notes
from bench.report.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.spec import Claim, Portrait
from bench.stats.format import NOT_AVAILABLE, integer

ORDER = 32
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
# Other ways to split the same total: the measure's view, the table's caption.
VIEWS: tuple[tuple[str, str], ...] = (
    ("by_type", "The same parameters by type of layer"),
    ("by_role", "The same parameters by declared role"),
    ("by_kind", "The same parameters as weights and biases"),
    ("by_training", "The same parameters, trainable and frozen"),
)
README_ROWS = ("Conv Layers", "BatchNorm", "SE Attention", "Skip Connections", "Final Linear")
MEASURE = "parameters"


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits = [p for p in summary.portraits if MEASURE in p.measures]
    if not portraits:
        return None
    found = {name for p in portraits for name in p.measures[MEASURE].components}
    others = sorted(found - set(README_ROWS))
    table = Table(
        caption="Trainable parameters by component",
        columns=(
            Column("Component", numeric=False),
            *(Column(portrait.display_name) for portrait in portraits),
        ),
        rows=tuple(_row(summary, name, portraits) for name in (*README_ROWS, *others)),
        total=(_total(summary, portraits),),
    )
    return Section(
        title="Parameter distribution",
        nav="Parameters",
        text=("Counted above, as the README gives it below; “~” marks what the README rounds.",),
        tables=(table, *_views(portraits)),
        notes=notes(portraits, MEASURE),
    )


def _row(summary: Summary, name: str, portraits: list[Portrait]) -> tuple[Cell, ...]:
    cells = [
        Cell(
            _count(portrait, portrait.measures[MEASURE].components.get(name, 0)),
            _readme(summary.published(portrait.architecture, f"n_parameters.{_slug(name)}")),
            sort=portrait.measures[MEASURE].components.get(name, 0),
        )
        for portrait in portraits
    ]
    return (Cell(name), *cells)


def _views(portraits: list[Portrait]) -> list[Table]:
    """A table a view that some portrait has; rows in the order in which they are first met."""
    tables = []
    for view, caption in VIEWS:
        views = [portrait.measures[MEASURE].views.get(view, {}) for portrait in portraits]
        parts = list(dict.fromkeys(part for own in views for part in own))
        if parts:
            tables.append(
                Table(
                    caption=caption,
                    columns=(
                        Column("Part", numeric=False),
                        *(Column(portrait.display_name) for portrait in portraits),
                    ),
                    rows=tuple(
                        (Cell(part), *(_part(own, own.get(part, 0)) for own in views))
                        for part in parts
                    ),
                    total=((Cell("Total"), *(_part(own, sum(own.values())) for own in views)),),
                    folded=True,
                )
            )
    return tables


def _part(view: dict[str, int], n_parameters: int) -> Cell:
    return whole(n_parameters) if view else Cell(NOT_AVAILABLE)


def _total(summary: Summary, portraits: list[Portrait]) -> tuple[Cell, ...]:
    cells = [
        Cell(
            _count(portrait, sum(portrait.measures[MEASURE].components.values())),
            _readme(summary.published(portrait.architecture, "n_parameters.total")),
        )
        for portrait in portraits
    ]
    return (Cell("Total"), *cells)


def _count(portrait: Portrait, n_parameters: int) -> str:
    measured = portrait.measures[MEASURE]
    if measured.error:
        return NOT_AVAILABLE
    return f"{'at least ' if measured.at_least else ''}{integer(n_parameters)}"


def _readme(claim: Claim | None) -> str:
    if claim is None:
        return ""
    return f"README {'~' if claim.tolerance else ''}{integer(int(claim.published))}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
