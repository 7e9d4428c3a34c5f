"""Sections -> page model -> Jinja2 -> files. Nothing here or below imports torch.

All is rendered in memory, written to a folder beside the reports, and only then moved into place.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from bench.errors import in_one_line
from bench.report import pages
from bench.report.badge import BADGE, MARGIN
from bench.report.badge import badge as badge_of
from bench.report.drawing import Here, Undrawn, draw, drawers
from bench.report.model import Download, PageKind, Plot, Section
from bench.report.pages import INDEX, MARKDOWN, Drawing, Link, Page, Part, Series
from bench.report.parts.banners import banners
from bench.report.parts.finding import in_numbers, kicker
from bench.report.parts.first_screen import in_short
from bench.report.parts.statements import documents_of
from bench.report.publish import publish
from bench.report.sections import SectionFile, begin, fail, found, has_failed, named, said_by
from bench.report.sections import slug as slug_of
from bench.report.summary import ORIGINS, Summary

ARCHITECTURES = "architectures"


@dataclass(frozen=True)
class Sheet:
    """A page that speaks of all architectures: its file, its name in the bar, its heading."""

    kind: PageKind
    file: str
    nav: str
    title: str


SHEETS = (
    Sheet("index", INDEX, "Report", "Accuracy over many seeds"),
    Sheet("document", "document.html", "Document", "Every claim"),
    Sheet("leaderboard", "leaderboard.html", "Leaderboard", "All networks"),
    Sheet("comparisons", "comparisons.html", "Comparisons", "Variations and comparisons"),
    Sheet("provenance", "provenance.html", "Provenance", "Provenance and rebuild"),
)
# A section that a page leaves out where another one has said the same.
SAME: dict[tuple[PageKind, str], str] = {("leaderboard", "results"): "leaderboard"}
WITH_BANNERS = ("index", "provenance", "markdown")  # once is enough
IN_MARKDOWN = Sheet("markdown", MARKDOWN, "", SHEETS[0].title)


class Extras:
    """What pages share and what lies beside them: each figure is drawn once."""

    def __init__(self, drawers: Executor) -> None:
        self._drawers = drawers
        self.plots: dict[str, Plot] = {}
        self.drawings: dict[str, Drawing] = {}
        self.downloads: dict[str, Download] = {}
        self._of: dict[str, SectionFile] = {}  # a plot's name or a download's file -> its section

    def add(self, section: Section, file: SectionFile) -> None:
        """Has the section's plots drawn, and its downloads written with the report."""
        for plot in section.every_plot:
            if plot.name not in self.plots:
                self.plots[plot.name] = plot
                self._of[plot.name] = file
                self.drawings[plot.name] = self._drawers.submit(draw, plot)
        for download in section.downloads:
            self._of.setdefault(download.file, file)
            self.downloads.setdefault(download.file, download)

    def files(self) -> Iterator[tuple[str, str]]:
        """Names, relative to the reports folder, with their content.

        In the place of what could not be made stands why.
        """
        for name, plot in self.plots.items():
            drawn = self.drawings[name].result()
            if isinstance(drawn, Undrawn):
                fail(self._of[name], drawn.what)
            yield f"figures/{name}.svg", pages.standalone(plot, self.drawings[name])
        for download in self.downloads.values():
            yield download.file, self._content(download)

    def _content(self, download: Download) -> str:
        try:
            return download.content()
        except Exception as error:  # of records that nobody foresaw
            what = f"{download.file}: {in_one_line(error)}"
            fail(self._of[download.file], what)
            return f"This file could not be made. {what}\n"


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
    begin()
    with _seldom_collected():
        return publish(_files(summaries, reports), reports, last=INDEX, made_with=_drawn_with())


def _drawn_with() -> str:
    """The library that decides the bytes of figures, with its version."""
    return f"matplotlib {version('matplotlib')}"


