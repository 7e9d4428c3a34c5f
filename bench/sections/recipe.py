"""How one architecture is trained."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._summary import Summary
from bench.spec import Recipe

ORDER = 80
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("architecture",)


def section(summary: Summary) -> Section | None:
    """The recipe of each portrait, else of each arm without one."""
    recipes = {portrait.display_name: portrait.recipe for portrait in summary.portraits}
    recipes = recipes or {arm.label: arm.first.recipe for arm in summary.arms}
    tables = tuple(_table(label, recipe) for label, recipe in recipes.items())
    return Section(title="Recipe", tables=tables) if tables else None


def _table(label: str, recipe: Recipe) -> Table:
    return Table(
        caption=f"Recipe of {label}",
        columns=(Column("Setting", numeric=False), Column("Value", numeric=False)),
        rows=tuple((Cell(name), Cell(value)) for name, value in _flat(recipe)),
    )


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(value):
        item = getattr(value, field.name)
        name = f"{prefix}{field.name.replace('_', ' ')}"
        if isinstance(item, msgspec.Struct):
            rows += _flat(item, f"{name}: ")
        else:
            rows.append((name, f"{item:g}" if isinstance(item, float) else str(item)))
    return rows
