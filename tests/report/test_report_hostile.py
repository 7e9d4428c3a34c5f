"""What files say is text: never markup, never a path. And a section that is one file."""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from bench.errors import SetAside
from bench.records.store import Suite
from bench.report import sections
from bench.spec import RunRecord, canonical_json
from tests import factories
from tests.reports import render

SCRIPT = '<script>document.title = "taken"</script>'
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "</svg></style></title></pre></details><script>1</script>",
    "| a |\n|---|\n**b** [link](javascript:alert(1)) ![i](http://x/y.png) `c` <!-- c -->",
    "{{ 7 * 7 }} {% raw %} &amp; &#x3C;b&#x3E; %s {0}",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\N{RIGHT-TO-LEFT OVERRIDE}=cmd\N{LEFT-TO-RIGHT MARK}",
    "5$ or 6_$ \\frac{1}{0} \\input{/etc/passwd} \\write18{id} %s # & ~",
    "a" * 10_000,
    "@SUM(A1)\r\n# a heading\N{LINE SEPARATOR}- a list\f",
)
UNSEEN = set("\x1b\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT MARK}")
# What a page of ours is made of beside text; anything else came from a name.
OURS = {"br", "details", "summary"}


class Page(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.attributes: list[tuple[str, str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture(scope="module", params=HOSTILE, ids=range(len(HOSTILE)))
def word(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, word: str) -> Path:
    """A report of a suite in which every free text is the hostile word."""
    folder = tmp_path_factory.mktemp("hostile")
    suite = Suite(folder / "results", "local")
    environment = replace(
        factories.LAPTOP,
        processor=word,
        torch=word,
        python=word,
        packages={word: word},
        commit=word,
        command=word,
        fingerprint=word,
    )
    for name in factories.NAMES:
        portrait = factories.portrait(name, environment)
        measures = {
            key: replace(found, notes=[word], error=word if key == "dropout" else found.error)
            for key, found in portrait.measures.items()
        }
        suite.add_portrait(
            replace(portrait, display_name=word, docstring=word, source=word, measures=measures)
        )
        for seed in range(3):
            suite.add_run(factories.record(name, seed, environment=environment), None)
    diverged = factories.failed("model_1", 3, environment=environment)
    suite.add_run(replace(diverged, reason=word), None)
    render(suite, folder / "reports", command=word)
    return folder / "reports"


def test_in_html_it_is_text(reports: Path) -> None:
    for path in reports.rglob("*.html"):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        assert page.scripts == 1, path.name  # ours
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert not [value for _, value in page.attributes if value.startswith("javascript:")]
        assert "img" not in page.tags
        assert not [v for n, v in page.attributes if n in ("src", "href") and v.startswith("http")]


def test_in_figures_it_is_text(reports: Path) -> None:
    figures = list(reports.rglob("*.svg"))
    assert figures
    for path in figures:
        tags = {node.tag.rpartition("}")[2] for node in ElementTree.parse(path).iter()}
        assert not tags & {"script", "foreignObject", "a", "iframe"}, path.name


def test_in_markdown_it_is_text(reports: Path) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse((reports / "report.md").read_text())
    inner = [child for token in tokens for child in token.children or ()]
    raw = [token.content for token in (*tokens, *inner) if token.type.startswith("html")]
    names = {name for text in raw for name in re.findall(r"<[/!]?(\w+|--)", text)}
    assert names <= OURS
    links = [str(token.attrs["href"]) for token in inner if token.type == "link_open"]
    pictures = [str(token.attrs["src"]) for token in inner if token.type == "image"]
    assert links
    assert pictures
    assert all((reports / each).exists() for each in pictures)
    assert not [each for each in links if each.startswith(("javascript:", "http"))]


def test_in_json_and_csv_it_is_there_and_starts_no_formula(reports: Path, word: str) -> None:
    assert msgspec.json.decode((reports / "data" / "report.json").read_bytes())
    for path in (reports / "data").glob("*.csv"):
        cells = path.read_text(encoding="utf-8").replace("\n", ",").split(",")
        assert not [cell for cell in cells if cell.startswith(("=", "@"))], path.name


def test_no_character_acts_that_is_not_seen(reports: Path) -> None:
    files = [path for path in reports.rglob("*") if path.suffix in (".html", ".md", ".svg", ".csv")]
    assert {path.suffix for path in files} == {".html", ".md", ".svg", ".csv"}
    for path in files:
        assert not UNSEEN & set(path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("architecture", "../../evil"),
        ("architecture", "/etc/evil"),
        ("architecture", "a b"),
        ("architecture", "evil\n"),
        ("key", "../evil"),
    ],
)
def test_a_record_cannot_name_a_file_elsewhere(
    finished_copy: Path, tmp_path: Path, field: str, value: str
) -> None:
    suite = Suite(finished_copy / "results", "local")
    good = next((suite.folder / "mnist" / "model_1").glob("seed-0000-*.json"))
    fields = msgspec.to_builtins(msgspec.json.decode(good.read_bytes(), type=RunRecord))
    good.write_bytes(canonical_json({**fields, field: value}))
    before = set(tmp_path.rglob("*"))
    with pytest.warns(SetAside, match=field):
        render(suite, tmp_path / "reports", command="bench report")
    new = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(tmp_path / "reports") for path in new)
    assert not [path for path in new if "evil" in path.name]


def test_a_data_sets_name_is_a_name(tmp_path: Path) -> None:
    suite = factories.suite(tmp_path / "results")
    good = next((suite.folder / "mnist" / "model_1").glob("seed-0000-*.json"))
    fields = msgspec.json.decode(good.read_bytes())
    fields["dataset"]["name"] = "../mnist"
    good.write_bytes(canonical_json(fields))
    with pytest.warns(SetAside, match="name"):
        assert len(suite.runs()) == len(suite.run_paths()) - 1


SECTION = """
from bench.report.model import Cell, Column, Section, Table

ORDER = 33
SCOPE = "suite"
PAGES = ("index", "markdown")


def section(summary):
    rows = tuple((Cell(arm.label), Cell(str(len(arm.runs)))) for arm in summary.arms)
    table = Table("Runs by a user's own section", (Column("Model", False), Column("Runs")), rows)
    return Section(title="A section of one file", tables=(table,))
"""


@pytest.fixture
def own_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file beside the package's own, in a folder of its own."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "of_a_user.py").write_text(textwrap.dedent(SECTION), encoding="utf-8")
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])
    importlib.invalidate_caches()
    yield "of-a-user"
    sys.modules.pop("bench.report.sections.of_a_user", None)


def test_a_section_is_one_file(own_section: str, tmp_path: Path) -> None:
    suite = factories.suite(tmp_path / "results")
    render(suite, tmp_path / "reports", command="bench report")
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert f'<section id="{own_section}"' in page
    assert page.count("A section of one file") >= 2  # the heading and the bar
    markdown = (tmp_path / "reports" / "report.md").read_text(encoding="utf-8")
    assert "## A section of one file" in markdown
    assert "| Model\\_1 | 5 |" in markdown or "| Model_1 | 5 |" in markdown
