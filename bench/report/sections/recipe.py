"""How one architecture is trained."""

from __future__ import annotations

from typing import Any

from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.spec import Augmentation, Recipe
from bench.stats.format import written

ORDER = 80
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("architecture",)


def section(summary: Summary) -> Section | None:
    """The recipe of each portrait, else of each arm without one."""
    recipes = {portrait.display_name: portrait.recipe for portrait in summary.portraits}
    of_arms = ((arm.label, arm.first.recipe) for arm in summary.arms)
    recipes = recipes or {label: recipe for label, recipe in of_arms if recipe is not None}
    tables = tuple(_table(label, recipe) for label, recipe in recipes.items())
    return Section(title="Recipe", tables=tables) if tables else None


def _table(label: str, recipe: Recipe) -> Table:
    return Table(
        caption=f"Recipe of {label}",
        columns=(Column("Setting", numeric=False), Column("Value", numeric=False)),
        rows=tuple((Cell(name), Cell(value)) for name, value in _rows(recipe)),
        folded=True,
        sortable=False,
    )


def _rows(recipe: Recipe) -> list[tuple[str, str]]:
    """Every field that acts and its value; parts of the augmentation that are off have no row."""
    rows: list[tuple[str, str]] = []
    for name, value in _items(recipe):
        if isinstance(value, Augmentation):
            parts = [(n, v) for n, v in _items(value) if not _is_off(n, v)]
            rows += [(f"{_words(name)}: {_words(n)}", _worded(v)) for n, v in parts]
        else:
            rows.append((_words(name), _worded(value)))
    return rows


def _is_off(name: str, value: object) -> bool:
    """Whether it says of a part of the augmentation that it never acts, or that it always does."""
    return value == 0 or (name.endswith("_probability") and value == 1)


def _items(value: Recipe | Augmentation) -> list[tuple[str, Any]]:
    unused = value.unused
    return [(name, getattr(value, name)) for name in value.__struct_fields__ if name not in unused]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _worded(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_worded(part) for part in value) or "none"
    return written(value) if isinstance(value, float) else str(value)
