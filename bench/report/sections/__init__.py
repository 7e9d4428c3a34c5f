"""The report's sections: one file each, found by a scan of this folder.

A section file has three hooks (names that begin with an underscore are no sections)::

    ORDER = 20                        position on the page
    SCOPE = "dataset"                 once for each data set, or "suite": once in all
    PAGES = ("index", "markdown")     of the index, an architecture's page and report.md
    def section(summary: Summary) -> Section | None    None where there is nothing to say

Everything is sorted, rounded and worded here; templates only loop.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from matplotlib.figure import Figure

PageKind = Literal["index", "architecture", "markdown"]
Scope = Literal["suite", "dataset"]


@dataclass(frozen=True)
class Cell:
    """A table's cell; `note` stands below in small type, `href` is relative to the page.

    `sort` is the number that the cell is sorted by, None for its text. `series`, on a row's first
    cell, is the architecture that the row speaks of, which a reader may hide; `anchor`, there too,
    is the row's own address on the page.
    """

    text: str
    note: str = ""
    href: str = ""
    sort: float | None = None
    series: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column; numbers stand right, words left.

    `filter` offers the reader the column's values to choose from.
    """

    title: str
    numeric: bool = True
    note: str = ""
    filter: bool = False


@dataclass(frozen=True)
class Table:
    """The first cell of a row is its header; `total` rows (at the end) are set apart.

    A `folded` table is opened by the reader; a `sortable` one has no order that means something.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[tuple[Cell, ...], ...] = ()
    folded: bool = False
    sortable: bool = True


@dataclass(frozen=True)
class Plot:
    """A figure that is still to be drawn, for a wide page and for a narrow one.

    `name` is its file's stem, `alt` says what it shows to who cannot see it. `draw` may be called
    in another process: a function of a module, or a `partial` of one.
    """

    name: str
    alt: str
    caption: str
    draw: Callable[[bool], Figure]  # narrow -> figure


@dataclass(frozen=True)
class Point:
    """One answer: a headline number and the sentence that says all of it."""

    title: str
    href: str
    headline: str
    sentence: str


@dataclass(frozen=True)
class Listing:
    """Text that keeps its line breaks."""

    caption: str
    text: str


@dataclass(frozen=True)
class Download:
    """A file of the report that a reader takes away; `file` is relative to the reports folder."""

    file: str
    title: str
    content: Callable[[], str]


@dataclass(frozen=True)
class Section:
    """What stands under one heading, in this order; `nav` is its short name in the bar."""

    title: str
    nav: str = ""
    text: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()  # small print below the tables
    listings: tuple[Listing, ...] = ()
    downloads: tuple[Download, ...] = ()


class SectionFile(Protocol):
    """What a module of this folder offers."""

    ORDER: int
    SCOPE: Scope
    PAGES: tuple[PageKind, ...]
    __name__: str

    def section(self, summary: object) -> Section | None:
        """What it says about the summary, None for nothing."""
        ...


def found(page: PageKind | None = None) -> list[SectionFile]:
    """Every section file, or those of one kind of page, by ORDER and then by name."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    modules = [
        cast(SectionFile, importlib.import_module(f"{__name__}.{name}"))
        for name in names
        if not name.startswith("_")
    ]
    chosen = [module for module in modules if page is None or page in module.PAGES]
    return sorted(chosen, key=lambda module: (module.ORDER, module.__name__))


def slug(file: SectionFile) -> str:
    """The section's name in addresses: `hardest-digits`."""
    return file.__name__.rpartition(".")[2].replace("_", "-")


def named(
    files: Iterable[SectionFile], dataset: str, number: int
) -> Iterator[tuple[str, SectionFile]]:
    """The sections of one data set on a page, each with its name in addresses.

    Args:
        files: In the page's order.
        dataset: Its name: a further one's sections are `results-mnist5k`.
        number: Its place on the page; all sections speak of the first, 0.
    """
    for file in files:
        if number == 0:
            yield slug(file), file
        elif file.SCOPE == "dataset":
            yield f"{slug(file)}-{dataset}", file
