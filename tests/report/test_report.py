"""The report rebuilt from synthetic records: what it says, where it lies, what it leaves alone."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from bench import __version__
from bench.errors import SetAside, StoreError
from bench.records.store import Suite
from bench.report import pages
from bench.report.model import Cell, Column, Section, Table
from bench.report.pages import Page, Part
from bench.report.publish import MANIFEST
from tests import factories
from tests.reports import render
from tests.support import ROOT, write_architecture

COMMAND = "python -m bench report"


def rendered(suite: Suite, reports: Path, page: str = "index") -> str:
    """A page as text: no tags, spaces single, narrow no-break spaces plain."""
    render(suite, reports, command=COMMAND)
    return text_of(reports / f"{page}.html")


def text_of(page: Path) -> str:
    body = page.read_text(encoding="utf-8").partition("<body>")[2].partition("<script>")[0]
    body = body.replace("<wbr>", "")
    plain = html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\N{NARROW NO-BREAK SPACE}", " ")
    return " ".join(plain.split())


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def suite_of(results: Path, counts: dict[str, list[int]]) -> Suite:
    """Runs whose last epoch has these right answers, seeds from 0."""
    suite = Suite(results, "local")
    for name, right in counts.items():
        suite.add_portrait(factories.portrait(name))
        for run in factories.runs(name, right):
            suite.add_run(run, None)
    return suite


def text_in(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def html_of(folder: Path) -> list[Path]:
    """The pages of the report in the folder."""
    found = sorted((folder / "reports").rglob("*.html"))
    assert len(found) > 1
    return found


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def whole(tmp_path: Path) -> Suite:
    return factories.suite(tmp_path / "results")


def test_the_answer_comes_first_and_is_exact(tmp_path: Path, reports: Path) -> None:
    suite = suite_of(tmp_path / "results", {"model_2": [9939, 9940, 9935, 9941, 9938]})
    text = rendered(suite, reports)
    for words in ("Model_2 7,262 parameters", "99.386 README 99.35 2 of 5", "refuted"):
        assert words in text
        assert text.index(words) < text.index("results table")


def test_a_count_below_the_target_never_rounds_up_to_it(tmp_path: Path, reports: Path) -> None:
    text = rendered(suite_of(tmp_path / "results", {"model_1": [9939, 9939, 9940]}), reports)
    assert "Runs ≥ 99.40" in text
    assert "1 of 3" in text
    assert "2 of 3" not in text


def test_a_mean_is_rounded_once_and_the_same_everywhere(tmp_path: Path, reports: Path) -> None:
    text = rendered(suite_of(tmp_path / "results", {"model_1": [9939, 9940, 9939, 9939]}), reports)
    text += text_of(reports / "leaderboard.html")
    assert text.count("99.393") >= 4
    assert "99.392" not in text


def test_one_run_has_no_spread(tmp_path: Path, reports: Path) -> None:
    text = rendered(suite_of(tmp_path / "results", {"model_1": [9941]}), reports)
    assert "99.410 % ± n/a (1)" in text


def test_the_readmes_tables_stand_beside_ours(finished: Path) -> None:
    text = text_of(finished / "reports" / "index.html")
    heads = "Model Parameters Val Accuracy best epoch Test Accuracy last epoch Target 99.4%"
    assert heads in text
    for row in (
        "Conv Layers 9,710 README ~8,500 6,858 README ~6,200 6,858 README ~6,400",
        "BatchNorm 140 README ~68 144 README ~68 144 README ~68",
        "SE Attention 0 README 0 0 README 0 256 README ~256",
        "Skip Connections 0 README 0 260 README ~240 260 README ~240",
        "Final Linear 0 README 0 0 README 0 0 README 0",
        "Total 9,850 README 9,850 7,262 README 7,262 7,518 README 7,518",
        "✗ 1,850 over README ✗ 1,850 over",
        "✓ 738 under README ✓ 738 under",
    ):
        assert row in text


def test_the_same_records_give_the_same_bytes(whole: Suite, tmp_path: Path) -> None:
    reports = tmp_path / "one"
    render(whole, reports, command=COMMAND)
    first = bytes_of(reports)
    render(whole, reports, command=COMMAND)
    assert bytes_of(reports) == first
    other = tmp_path / "two"
    render(whole, other, command=COMMAND)
    assert bytes_of(other) == first


def test_the_files_written_are_returned_index_first(whole: Suite, reports: Path) -> None:
    files = render(whole, reports, command=COMMAND)
    assert files[:2] == [reports / "index.html", reports / "report.md"]
    assert {path.relative_to(reports).as_posix() for path in files} == (
        bytes_of(reports).keys() - {MANIFEST}
    )
    assert files[0].stat().st_size < 1_500_000


def test_foreign_files_stay_and_left_over_pages_go(
    finished_copy: Path, tmp_path: Path, reports: Path
) -> None:
    foreign = reports / "reference" / "index.html"
    foreign.parent.mkdir()
    foreign.write_text("kept")
    smaller = suite_of(tmp_path / "others", {"model_1": [9940]})
    render(smaller, reports, command=COMMAND)
    assert foreign.read_text() == "kept"
    pages = sorted(path.name for path in (reports / "architectures").iterdir())
    assert pages == ["model_1.html"]


def test_a_manifest_that_points_elsewhere_removes_nothing(whole: Suite, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("kept")
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / MANIFEST).write_text(f"{'0' * 64}  ../precious.txt\n")
    render(whole, reports, command=COMMAND)
    assert precious.read_text() == "kept"


@pytest.mark.process
def test_the_manifest_holds_the_digest_of_every_file(whole: Suite, reports: Path) -> None:
    files = render(whole, reports, command=COMMAND)
    check = ["sha256sum", "--check", "--strict", MANIFEST]
    done = subprocess.run(check, cwd=reports, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(files)
    assert (reports / MANIFEST).read_text().startswith(f"# matplotlib {version('matplotlib')}\n")


def test_an_unreadable_record_is_left_out_and_named(finished_copy: Path, reports: Path) -> None:
    whole = Suite(finished_copy / "results", "local")
    path = next(whole.folder.glob("mnist/model_1/seed-*.json"))
    path.write_text("{")
    with pytest.warns(SetAside, match="unreadable record"):
        render(whole, reports, command="another")
    page = (reports / "index.html").read_text(encoding="utf-8")
    assert f"1 damaged file is left out and counts as missing: mnist/model_1/{path.name}." in page


def test_nothing_is_left_beside_the_reports(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == ["reports", "results"]


def test_a_reports_folder_that_is_a_file_is_one_clear_line(whole: Suite, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="cannot write the report"):
        render(whole, blocked, command=COMMAND)


@pytest.mark.process
def test_a_report_loads_no_torch_and_changes_no_style(whole: Suite, reports: Path) -> None:
    """Seaborn loads pyplot: it may keep no figure. What draws nothing does not load seaborn."""
    script = (
        "import sys; from pathlib import Path; import matplotlib; "
        "from bench import cli; import bench.report.render; "
        "from bench.records.store import Suite; from tests.reports import render; "
        "before = dict(matplotlib.rcParams); assert 'seaborn' not in sys.modules; "
        "render(Suite(Path(sys.argv[1]), 'local'), Path(sys.argv[2]), command='c'); "
        "from matplotlib import pyplot; assert not pyplot.get_fignums(); "
        "assert dict(matplotlib.rcParams) == before; "
        "print(sorted({'torch', 'seaborn'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", script, str(whole.folder.parent), str(reports)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert found.stdout == "['seaborn']\n"


def test_links_lead_to_files(finished: Path) -> None:
    for page in html_of(finished):
        content = page.read_text(encoding="utf-8")
        ids = set(re.findall(r' id="([^"]+)"', content))
        for href in re.findall(r'<a [^>]*href="([^"]+)"', content):
            if href.startswith("#"):
                assert href[1:].partition("?")[0] in ids  # behind it stands the view
            else:
                file, _, anchor = href.partition("#")
                assert (page.parent / file).exists(), href
                assert not anchor or f' id="{unquote(anchor)}"' in text_in(page.parent / file), href


def test_a_report_says_which_version_rendered_it(finished: Path) -> None:
    for name in ("index.html", "architectures/model_1.html", "report.md"):
        text = text_in(finished / "reports" / name)
        assert f"Rendered by manyseeds {__version__}" in text


def test_no_id_comes_twice_on_a_page(finished: Path) -> None:
    for page in html_of(finished):
        ids = re.findall(r' id="([^"]+)"', page.read_text(encoding="utf-8"))
        assert len(ids) == len(set(ids))


def test_pages_hold_everything_themselves(finished: Path) -> None:
    for page in html_of(finished):
        content = page.read_text(encoding="utf-8").partition("<script>")[0]
        assert "default-src 'none'" in content
        assert not re.search(r"<(script|img|iframe|object)\b|@import|url\((?!#)", content)
        assert not re.search(r"<[^>]* on[a-z]+=", content)


def test_the_policy_names_the_one_script_by_its_bytes(finished: Path) -> None:
    for page in html_of(finished):
        content = page.read_bytes()
        (script,) = re.findall(rb"<script>(.*?)</script>", content, flags=re.DOTALL)
        code = base64.b64encode(hashlib.sha256(script).digest()).decode()
        (policy,) = re.findall(rb'Content-Security-Policy" content="([^"]*)"', content)
        assert policy.decode() == (
            f"default-src 'none'; script-src 'sha256-{code}'; style-src 'unsafe-inline'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )


def test_cells_say_what_they_are_sorted_by_and_whose_row_it_is() -> None:
    content = pages.html(page_of(TIMES))
    assert '<tr data-series="model_1">' in content
    assert '<td class="n" data-sort="61.5">1 min 01.5 s</td>' in " ".join(content.split()).replace(
        " </td>", "</td>"
    )
    assert 'data-filter="Model"' in content
    assert content.count("<details class=") == 1


def test_a_folded_table_is_folded_in_markdown_too() -> None:
    source = pages.markdown(page_of(TIMES), str)
    parsed = MarkdownIt("commonmark").enable("table").render(source)
    summary = "<summary>Times of A &amp; B &lt;all&gt; (1 row)</summary>"
    assert f"<details>\n{summary}\n\n| Model |" in source
    assert re.search(
        r"<details>\n<summary>.*</summary>\n<table>.*</table>\n</details>", parsed, re.S
    )
    assert parsed.count("<table>") == 1


def test_an_empty_cell_of_a_total_is_not_bold_in_markdown() -> None:
    total = ((Cell("Total"), Cell("")),)
    source = pages.markdown(page_of(replace(TIMES, total=total)), str)
    assert "\n| **Total** |  |\n" in source


TIMES = Table(
    caption="Times of A & B <all>",
    columns=(Column("Model", numeric=False, filter=True), Column("Time")),
    rows=((Cell("Model_1", series="model_1"), Cell("1 min 01.5 s", sort=61.5)),),
    folded=True,
)


def page_of(table: Table) -> Page:
    part = Part("", "", (Section("Times", "Times", "times", tables=(table,)),))
    return Page("Title", "Subtitle", "", (), (), (), (part,))


def test_in_markdown_a_network_links_to_its_file_where_there_is_one(
    whole: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_architecture(tmp_path, "model_1")
    render(whole, tmp_path / "reports" / "local", command=COMMAND)
    source = (tmp_path / "reports" / "local" / "report.md").read_text(encoding="utf-8")
    assert "| [Model_1](../../architectures/model_1.py) | 9,850" in source
    assert "| Model_2 | 7,262" in source
    assert ".html)" not in source


def test_source_and_docstring_are_shown_as_text(finished: Path) -> None:
    page = (finished / "reports" / "architectures" / "model_1.html").read_text(encoding="utf-8")
    assert "For tests &lt;only&gt; &amp; no more." in page
    assert "pass  # 1 &lt; 2 &amp; &#34;quoted&#34;" in page


def test_an_architectures_page_shows_its_own_runs_only(finished: Path) -> None:
    page = finished / "reports" / "architectures" / "model_2.html"
    links = re.findall(r'href="([^"]+seed-[^"]+\.json)"', page.read_text(encoding="utf-8"))
    assert len(links) == 5
    assert all("/mnist/model_2/" in link for link in links)
    text = text_of(page)
    for heading in ("Accuracy by epoch", "Layers of Model_2", "Recipe of Model_2", "Source"):
        assert heading in text


def test_markdown_renders_as_tables_with_pictures_that_exist(finished: Path) -> None:
    reports = finished / "reports"
    source = (reports / "report.md").read_text(encoding="utf-8")
    parsed = MarkdownIt("commonmark").enable("table").render(source)
    assert parsed.count("<table>") == len(re.findall(r"\n\| (?::---|---:)", source)) >= 5
    assert not re.search(r"\{[{%] ", source)
    pictures = re.findall(r'<img src="([^"]+)"', parsed)
    assert len(pictures) >= 2
    assert all((reports / picture).is_file() for picture in pictures)
