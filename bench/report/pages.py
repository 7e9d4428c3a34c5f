"""What a page is made of, and its HTML and Markdown by the templates.

A page is whole in itself: style, script and figures are inside it and no request leaves it. Its
Content-Security-Policy names the one script that may run by the hash of its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import posixpath
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from bench import __version__, machine
from bench.errors import printable
from bench.report.model import Plot, Section
from bench.report.summary import Summary

SCRIPT = "report.js"
INDEX, MARKDOWN = "index.html", "report.md"
Drawing = Future[Markup]  # a plot as SVG text; it may still be in the making
# A link as the report's pages have it -> the same in a Markdown file; "" where it leads nowhere.
Followed = Callable[[str], str]
ELSEWHERE = re.compile(r"#|[a-z]+:")  # on the page itself, or on another site
PAGE = re.compile(r"architectures/(\w+)\.html")  # an architecture's page in the report

# What GitHub would take for a mention, an issue or an address is parted by a space of no width.
LINKED = re.compile(r"(?<=[@#])(?=\w)|(?<=://)|(?<=\bwww\.)|(?<=\bGH-)", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """A page or a section that the reader can go to."""

    title: str
    href: str
    current: bool = False


@dataclass(frozen=True)
class Menu:
    """Links of the bar under one word."""

    title: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Series:
    """An architecture that the reader may look at alone, or with the others of its group."""

    name: str
    title: str
    group: str = ""


@dataclass(frozen=True)
class Part:
    """What is said of one document and data set; `title` is empty where nothing stands beside.

    A `folded` part, with a `note` beside its title, is opened by the reader.
    """

    title: str
    slug: str
    sections: tuple[Section, ...]
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Page:
    """All that a template needs to know.

    Attributes:
        base: From the page to the reports folder, "" or "../".
        others: The pages that speak of all architectures, in the bar's order.
        architectures: Each architecture's own page.
        drawings: Every plot of the page, drawn, by its name; Markdown needs none.
        series: What the reader can choose from; empty where there is nothing.
        finding: The headline, which is the title of its first section; "" where it has none.
    """

    title: str
    subtitle: str
    base: str
    others: tuple[Link, ...]
    architectures: tuple[Link, ...]
    banners: tuple[str, ...]
    parts: tuple[Part, ...]
    drawings: Mapping[str, Drawing] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    finding: str = ""

    @property
    def menus(self) -> tuple[Menu, ...]:
        """The architectures, and the sections of this page."""
        own = [link for part in self.parts for link in _links(part)]
        menus = (Menu("Architectures", self.architectures), Menu("On this page", tuple(own)))
        return tuple(menu for menu in menus if len(menu.links) > 1)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of its architectures, in their order; none where all are of one."""
        found = tuple(dict.fromkeys(each.group for each in self.series))
        return found if len(found) > 1 else ()


def _links(part: Part) -> list[Link]:
    top = [Link(part.title, f"#{part.slug}")] if part.title else []
    if part.folded:
        return top
    return [*top, *(Link(each.nav or each.title, f"#{each.slug}") for each in part.sections)]


def html(page: Page) -> str:
    """The page as HTML, whole in one file."""
    return printable(_environment().get_template("page.html.j2").render(page=page))


def markdown(page: Page, link: Followed) -> str:
    """The page as Markdown that reads well where GitHub shows it."""
    return printable(_environment().get_template("report.md.j2").render(page=page, link=link))


def rendered(template: str, **values: object) -> str:
    """A template that is no page."""
    return printable(_environment().get_template(template).render(**values))


def markdown_section(section: Section, link: Followed) -> str:
    """The section as report.md has it, without its heading."""
    template = _environment().get_template("section.md.j2")
    return printable(template.render(section=section, link=link)).strip("\n") + "\n"


def followed_from(folder: Path, reports: Path, summary: Summary) -> Followed:
    """Where the links of the report lead in a Markdown file.

    An architecture links to its file in the working folder, or to nothing: where Markdown is read,
    such as GitHub, the report's own HTML page would be shown as markup.

    Args:
        folder: The Markdown file's.
        reports: In which the report's links begin.
        summary: Of the suite.
    """
    base = _path(folder, reports)

    def link(target: str) -> str:
        if ELSEWHERE.match(target):
            return target
        page = PAGE.fullmatch(target)
        if page is None:
            return posixpath.normpath(posixpath.join(base, target))
        source = Path("architectures", summary.group_of(page[1]), f"{page[1]}.py")
        return _path(folder, source) if source.is_file() else ""

    return link


def _path(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def standalone(plot: Plot, drawing: Drawing) -> str:
    """The figure as a file: it brings its colours and a background of its own."""
    head, _, rest = str(drawing.result()).partition(">")
    title = f"<title>{escape(plot.alt)}</title>"
    palette = _template("palette.css")
    text = "text{paint-order:stroke;stroke:var(--paper);stroke-width:2px}"  # over lines, too
    own = f"svg{{font-family:var(--face);background:var(--paper)}}{text}"
    style = f"<style>{palette}{own}</style>"
    return printable(f"{head}>{title}{style}{rest}\n")


def policy(script: str) -> str:
    """The Content-Security-Policy under which this script runs, no other, and nothing is loaded.

    `style-src` has no hash: figures carry their colours in style attributes.
    """
    code = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{code}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(machine.folder("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is None or name.endswith((".html.j2", ".svg.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = _markdown
    environment.filters["quoted"] = _quoted
    environment.filters["breakable"] = _breakable
    environment.filters["copied"] = copied
    script = _template(SCRIPT)
    # Our own files: they stand in the page byte by byte, the script as it was hashed.
    environment.globals["version"] = __version__
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


def _quoted(text: Any) -> str:
    """The same for a comment on GitHub, on one line: nobody is mentioned, and nothing is linked."""
    one_line = re.sub(r"[ \t\n]+", " ", printable(str(text))).strip()
    escaped = _markdown(one_line).replace("$", "\\$")  # GitHub would typeset a formula
    return LINKED.sub("&#8203;", escaped)


def _breakable(text: str) -> Markup:
    """Names such as `network.test_accuracy` may be broken after a dot or an underscore."""
    return Markup(re.sub(r"([._])(?=\w)", r"\1<wbr>", str(escape(text))))


def copied(drawing: Markup, name: str, copy: int) -> Markup:
    """A figure that stood on the page before, with ids of its own."""
    if not copy:
        return drawing
    return Markup(re.sub(rf'(["#]){re.escape(name)}-', rf"\1{name}-{copy}-", str(drawing)))


def _template(name: str) -> str:
    return (machine.folder("templates") / name).read_text(encoding="utf-8")
