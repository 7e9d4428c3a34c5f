"""The report's sections: one file each, found by a scan of this folder.

A section file has three hooks (names that begin with an underscore are no sections)::

    ORDER = 20                        position on the page
    SCOPE = "dataset"                 once for each data set, "document": once for each document
                                      whose report is a part of its own, or "suite": once in all
    PAGES = ("index", "markdown")     of the index, an architecture's page and report.md
    def section(summary: Summary) -> Section | None    None where there is nothing to say
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Protocol, cast

from bench.report.model import PageKind, Scope, Section


class SectionFile(Protocol):
    """What a module of this folder offers."""

    ORDER: int
    SCOPE: Scope
    PAGES: tuple[PageKind, ...]
    __name__: str

    def section(self, summary: object) -> Section | None:
        """What it says about the summary, None for nothing."""
        ...


class Placed(Protocol):
    """What a summary says of its place in the report."""

    @property
    def place(self) -> str:
        """What the names of its figures begin with."""
        ...

    @property
    def opens(self) -> bool:
        """Whether it stands first of its document's."""
        ...


def found(page: PageKind | None = None) -> list[SectionFile]:
    """Every section file, or those of one kind of page, by ORDER and then by name."""
    modules = [
        cast(SectionFile, importlib.import_module(f"{__name__}.{each.name}"))
        for each in pkgutil.iter_modules(__path__)
        if not each.name.startswith("_")
    ]
    chosen = [module for module in modules if page is None or page in module.PAGES]
    return sorted(chosen, key=lambda module: (module.ORDER, module.__name__))


def slug(file: SectionFile) -> str:
    """The section's name in addresses: `hardest-digits`."""
    return file.__name__.rpartition(".")[2].replace("_", "-")


def named(
    files: Iterable[SectionFile], summary: Placed, number: int
) -> Iterator[tuple[str, SectionFile]]:
    """The sections of one part of a page, each with its name in addresses.

    Args:
        files: In the page's order.
        summary: Of the part: a further one's sections are `results-mnist5k`.
        number: Its place on the page; all sections speak of the first, 0.
    """
    for file in files:
        if number == 0:
            yield slug(file), file
        elif file.SCOPE == "dataset" or (file.SCOPE == "document" and summary.opens):
            yield f"{slug(file)}-{summary.place}", file
