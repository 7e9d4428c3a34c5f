"""The documentation: its site builds, its links lead somewhere, and what it shows is true."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token
from playwright.sync_api import Browser
from scipy.special import stdtrit

from bench.cli import app
from bench.inputs.own_file import execute
from bench.stats.means import accuracy
from bench.stats.rates import lower_bound
from tests.support import ROOT, WRITTEN, environment, fences, text_of, words_of

Bench = Callable[..., subprocess.CompletedProcess[str]]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
NOT_RUN = "<!-- not run -->"
SHELLS = ("", "sh", "yaml")  # languages of blocks that hold commands
COMMAND = re.compile(r"^(?:run: )?(?:python -m bench|manyseeds) +([a-z].*)$")
BEHIND = re.compile(r" (?:[|;&]|\d?>).*$")  # what a shell does with a command's output


def blocks(document: str) -> Iterator[Token]:
    """Its blocks of code, without those that are marked as not run."""
    tokens = MarkdownIt("commonmark").parse(text_of(document))
    for before, token in zip([None, *tokens], tokens, strict=False):
        marked = before is not None and NOT_RUN in before.content
        if token.type == "fence" and token.info in SHELLS and not marked:
            yield token


def commands(document: str) -> Iterator[list[str]]:
    """The words after the program's name, of blocks of code and between backquotes."""
    code = [
        line for each in blocks(document) for line in each.content.replace("\\\n", "").split("\n")
    ]
    inline = re.findall(r"`([^`\n]+ [^`\n]+)`", text_of(document))
    for line in (*code, *inline):
        if found := COMMAND.match(line.strip()):
            yield shlex.split(BEHIND.sub("", found[1]), comments=True)


@pytest.mark.parametrize("document", WRITTEN)
def test_the_command_line_understands_the_commands_that_a_document_shows(document: str) -> None:
    """With their arguments and options; nothing is done."""
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, *words in commands(document):
        known[name].make_context(name, words)


@pytest.mark.parametrize("document", WRITTEN)
def test_the_files_that_a_document_shows_can_be_read(document: str) -> None:
    for text in fences(document, "python"):
        compile(text, document, "exec")
    for text in fences(document, "toml"):
        tomllib.loads(text)


def test_most_documents_show_commands() -> None:
    """So that a mistake in this file does not find nothing, and passes."""
    assert sum(len(list(commands(document))) for document in WRITTEN) > 80


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by the command of `make docs`; a warning fails it."""
    out = tmp_path_factory.mktemp("site")
    (line,) = re.findall(r"\$\(IN_VENV\) -m (sphinx .*) docs site$", text_of("Makefile"), re.M)
    done = subprocess.run(
        [sys.executable, "-m", *line.split(), "docs", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), "pip install -e '.[docs]'"
    return out


@dataclass
class Page(HTMLParser):
    """What a page has: its anchors, its links and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        target = named.get("href") or named.get("src")
        if target:
            (self.links if tag == "a" else self.loads).append(target)


@cache
def page(path: Path) -> Page:
    found = Page()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def test_each_page_of_the_docs_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    linked = {each.partition("#")[0] for each in page(site / "index.html").links}
    assert {f"{Path(name).stem}.html" for name in PAGES} <= linked | {"index.html"}


def test_each_link_of_the_site_leads_somewhere(site: Path) -> None:
    seen = 0
    for path in site.rglob("*.html"):
        for link in (*page(path).links, *page(path).loads):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name.partition("?")[0]) if name else path
            assert target.is_file(), f"{path.name}: {link}"
            if anchor and target.suffix == ".html":
                assert anchor in page(target).anchors, f"{path.name}: {link}"
                seen += 1
    assert seen > 500


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert not [each for each in page(path).loads if re.match(r"([a-z]+:)?//", each)], path.name
    for path in site.rglob("*.css"):
        found = re.findall(
            r"(?:url\(|@import)\s*[\"']?([a-z]+://[^\"')]*)", path.read_text("utf-8")
        )
        assert not found, path.name