def _files(summaries: list[Summary], reports: Path) -> dict[str, str]:
    """Every file of the report, by its name relative to the reports folder."""
    try:
        with drawers(len(_networks(summaries))) as several:
            return _drawn_by(several, summaries, reports)
    except BrokenProcessPool:  # one was killed, for its memory as a rule; alone it takes less
        return _drawn_by(Here(), summaries, reports)


def _drawn_by(several: Executor, summaries: list[Summary], reports: Path) -> dict[str, str]:
    extras = Extras(several)
    about = {sheet: _about(sheet, summaries) for sheet in (*SHEETS, IN_MARKDOWN)}
    parts = {sheet: _parts(sheet.kind, about[sheet], extras) for sheet in about}
    sheets = [sheet for sheet in SHEETS if parts[sheet] or sheet.kind == "index"]
    whole = {
        sheet: _sheet(sheet, parts[sheet], sheets, about[sheet], extras, summaries)
        for sheet in (*sheets, IN_MARKDOWN)
    }
    by_name = {
        name: _architecture_page(name, sheets, summaries, extras) for name in _networks(summaries)
    }
    # Only now is anything waited for: every plot is in the making.
    link = pages.followed_from(reports, reports, summaries[0])
    files = {MARKDOWN: pages.markdown(whole.pop(IN_MARKDOWN), link)}
    files |= {sheet.file: pages.html(page) for sheet, page in whole.items()}
    files |= {f"{ARCHITECTURES}/{name}.html": pages.html(page) for name, page in by_name.items()}
    badge = pages.rendered("badge.svg.j2", badge=badge_of(summaries), margin=MARGIN)
    return files | {BADGE: badge} | dict(extras.files())


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Garbage is looked for seldom: figures are made of many objects, and it took a fifth."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _networks(summaries: list[Summary]) -> list[str]:
    """All that have a page: those that any part speaks of."""
    return sorted({name for summary in summaries for name in summary.shown})


def _about(sheet: Sheet, summaries: list[Summary]) -> list[Summary]:
    """The index speaks of the document's networks alone."""
    whole = sheet.kind != "index"
    return summaries if whole else [summary.of_document() for summary in summaries]


def _sheet(
    sheet: Sheet,
    parts: tuple[Part, ...],
    sheets: list[Sheet],
    summaries: list[Summary],
    extras: Extras,
    whole: list[Summary],
) -> Page:
    return Page(
        title=_title(sheet, summaries),
        subtitle=_subtitle(sheet.kind, summaries),
        finding=_finding(sheet, parts, summaries),
        base="",
        others=_others(sheets, "", sheet),
        architectures=_links(_networks(summaries), summaries[0]),
        banners=banners(summaries) if sheet.kind in WITH_BANNERS else (),
        parts=parts,
        drawings=extras.drawings,
        series=() if sheet.kind == "document" else _series(whole),
    )


def _title(sheet: Sheet, summaries: list[Summary]) -> str:
    """The sheet's heading; the one of claims says whether they are of several documents."""
    if sheet.kind != "document":
        return sheet.title
    judged = [entry for summary in summaries for entry in summary.ledger]
    return f"{sheet.title} of the {documents_of(judged)}"


def _finding(sheet: Sheet, parts: tuple[Part, ...], summaries: list[Summary]) -> str:
    """The headline of the index, and of report.md; several documents have one each, below."""
    if sheet.kind not in ("index", "markdown") or summaries[0].several or not parts:
        return ""
    return parts[0].sections[0].title


def _architecture_page(
    name: str, sheets: list[Sheet], summaries: list[Summary], extras: Extras
) -> Page:
    own = [summary.only(name) for summary in summaries if name in summary.shown]
    with_runs = [summary for summary in own if summary.arms] or own[:1]
    return Page(
        title=own[0].display_name(name),
        subtitle=" · ".join(map(in_short, with_runs)) if with_runs[0].arms else "",
        base=own[0].base,
        others=_others(sheets, own[0].base),
        architectures=_links(_networks(summaries), summaries[0].only(name), name),
        banners=banners(with_runs),
        parts=tuple(_architecture_parts(with_runs, extras)),
        drawings=extras.drawings,
    )


