"""Sections -> page model -> Jinja2 -> files. Nothing here or below imports torch.

Every page is whole in itself: style and figures are inside it and no request leaves it. All is
rendered in memory, written to a folder beside the reports, and only then moved into place.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bench import claims, shipped
from bench.errors import StoreError
from bench.figures import svg
from bench.sections import (
    Download,
    Listing,
    PageKind,
    Plot,
    Point,
    Section,
    SectionFile,
    Table,
    found,
)
from bench.sections._banners import banners
from bench.sections._summary import Summary, summarise
from bench.store import Suite

INDEX, MARKDOWN, MANIFEST = "index.html", "report.md", ".report-files"
FIGURES, ARCHITECTURES = "figures", "architectures"
WHOLE: tuple[PageKind, ...] = ("index", "markdown")  # what one page says about all architectures


@dataclass(frozen=True)
class Link:
    """A page, a section or a file that the reader can go to."""

    title: str
    href: str
    current: bool = False


@dataclass(frozen=True)
class Drawing:
    """A plot, drawn: both widths as SVG text that may stand in HTML as it is."""

    name: str
    alt: str
    caption: str
    file: str  # of the wide one, relative to the reports folder
    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class Block:
    """A section as the templates see it."""

    title: str
    nav: str
    slug: str
    text: tuple[str, ...]
    points: tuple[Point, ...]
    tables: tuple[Table, ...]
    drawings: tuple[Drawing, ...]
    notes: tuple[str, ...]
    listings: tuple[Listing, ...]
    downloads: tuple[Link, ...]


@dataclass(frozen=True)
class Part:
    """One data set's blocks; `title` is empty for the first."""

    title: str
    slug: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """All that a template needs to know."""

    title: str
    subtitle: str
    home: str
    pages: tuple[Link, ...]
    banners: tuple[str, ...]
    parts: tuple[Part, ...]


class Extras:
    """What pages share and what lies beside them: each figure is drawn once."""

    def __init__(self) -> None:
        self.drawings: dict[str, Drawing] = {}
        self.downloads: dict[str, Download] = {}

    def drawn(self, plot: Plot) -> Drawing:
        """The plot as SVG."""
        if plot.name not in self.drawings:
            self.drawings[plot.name] = _draw(plot)
        return self.drawings[plot.name]

    def link(self, download: Download, base: str) -> Link:
        """A page's link to the file, which is written with the report."""
        self.downloads.setdefault(download.file, download)
        return Link(download.title, base + download.file)

    def files(self) -> Iterator[tuple[str, str]]:
        """Names, relative to the reports folder, with their content."""
        palette = _template("palette.css")
        for drawing in self.drawings.values():
            yield drawing.file, _standalone(drawing, palette)
        for download in self.downloads.values():
            yield download.file, download.content()


def render(suite: Suite, reports: Path, *, command: str) -> list[Path]:
    """Rebuilds the report from the suite's records alone.

    Args:
        suite: Where runs and portraits lie; it may be empty.
        reports: The folder to fill; files in it that are not the report's own stay.
        command: What was typed, printed in the appendix.

    Returns:
        The files written, `index.html` first.

    Raises:
        StoreError: a record cannot be read, or the folder cannot be written.
        ClaimError: a file of claims cannot be used.
    """
    summaries = _summaries(suite, reports, command)
    extras = Extras()
    files = {INDEX: "", MARKDOWN: ""}  # these two come first
    environment = _environment()
    index, markdown = (_whole_page(kind, summaries, extras) for kind in WHOLE)
    files[INDEX] = environment.get_template("page.html.j2").render(page=index)
    files[MARKDOWN] = environment.get_template("report.md.j2").render(page=markdown)
    for name in summaries[0].palette:
        page = _architecture_page(name, summaries, extras)
        text = environment.get_template("page.html.j2").render(page=page)
        files[f"{ARCHITECTURES}/{name}.html"] = text
    files.update(extras.files())
    return _publish(files, reports)


def _summaries(suite: Suite, reports: Path, command: str) -> list[Summary]:
    runs = suite.runs()
    links = {run.key: _relative(suite.path_of(run), reports) for run in runs}
    published = claims.load(shipped.folder_in_use("claims"))
    found = summarise(suite.name, runs, suite.portraits(), published, links, command)
    protocol = suite.protocol()
    findings = suite.findings()
    return [summary.judged_by(protocol).with_findings(findings) for summary in found]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _whole_page(kind: PageKind, summaries: list[Summary], extras: Extras) -> Page:
    return Page(
        title="Accuracy over many seeds",
        subtitle=_subtitle(summaries),
        home=INDEX,
        pages=_links(summaries[0], INDEX),
        banners=banners(summaries),
        parts=_parts(kind, summaries, extras),
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
        for name in summary.palette
    )


