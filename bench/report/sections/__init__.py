"""The report's sections: one file each, found by a scan of this folder and of the user's own.

A section file has three hooks (names that begin with an underscore are no sections)::

    ORDER = 20                        position on the page
    SCOPE = "dataset"                 once for each data set, "document": once for each document
                                      with a report of its own, or "suite": once in all
    PAGES = ("index", "markdown")     on which pages, as PageKind names them; "arm": folded, for
                                      each further arm of an architecture; "fragment": for
                                      `report --only` and `--update`, but not in report.md
    def section(summary: Summary) -> Section | None    None where there is nothing to say
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass, replace
from functools import cache, partial
from numbers import Number
from pathlib import Path, PurePath
from reprlib import repr as shortened
from types import ModuleType
from typing import Any, Protocol, cast, get_args, get_origin, get_type_hints

from matplotlib.figure import Figure

from bench.errors import BenchError, UsageError, in_one_line
from bench.inputs import plugins
from bench.report.model import Download, PageKind, Plot, Scope, Section

KIND = "sections"
HOOKS = ("ORDER", "SCOPE", "PAGES", "section")


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


def found(*pages: PageKind) -> list[SectionFile]:
    """Every section file, or those of these kinds of page, by ORDER and then by name."""
    ours = [importlib.import_module(f"{__name__}.{name}") for name in _builtin()]
    modules = [cast(SectionFile, module) for module in ours] + cast(list[SectionFile], _own())
    chosen = [module for module in modules if not pages or set(pages) & set(module.PAGES)]
    return sorted(chosen, key=lambda module: (module.ORDER, module.__name__))


def broken() -> list[BenchError]:
    """Why sections could not be used, or failed in the report that was made last."""
    misfits = [each.misfit for each in _own() if each.misfit]
    return [*plugins.own(KIND, HOOKS, _builtin()).broken, *misfits, *_failed.values()]


def begin() -> None:
    """Forgets what failed in an earlier report: a section may have something to show now."""
    _failed.clear()


_failed: dict[str, BenchError] = {}  # module's name of a section -> why


def said_by(file: SectionFile, summary: object) -> Section | None:
    """What the section says; where it fails a notice, and the report goes on."""
    try:
        return file.section(summary)
    except (Exception, SystemExit) as error:  # of records that nobody foresaw, or of a plug-in
        what = in_one_line(error)
        fail(file, what)
        return Section(title=f"The section “{slug(file)}” could not be made", text=(what,))


def fail(file: SectionFile, what: str) -> None:
    """Keeps for `broken` that the section, or a part of it, failed."""
    _failed.setdefault(file.__name__, fault(file, what))


def has_failed(file: SectionFile) -> bool:
    """Whether it failed in the present report."""
    return file.__name__ in _failed


def fault(file: SectionFile, what: str) -> UsageError:
    """What is wrong with a section's file."""
    if isinstance(file, OwnSection):
        return plugins.error(KIND, Path(str(file.module.__file__)), what, "mend the file")
    path = Path(__file__).with_name(f"{slug(file).replace('-', '_')}.py")
    return plugins.error(KIND, path, what, "the other sections are whole; report this fault to us")


class OwnSection:
    """A section of the user's folder.

    What it draws and the files it makes are made at once, so that they fail here if they do.
    """

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.__name__ = module.__name__
        self.ORDER: int = module.ORDER
        self.SCOPE: Scope = module.SCOPE
        self.PAGES: tuple[PageKind, ...] = module.PAGES
        self.misfit = self._unfit()

    def _unfit(self) -> BenchError | None:
        """What is wrong with its three words; it is then on no page."""
        orders, kinds = isinstance(self.ORDER, int | float), get_args(PageKind)
        pages = isinstance(self.PAGES, tuple) and set(self.PAGES) <= set(kinds)
        if orders and pages and self.SCOPE in get_args(Scope):
            return None
        self.PAGES, self.ORDER = (), 0
        remedy = f"ORDER is a number, SCOPE one of {get_args(Scope)}, PAGES a tuple out of {kinds}"
        path = Path(str(self.module.__file__))
        return plugins.error(KIND, path, "bad ORDER, SCOPE or PAGES", remedy)

    def section(self, summary: object) -> Section | None:
        """What it says; a plug-in may raise anything."""
        found: Section | None = self.module.section(summary)
        if found is None:
            return None
        _require(found, Section, "section returns")
        return replace(
            found,
            plots=tuple(_drawn(plot) for plot in found.plots),
            downloads=tuple(_made(download) for download in found.downloads),
        )


def _require(value: Any, wanted: Any, name: str) -> None:
    """TypeError where something in a section is not of the type that its class says."""
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    is_right = (
        callable(value)
        if kind is Callable
        else isinstance(value, Number | None)
        if float in inner
        else isinstance(value, kind)
    )
    if not is_right:
        raise TypeError(f"{name} {shortened(value)}, not {getattr(kind, '__name__', wanted)}")
    if kind is tuple:
        for each in value:
            _require(each, inner[0], name.replace(" is", " holds"))
    elif isinstance(kind, type) and is_dataclass(kind):
        for field, each in get_type_hints(kind).items():
            _require(getattr(value, field), each, f"{kind.__name__}.{field} is")


def _drawn(plot: Plot) -> Plot:
    return replace(plot, draw=partial(_same, plot.draw()))


def _same(figure: Figure) -> Figure:
    return figure


def _made(download: Download) -> Download:
    place = PurePath(download.file)
    if place.is_absolute() or ".." in place.parts:
        raise ValueError(f"the file {download.file} does not lie in the reports folder")
    return replace(download, content=partial(str, download.content()))


def _own() -> list[OwnSection]:
    return [_wrapped(module) for module in plugins.own(KIND, HOOKS, _builtin()).usable.values()]


@cache
def _wrapped(module: ModuleType) -> OwnSection:
    """The same one each time, so that a problem is still known at the end."""
    return OwnSection(module)


def _builtin() -> list[str]:
    found = (each.name for each in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_"))


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
