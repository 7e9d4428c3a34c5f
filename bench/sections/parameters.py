"""The README's parameter distribution, counted exactly; the components add up to the total."""

from __future__ import annotations

import re

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import NOT_AVAILABLE, integer
from bench.sections._notes import notes
from bench.sections._summary import Summary
from bench.spec import Claim, Portrait

ORDER = 30
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index",)
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
        tables=(table,),
        notes=notes(portraits, MEASURE),
    )


def _row(summary: Summary, name: str, portraits: list[Portrait]) -> tuple[Cell, ...]:
    cells = [
        Cell(
            _count(portrait, portrait.measures[MEASURE].components.get(name, 0)),
            _readme(summary.published(portrait.architecture, f"n_parameters.{_slug(name)}")),
        )
        for portrait in portraits
    ]
    return (Cell(name), *cells)


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
    return NOT_AVAILABLE if portrait.measures[MEASURE].error else integer(n_parameters)


def _readme(claim: Claim | None) -> str:
    if claim is None:
        return ""
    return f"README {'~' if claim.tolerance else ''}{integer(int(claim.published))}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
