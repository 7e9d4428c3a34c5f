"""The page model as the templates see it, and the templates' environment.

A page is whole in itself: style, script and figures are inside it and no request leaves it. Its
Content-Security-Policy names the one script that may run by the hash of its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bench import machine
from bench.report.export.texts import plain
from bench.report.sections import Download, Listing, Plot, Point, Section, Table

SCRIPT, FIGURES = "report.js", "figures"


@dataclass(frozen=True)
class Link:
    """A page, a section or a file that the reader can go to."""

    title: str
    href: str
    current: bool = False


@dataclass(frozen=True)
class Menu:
    """Links of the bar under one word; the word itself is the link where there is but one."""

    title: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Series:
    """An architecture that the reader may hide; `colour` is its place in the palette."""

    name: str
    title: str
    colour: int


@dataclass(frozen=True)
class Drawing:
    """A plot, drawn: both widths as SVG text that may stand in HTML as it is."""

    name: str
    alt: str
    caption: str
    widths: Future[tuple[Markup, Markup]]  # wide and narrow, which may still be in the making

    @property
    def wide(self) -> Markup:
        return self.widths.result()[0]

    @property
    def narrow(self) -> Markup:
        return self.widths.result()[1]

    @property
    def file(self) -> str:
        """Of the wide one, relative to the reports folder."""
        return f"{FIGURES}/{self.name}.svg"


@dataclass(frozen=True)
class Block:
    """A section as the templates see it."""

    title: str
    nav: str
    slug: str
    text: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    notes: tuple[str, ...] = ()
    listings: tuple[Listing, ...] = ()
    downloads: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Act:
    """Answer, evidence or rebuild; `lead` is empty where no divider stands before it."""

    title: str
    lead: str
    slug: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Part:
    """One data set's acts; `title` is empty for the first."""

    title: str
    slug: str
    acts: tuple[Act, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for act in self.acts for block in act.blocks)


@dataclass(frozen=True)
class Page:
    """All that a template needs to know."""

    title: str
    subtitle: str
    home: str
    pages: tuple[Link, ...]
    banners: tuple[str, ...]
    parts: tuple[Part, ...]
    series: tuple[Series, ...] = ()  # empty where there is nothing to choose from

    @property
    def menus(self) -> tuple[Menu, ...]:
        """What the bar offers: the pages, the first data set's acts, each further data set."""
        menus = [Menu("Architectures", self.pages)] if self.pages else []
        for part in self.parts:
            if part.title:
                top = Link("Top", f"#{part.slug}")
                menus.append(Menu(part.title, (top, *_anchors(part.blocks))))
            else:
                menus.extend(Menu(act.title, _anchors(act.blocks)) for act in part.acts)
        return tuple(menus)


def block(
    section: Section,
    slug: str,
    drawn: Callable[[Plot], Drawing],
    link: Callable[[Download], Link],
) -> Block:
    """The section under its name in addresses, with its plots drawn and its downloads linked."""
    return Block(
        title=section.title,
        nav=section.nav or section.title,
        slug=slug,
        text=section.text,
        points=section.points,
        tables=section.tables,
        drawings=tuple(drawn(plot) for plot in section.plots),
        notes=section.notes,
        listings=section.listings,
        downloads=tuple(link(download) for download in section.downloads),
    )


def html(page: Page) -> str:
    """The page as HTML, whole in one file."""
    return plain(_environment().get_template("page.html.j2").render(page=page))


def markdown(page: Page) -> str:
    """The page as Markdown that reads well where GitHub shows it."""
    return plain(_environment().get_template("report.md.j2").render(page=page))


def standalone(drawing: Drawing) -> str:
    """The figure as a file: it brings its colours and a background of its own."""
    head, _, rest = str(drawing.wide).partition(">")
    title = f"<title>{escape(drawing.alt)}</title>"
    palette = _template("palette.css")
    text = "text{paint-order:stroke;stroke:var(--paper);stroke-width:2px}"  # over lines, too
    own = f"svg{{font-family:var(--face);background:var(--paper)}}{text}"
    style = f"<style>{palette}{own}</style>"
    return plain(f"{head}>{title}{style}{rest}\n")


def policy(script: str) -> str:
    """The Content-Security-Policy under which this script runs, no other, and nothing is loaded.

    `style-src` has no hash: figures carry their colours in style attributes.
    """
    code = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{code}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _anchors(blocks: tuple[Block, ...]) -> tuple[Link, ...]:
    return tuple(Link(block.nav, f"#{block.slug}") for block in blocks)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(machine.folder("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is None or name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = _markdown
    environment.filters["breakable"] = _breakable
    script = _template(SCRIPT)
    # Our own files: they stand in the page byte by byte, the script as it was hashed.
    environment.globals["style"] = Markup(_template("palette.css") + _template("report.css"))
    environment.globals["script"] = Markup(script)
    environment.globals["policy"] = Markup(policy(script))
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


def _breakable(text: str) -> Markup:
    """Names such as `model_1.test_accuracy` may be broken after a dot or an underscore."""
    return Markup(re.sub(r"([._])(?=\w)", r"\1<wbr>", str(escape(text))))


def _template(name: str) -> str:
    return (machine.folder("templates") / name).read_text(encoding="utf-8")
