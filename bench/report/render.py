"""Sections -> page model -> Jinja2 -> files. Nothing here or below imports torch.

All is rendered in memory, written to a folder beside the reports, and only then moved into place.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from bench.report import pages
from bench.report.drawing import Here, draw, drawers
from bench.report.figures import N_SERIES
from bench.report.pages import Act, Drawing, Link, Page, Part, Series
from bench.report.parts.banners import banners
from bench.report.publish import publish
from bench.report.sections import Download, PageKind, Plot, SectionFile, found, named
from bench.report.summary import Summary

INDEX, MARKDOWN = "index.html", "report.md"
ARCHITECTURES = "architectures"
WHOLE: tuple[PageKind, ...] = ("index", "markdown")  # what one page says about all architectures


@dataclass(frozen=True)
class ActKind:
    """A stretch of the page: the sections whose ORDER lies below `end`."""

    title: str
    lead: str  # said at its beginning; the answer begins the page and needs none
    end: float


ACTS = (
    ActKind("Answer", "", 20),
    ActKind("Evidence", "What was measured, run by run.", 80),
    ActKind("Rebuild", "What it takes to get the same numbers again.", float("inf")),
)


class Extras:
    """What pages share and what lies beside them: each figure is drawn once."""

    def __init__(self, drawers: Executor) -> None:
        self._drawers = drawers
        self.drawings: dict[str, Drawing] = {}
        self.downloads: dict[str, Download] = {}

    def drawn(self, plot: Plot) -> Drawing:
        """The plot as SVG, which the drawers may still be at."""
        if plot.name not in self.drawings:
            widths = self._drawers.submit(draw, plot)
            self.drawings[plot.name] = Drawing(plot.name, plot.alt, plot.caption, widths)
        return self.drawings[plot.name]

    def link(self, download: Download, base: str) -> Link:
        """A page's link to the file, which is written with the report."""
        self.downloads.setdefault(download.file, download)
        return Link(download.title, base + download.file)

    def files(self) -> Iterator[tuple[str, str]]:
        """Names, relative to the reports folder, with their content."""
        for drawing in self.drawings.values():
            yield drawing.file, pages.standalone(drawing)
        for download in self.downloads.values():
            yield download.file, download.content()


def write(summaries: list[Summary], reports: Path) -> list[Path]:
    """Renders the report of a suite.

    Args:
        summaries: The suite, as `bench.report.reading.read` arranges it.
        reports: The folder to fill; files in it that are not the report's own stay.

    Returns:
        The files written, `index.html` first.

    Raises:
        StoreError: the folder cannot be written.
    """
    with _seldom_collected():
        return publish(_files(summaries), reports, last=INDEX, made_with=_drawn_with())


def _drawn_with() -> str:
    """The library that decides the bytes of figures, with its version."""
    return f"matplotlib {version('matplotlib')}"


def _files(summaries: list[Summary]) -> dict[str, str]:
    """Every file of the report, by its name relative to the reports folder."""
    try:
        with drawers(len(summaries[0].shown)) as several:
            return _drawn_by(several, summaries)
    except BrokenProcessPool:  # one was killed, for its memory as a rule; alone it takes less
        return _drawn_by(Here(), summaries)


def _drawn_by(several: Executor, summaries: list[Summary]) -> dict[str, str]:
    extras = Extras(several)
    index, markdown = (_whole_page(kind, summaries, extras) for kind in WHOLE)
    by_name = {name: _architecture_page(name, summaries, extras) for name in summaries[0].shown}
    # Only now is anything waited for: every plot is in the making.
    files = {INDEX: pages.html(index), MARKDOWN: pages.markdown(markdown)}
    for name, page in by_name.items():
        files[f"{ARCHITECTURES}/{name}.html"] = pages.html(page)
    files.update(extras.files())
    return files


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Garbage is looked for seldom: figures are made of many objects, and it took a fifth."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _whole_page(kind: PageKind, summaries: list[Summary], extras: Extras) -> Page:
    return Page(
        title="Accuracy over many seeds",
        subtitle=_subtitle(summaries),
        home=INDEX,
        pages=_links(summaries[0], INDEX),
        banners=banners(summaries),
        parts=_parts(kind, summaries, extras),
        series=_series(summaries[0]),
    )


def _architecture_page(name: str, summaries: list[Summary], extras: Extras) -> Page:
    own = [summary.only(name) for summary in summaries]
    with_runs = [summary for summary in own if summary.arms] or own[:1]
    return Page(
        title=own[0].display_name(name),
        subtitle=_subtitle(summaries),
        home=f"../{INDEX}",
        pages=_links(own[0], name),
        banners=banners(summaries),
        parts=_parts("architecture", with_runs, extras),
    )


def _subtitle(summaries: list[Summary]) -> str:
    names = [summary.dataset.name for summary in summaries if summary.dataset]
    return f"Suite “{summaries[0].suite}”" + (f", {', '.join(names)}" if names else "")


def _links(summary: Summary, current: str) -> tuple[Link, ...]:
    return tuple(
        Link(summary.display_name(name), summary.page_of(name), current == name)
        for name in summary.shown
    )


def _series(summary: Summary) -> tuple[Series, ...]:
    """What the reader can choose from; one architecture is no choice."""
    if len(summary.shown) < 2:
        return ()
    return tuple(
        Series(name, summary.display_name(name), summary.colour(name) % N_SERIES)
        for name in summary.shown
    )


def _parts(kind: PageKind, summaries: list[Summary], extras: Extras) -> tuple[Part, ...]:
    """The first data set with everything, then what differs for each further one."""
    files = found(kind)
    return tuple(
        Part(
            title=f"On {summary.prefix}" if number else "",
            slug=f"on-{summary.prefix}" if number else "",
            acts=tuple(_acts(files, summary, number, extras)),
        )
        for number, summary in enumerate(summaries)
    )


def _acts(files: list[SectionFile], summary: Summary, number: int, extras: Extras) -> Iterator[Act]:
    """Those that have something to say; a further data set's have no dividers of their own."""
    begin, link = float("-inf"), partial(extras.link, base=summary.base)
    for kind in ACTS:
        own = [file for file in files if begin <= file.ORDER < kind.end]
        blocks = tuple(
            pages.block(section, slug, extras.drawn, link)
            for slug, file in named(own, summary.prefix, number)
            if (section := file.section(summary)) is not None
        )
        begin = kind.end
        if blocks:
            slug = f"act-{kind.title.lower()}"
            yield Act(kind.title, "" if number else kind.lead, slug, blocks)