@pytest.mark.browser
def test_pages_are_read_on_a_phone_and_searched_without_a_server(
    site: Path, browser: Browser
) -> None:
    elsewhere: list[str] = []
    told: list[str] = []
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    tab.on("request", lambda each: elsewhere.append(each.url))
    tab.on("console", lambda each: told.append(each.text))
    for name in PAGES:
        tab.goto((site / name).with_suffix(".html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, name
    tab.goto((site / "search.html").as_uri() + "?q=receptive+field")
    tab.locator("#search-results li").first.wait_for()
    tab.close()
    assert told == []
    assert elsewhere
    assert not [each for each in elsewhere if not each.startswith(("file:", "data:"))]


def own_file(document: str, words: str) -> str:
    """The block of Python that holds the words."""
    (found,) = [each for each in fences(document, "python") if words in each]
    return found


def test_the_reference_has_every_option_and_every_field(site: Path) -> None:
    group = typer.main.get_command(app)
    options = page(site / "command-line.html").anchors
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for each in command.params:
            if each.param_type_name == "option" and each.name != "help":
                flag = each.opts[0].lstrip("-")
                assert f"cmdoption-manyseeds-{name}-{flag}" in options, (name, flag)
    from bench.spec import Recipe

    names = {f"bench.spec.Recipe.{each}" for each in Recipe.__struct_fields__}
    assert names <= page(site / "python.html").anchors


def test_getting_started_runs_as_it_is_written(bench: Bench, tmp_path: Path) -> None:
    """Its commands in their order; one epoch a run, for time. What is shown is what is printed."""
    (readme,) = fences("docs/start.md", "markdown")
    (claims,) = fences("docs/start.md", "toml")
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "readme.toml").write_text(claims, encoding="utf-8")
    printed = ""
    for each in blocks("docs/start.md"):
        for line in each.content.splitlines():
            words = shlex.split(line)[1:]
            done = bench(*words, *(["--epochs", "1"] if words[0] == "all" else []))
            assert done.returncode == 0, done.stderr
            printed += done.stdout
    shown = [line for each in fences("docs/start.md", "text") for line in each.splitlines()]
    have = {told(line, tmp_path) for line in printed.splitlines()}
    always = [
        line for line in shown if re.match("made|no mistakes|stored|records|report|.*│", line)
    ]
    assert len(always) == 11
    assert [line for line in always if told(line, tmp_path) not in have] == []
    for name in ("index.html", "report.md"):
        assert (tmp_path / "reports" / name).is_file()


def told(line: str, folder: Path) -> str:
    """A line as the page has it: without blanks at its end, the folder by the page's name."""
    return line.replace(str(folder), "~/first").rstrip()


def test_the_files_that_a_reader_may_copy_work(bench: Bench, tmp_path: Path) -> None:
    """A network, a measure and a section; see `tests.cli.test_plugins` for broken ones."""
    files = {
        "architectures/small.py": own_file("docs/network.md", "class Network"),
        "measures/modules.py": own_file("docs/python.md", "def measure"),
        "sections/seeds.py": own_file("docs/python.md", "def section"),
        "runs.csv": "network,seed,epoch,correct\nsmall,0,1,9788\nsmall,4,1,9790\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    looked = bench("inspect", "small").stdout
    assert "Parameters: 1,442 parameters" in looked
    assert "Modules: 11" in looked
    kept = ("import", "runs.csv", "--as", "theirs", "--dataset", "mnist", "--test-images", "10000")
    for words in (kept, ("report", "--suite", "theirs")):
        done = bench(*words)
        assert done.returncode == 0, done.stderr
    assert "2 seeds." in (tmp_path / "reports" / "report.md").read_text(encoding="utf-8")


def test_the_records_are_read_as_the_page_says() -> None:
    code = own_file("docs/python.md", "Suite(")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(re.findall(r"^[a-z0-9_]+ \d+ completed 99\d\d$", done.stdout, re.M)) == 3


def drawn() -> ModuleType:
    """docs/figures.py."""
    return execute("docs_figures", ROOT / "docs" / "figures.py")


def written(text: str) -> list[str]:
    """What a figure says: its words, and what its marks tell."""
    return re.findall(r'(?:data-tip|aria-label)="([^"]*)"|>([^<>]+)</text>', text)  # type: ignore[no-any-return]


def test_the_committed_figures_say_what_the_records_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words, not bytes: those differ from one matplotlib to the next."""
    module = drawn()
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    module.main()
    committed = sorted((ROOT / "docs" / "figures").glob("*.svg"))
    assert [each.name for each in committed] == sorted(each.name for each in tmp_path.iterdir())
    for each in committed:
        now = written((tmp_path / each.name).read_text(encoding="utf-8"))
        assert written(each.read_text(encoding="utf-8")) == now
        assert len(now) > 15


def test_the_page_of_statistics_says_what_the_records_give() -> None:
    page, arm = words_of("docs/statistics.md"), drawn().recorded()
    counts, n = arm.test_counts, arm.n_test
    groups = [accuracy(counts[first : first + 5], n).mean_percent for first in range(0, 30, 5)]
    low, high = float(min(groups)), float(max(groups))
    assert f"between {low:.3f} % and {high:.3f} %" in page
    assert f"differ by up to {high - low:.3f} points" in page
    sd = accuracy(counts, n).sd_points
    assert f"{sd:.3f}" == "0.043"
    assert f"from {len(counts)} seeds" in page
    for runs in (3, 5, 10, 30, 61):
        half = stdtrit(runs - 1, 0.975) * sd / runs**0.5
        assert f"| {runs} | {half:.3f} |" in page
    assert f"For five runs t is {stdtrit(4, 0.975):.2f}, for 61 runs it is 2.00" in page
    assert f"{stdtrit(60, 0.975):.2f}" == "2.00"
    assert round(0.55**5, 2) == 0.05
    assert lower_bound(28, 28) < 0.9 <= lower_bound(29, 29)
    assert lower_bound(44, 45) < 0.9 <= lower_bound(45, 46)