def _parts(kind: PageKind, summaries: list[Summary], extras: Extras) -> tuple[Part, ...]:
    """The first data set with everything, then what differs for each further one."""
    files = [file for file in found() if kind in file.PAGES]
    return tuple(
        Part(
            title=f"On {summary.prefix}" if number else "",
            slug=f"on-{summary.prefix}" if number else "",
            blocks=tuple(_blocks(files, summary, number, extras)),
        )
        for number, summary in enumerate(summaries)
    )


def _blocks(
    files: list[SectionFile], summary: Summary, number: int, extras: Extras
) -> Iterator[Block]:
    for file in files:
        if number and file.SCOPE == "suite":
            continue
        section = file.section(summary)
        if section is not None:
            slug = file.__name__.rpartition(".")[2].replace("_", "-")
            slug = f"{slug}-{summary.prefix}" if number else slug
            yield _block(section, slug, summary.base, extras)


def _block(section: Section, slug: str, base: str, extras: Extras) -> Block:
    return Block(
        title=section.title,
        nav=section.nav or section.title,
        slug=slug,
        text=section.text,
        points=section.points,
        tables=section.tables,
        drawings=tuple(extras.drawn(plot) for plot in section.plots),
        notes=section.notes,
        listings=section.listings,
        downloads=tuple(extras.link(each, base) for each in section.downloads),
    )


def _draw(plot: Plot) -> Drawing:
    label = Markup('<svg role="img" aria-label="{}" ').format(plot.alt)
    wide, narrow = (
        Markup(svg(plot.draw(is_narrow), f"{plot.name}{suffix}").replace("<svg ", label, 1))
        for is_narrow, suffix in ((False, ""), (True, "-narrow"))
    )
    file = f"{FIGURES}/{plot.name}.svg"
    return Drawing(plot.name, plot.alt, plot.caption, file, wide, narrow)


def _standalone(drawing: Drawing, palette: str) -> str:
    """The figure as a file: it brings its colours and a background of its own."""
    head, _, rest = str(drawing.wide).partition(">")
    title = f"<title>{escape(drawing.alt)}</title>"
    style = f"<style>{palette}svg{{font-family:var(--face);background:var(--paper)}}</style>"
    return f"{head}>{title}{style}{rest}\n"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped.folder("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is None or name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = _markdown
    style = Markup(_template("palette.css") + _template("report.css"))
    environment.globals["style"] = style
    return environment


MARKDOWN_ESCAPES: Mapping[int, str] = str.maketrans(
    {
        **{character: f"\\{character}" for character in "\\`*[]|#~"},
        **{"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " "},
    }
)


def _markdown(text: Any) -> str:
    """The text with every character escaped that Markdown would take for markup."""
    escaped = str(text).translate(MARKDOWN_ESCAPES)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\_", escaped)  # inside a word GitHub leaves it alone


def _template(name: str) -> str:
    return (shipped.folder("templates") / name).read_text(encoding="utf-8")


def _publish(files: Mapping[str, str], reports: Path) -> list[Path]:
    """Moves the whole new report into place and takes away what the last one left over."""
    try:
        with _staged(files, reports) as folder:
            old = _own_files(reports)
            reports.mkdir(parents=True, exist_ok=True)
            for name in [name for name in files if name != INDEX] + [INDEX, MANIFEST]:
                target = reports / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (folder / name).replace(target)
            for name in old - set(files):
                (reports / name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot write the report: {error.strerror or error}",
            where=str(reports),
            remedy="choose a writable folder with --reports",
        ) from error
    return [reports / name for name in files]


@contextmanager
def _staged(files: Mapping[str, str], reports: Path) -> Iterator[Path]:
    """A folder on the same disk that holds every new file; gone afterwards."""
    place = reports.resolve().parent
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{reports.name}-", dir=place))
    manifest = "".join(f"{name}\n" for name in sorted(files))
    try:
        for name, text in (*files.items(), (MANIFEST, manifest)):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_files(reports: Path) -> set[str]:
    """What the last report wrote; a name that points out of the folder is none of ours."""
    manifest = reports / MANIFEST
    if not manifest.is_file():
        return set()
    names = manifest.read_text(encoding="utf-8").splitlines()
    return {name for name in names if (reports / name).resolve().is_relative_to(reports.resolve())}