def _others(sheets: list[Sheet], base: str, current: Sheet | None = None) -> tuple[Link, ...]:
    return tuple(Link(each.nav, base + each.file, each == current) for each in sheets)


def _subtitle(kind: PageKind, summaries: list[Summary]) -> str:
    if len(summaries) == 1:
        is_whole = kind in ("leaderboard", "comparisons", "provenance")
        return (in_numbers if is_whole else kicker)(summaries[0])
    names = dict.fromkeys(summary.dataset.name for summary in summaries if summary.dataset)
    first = summaries[0]
    said = f"Suite “{first.suite}”" + (f", {', '.join(names)}" if names else "")
    if first.document is None or first.several:  # each part of several has its title
        return said
    return f"{said}. {first.heading}: “{first.document.title}”"


def _links(names: list[str], about: Summary, current: str = "") -> tuple[Link, ...]:
    return tuple(
        Link(about.display_name(name), about.page_of(name), current == name) for name in names
    )


def _series(summaries: list[Summary]) -> tuple[Series, ...]:
    """What the reader can choose from, by group; one architecture is no choice.

    The script leaves out those of which the page shows nothing.
    """
    about = {name: summary for summary in reversed(summaries) for name in summary.shown}
    if len(about) < 2:
        return ()
    found = [(ORIGINS.index(about[name].origin_of(name)), name) for name in about]
    return tuple(
        Series(name, about[name].display_name(name), _group(about[name], name))
        for _, name in sorted(found)
    )


def _group(summary: Summary, name: str) -> str:
    origin = summary.origin_of(name)
    return summary.label if origin == "document" else origin


def _parts(kind: PageKind, summaries: list[Summary], extras: Extras) -> tuple[Part, ...]:
    """The first document and data set with everything, then what differs for each further one."""
    parts = (
        Part(
            title=summary.title if number or summary.several else "",
            slug=f"on-{summary.place}" if number or summary.several else "",
            sections=tuple(
                _brief(section) if kind in ("index", "markdown") else section
                for section in _sections(kind, summary, number, extras)
            ),
        )
        for number, summary in enumerate(summaries)
    )
    return tuple(part for part in parts if part.sections)


def _architecture_parts(summaries: list[Summary], extras: Extras) -> Iterator[Part]:
    """The network with its own recipe, then each further arm, folded: nothing is pooled."""
    for number, summary in enumerate(summaries):
        own, *others = summary.by_arm() or (summary,)
        title = summary.title if number or summary.several else ""
        sections = tuple(_sections("architecture", own, number, extras))
        if sections:
            yield Part(title, f"on-{summary.place}" if title else "", sections)
        for other in others:
            arm = other.arms[0]
            yield Part(
                title=arm.label,
                slug=f"arm-{summary.place}-{arm.slug}",
                sections=tuple(
                    replace(section, slug=f"{section.slug}-{summary.place}-{arm.slug}")
                    for section in _sections("arm", other, 0, extras)
                ),
                note=in_short(other),
                folded=True,
            )


def _brief(section: Section) -> Section:
    """Without the tables that a reader would have to open: they stand on other pages."""
    return replace(section, tables=tuple(table for table in section.tables if not table.folded))


def _sections(kind: PageKind, summary: Summary, number: int, extras: Extras) -> Iterator[Section]:
    """Those that have something to say; report.md tells of networks what the index tells."""
    files, said = found(kind), set()
    brief = summary.of_document() if kind == "markdown" else summary
    for slug, file in named(files, summary, number):
        if SAME.get((kind, slug_of(file))) in said:
            continue
        section = said_by(file, brief if "index" in file.PAGES else summary)
        if section is not None:
            said |= set() if has_failed(file) else {slug_of(file)}
            extras.add(section, file)
            yield replace(section, slug=slug)
