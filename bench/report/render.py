"""Sections -> page model -> Jinja2 -> files. Nothing here or below imports torch.

All is rendered in memory, written to a folder beside the reports, and only then moved into place.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from bench.report import pages
from bench.report.drawing import Here, draw, drawers
from bench.report.figures.canvas import N_SERIES
from bench.report.model import Download, PageKind, Plot, Section
from bench.report.pages import INDEX, MARKDOWN, Act, Drawing, Link, Page, Part, Series
from bench.report.parts.banners import banners
from bench.report.publish import publish
from bench.report.sections import SectionFile, found, named
from bench.report.summary import Summary

ARCHITECTURES = "architectures"
WHOLE: tuple[PageKind, ...] = ("index", "markdown")  # what one page says about all architectures


# A stretch of the page: its title, what is said at its beginning, and below which ORDER its
# sections lie. The answer begins the page and needs no words.
ACTS = (
    ("Answer", "", 20),
    ("Evidence", "What was measured, run by run.", 80),
    ("Rebuild", "What it takes to get the same numbers again.", float("inf")),
)


class Extras:
    """What pages share and what lies beside them: each figure is drawn once."""

    def __init__(self, drawers: Executor) -> None:
        self._drawers = drawers
        self.plots: dict[str, Plot] = {}
        self.drawings: dict[str, Drawing] = {}
        self.downloads: dict[str, Download] = {}

    def add(self, section: Section) -> None:
        """Has the section's plots drawn, and its downloads written with the report."""
        for plot in section.plots:
            if plot.name not in self.plots:
                self.plots[plot.name] = plot
                self.drawings[plot.name] = self._drawers.submit(draw, plot)
        for download in section.downloads:
            self.downloads.setdefault(download.file, download)

    def files(self) -> Iterator[tuple[str, str]]:
        """Names, relative to the reports folder, with their content."""
        for name, plot in self.plots.items():
            yield f"figures/{name}.svg", pages.standalone(plot, self.drawings[name])
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
        return publish(_files(summaries, reports), reports, last=INDEX, made_with=_drawn_with())


def _drawn_with() -> str:
    """The library that decides the bytes of figures, with its version."""
    return f"matplotlib {version('matplotlib')}"


def _files(summaries: list[Summary], reports: Path) -> dict[str, str]:
    """Every file of the report, by its name relative to the reports folder."""
    try:
        with drawers(len(summaries[0].shown)) as several:
            return _drawn_by(several, summaries, reports)
    except BrokenProcessPool:  # one was killed, for its memory as a rule; alone it takes less
        return _drawn_by(Here(), summaries, reports)


def _drawn_by(several: Executor, summaries: list[Summary], reports: Path) -> dict[str, str]:
    extras = Extras(several)
    index, markdown = (_whole_page(kind, summaries, extras) for kind in WHOLE)
    by_name = {name: _architecture_page(name, summaries, extras) for name in summaries[0].shown}
    # Only now is anything waited for: every plot is in the making.
    link = pages.followed_from(reports, reports, summaries[0])
    files = {INDEX: pages.html(index), MARKDOWN: pages.markdown(markdown, link)}
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
        base="",
        pages=_links(summaries[0], INDEX),
        banners=banners(summaries),
        parts=_parts(kind, summaries, extras),
        drawings=extras.drawings,
        series=_series(summaries[0]),
    )


def _architecture_page(name: str, summaries: list[Summary], extras: Extras) -> Page:
    own = [summary.only(name) for summary in summaries]
    with_runs = [summary for summary in own if summary.arms] or own[:1]
    return Page(
        title=own[0].display_name(name),
        subtitle=_subtitle(summaries),
        base=own[0].base,
        pages=_links(own[0], name),
        banners=banners(summaries),
        parts=_parts("architecture", with_runs, extras),
        drawings=extras.drawings,
    )


def _subtitle(summaries: list[Summary]) -> str:
    names = dict.fromkeys(summary.dataset.name for summary in summaries if summary.dataset)
    first = summaries[0]
    said = f"Suite “{first.suite}”" + (f", {', '.join(names)}" if names else "")
    if first.document is None or first.several:  # each part of several has its title
        return said
    return f"{said}. {first.heading}: “{first.document.title}”"


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
    """The first document and data set with everything, then what differs for each further one."""
    files = found(kind)
    return tuple(
        Part(
            title=summary.title if number or summary.several else "",
            slug=f"on-{summary.place}" if number or summary.several else "",
            acts=tuple(_acts(files, summary, number, extras)),
        )
        for number, summary in enumerate(summaries)
    )


def _acts(files: list[SectionFile], summary: Summary, number: int, extras: Extras) -> Iterator[Act]:
    """Those that have something to say; a further data set's have no dividers of their own."""
    begin = float("-inf")
    for title, lead, end in ACTS:
        own = [file for file in files if begin <= file.ORDER < end]
        sections = tuple(
            replace(section, slug=slug)
            for slug, file in named(own, summary, number)
            if (section := file.section(summary)) is not None
        )
        for section in sections:
            extras.add(section)
        begin = end
        if sections:
            yield Act(title, "" if number else lead, f"act-{title.lower()}", sections)
