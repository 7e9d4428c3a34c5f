"""Cells of tables whose rows are architectures: what they are sorted and hidden by."""

from __future__ import annotations

from bench.sections import Cell
from bench.sections._format import NOT_AVAILABLE, anything, integer
from bench.sections._summary import Summary
from bench.spec import Measured, Portrait


def model(summary: Summary, portrait: Portrait) -> Cell:
    """A row's first cell: the architecture, with a link to its page where that is another one."""
    href = "" if summary.base else summary.page_of(portrait.architecture)
    return Cell(portrait.display_name, href=href, series=portrait.architecture)


def value(measured: Measured, name: str) -> Cell:
    """A measured figure; of a measure that could count parts alone it is a lower bound."""
    if name not in measured.values:
        return Cell(NOT_AVAILABLE)
    found = measured.values[name]
    number = isinstance(found, int | float) and not isinstance(found, bool)
    text = f"{'at least ' if measured.at_least else ''}{anything(found)}"
    return Cell(text, sort=found if number else None)


def whole(number: int) -> Cell:
    """A count."""
    return Cell(integer(number), sort=number)
