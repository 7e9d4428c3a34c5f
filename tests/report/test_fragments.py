"""Pieces of the report in other documents; what cannot be used leaves a document as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import terminal
from bench.errors import UsageError
from bench.records.store import Suite
from bench.report import fragments, pages
from bench.report.fragments import Source
from bench.spec import RunRecord
from tests import factories
from tests.conftest import Bench
from tests.reports import render
from tests.support import links, write_architecture

COMMAND = "python -m bench report"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a suite of two data sets."""
    folder = tmp_path_factory.mktemp("fragments")
    suite = factories.suite(folder / "results")
    factories.fill(suite, ["model_1"], seeds=[0, 1], dataset=factories.MNIST5K)
    return folder


@pytest.fixture(scope="module")
def source(folder: Path) -> Source:
    return fragments.source(Suite(folder / "results", "local"), folder / "reports", COMMAND)


@pytest.fixture(scope="module")
def reports(folder: Path) -> Path:
    """The same suite's report."""
    render(Suite(folder / "results", "local"), folder / "reports", command=COMMAND)
    return folder / "reports"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "README.md"


def test_a_piece_is_what_the_report_says(reports: Path, source: Source) -> None:
    whole = (reports / pages.MARKDOWN).read_text(encoding="utf-8")
    for name in ("results", "results-mnist5k", "claims:table", "rebuild:all", "files:all"):
        piece = fragments.fragment(source, name, reports)
        assert len(piece) > 100
        assert piece in whole
    piece = fragments.fragment(source, "target", reports)  # only where it is asked for
    assert len(piece) > 100
    assert piece not in whole
    assert fragments.fragment(source, "curves:figures", reports).startswith("![")


def test_a_table_is_rows_alone_and_all_is_more(source: Source, folder: Path) -> None:
    table = fragments.fragment(source, "results:table", folder)
    assert table == fragments.fragment(source, "results", folder)
    assert all(line.startswith("|") for line in table.splitlines())
    assert len(table.splitlines()) == 2 + len(factories.NAMES)
    whole = fragments.fragment(source, "results:all", folder)
    assert len(whole) > len(table)
    assert "# " not in whole.splitlines()[0]


@pytest.mark.parametrize("name", ["results:all", "rebuild:all", "files:all", "claims:all"])
def test_links_are_followed_from_the_documents_folder(
    reports: Path, source: Source, name: str
) -> None:
    for place in (reports.parent, reports.parent / "docs" / "deep", reports):
        place.mkdir(parents=True, exist_ok=True)
        found = links(fragments.fragment(source, name, place))
        assert all((place / link).exists() for link in found if not link.startswith("#"))


def test_a_network_links_to_its_file_and_never_to_a_page(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_architecture(tmp_path, "model_1")
    (tmp_path / "docs").mkdir()
    rows = fragments.fragment(source, "results", Path("docs")).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| [Model_1](../architectures/model_1.py)",
        "| Model_2",
        "| Model_3",
    ]


def test_named_architectures_keep_their_rows_as_the_whole_table_has_them(
    source: Source, document: Path
) -> None:
    whole = fragments.fragment(source, "results", document.parent).splitlines()
    name = "results=model_3,model_1"
    some = fragments.fragment(source, name, document.parent)
    assert some.splitlines() == [*whole[:2], whole[2], whole[4]]
    document.write_text(f"<!-- {name} -->old<!-- /{name} -->")
    assert fragments.update(document, source)
    assert document.read_text() == f"<!-- {name} -->\n{some}<!-- /{name} -->"


def test_update_replaces_what_stands_between_the_markers_and_nothing_else(
    document: Path, source: Source
) -> None:
    spoken_of = f"Write `{BEGIN}` and `{END}`:\n```html\n{BEGIN}\n{END}\n```\n"
    foreign = f"<!-- toc -->\n<!-- prettier-ignore -->\n{spoken_of}"
    document.write_text(
        f"{foreign}above\n{BEGIN}\nold\n{END}\nbelow\n<!-- claims:table -->", "utf-8"
    )
    document.write_text(document.read_text() + "<!-- /claims:table -->", "utf-8")
    assert fragments.update(document, source)
    table = fragments.fragment(source, "results", document.parent)
    claims = fragments.fragment(source, "claims", document.parent)
    assert document.read_text() == (
        f"{foreign}above\n{BEGIN}\n{table}{END}\nbelow\n"
        f"<!-- claims:table -->\n{claims}<!-- /claims:table -->"
    )
    assert not fragments.update(document, source)


def test_only_the_named_pieces_are_renewed(document: Path, source: Source) -> None:
    text = f"{BEGIN}{END}<!-- claims -->old<!-- /claims -->"
    document.write_text(text)
    assert fragments.update(document, source, ["results"])
    assert document.read_text().endswith("<!-- claims -->old<!-- /claims -->")


def test_a_documents_line_ends_and_its_link_stay(tmp_path: Path, source: Source) -> None:
    target, link = tmp_path / "real.md", tmp_path / "link.md"
    target.write_bytes(f"above\r\n{BEGIN}\r\nold\r\n{END}\r\n".encode())
    link.symlink_to(target)
    assert fragments.update(link, source)
    assert link.is_symlink()
    content = target.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") > 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no markers",
        BEGIN,
        END,
        f"{END}{BEGIN}",
        f"{BEGIN}{BEGIN}{END}",
        f"{BEGIN}{END}{BEGIN}{END}",
        f"{BEGIN}{END}{END}",
        f"{BEGIN}<!-- claims -->{END}<!-- /claims -->",
        f"{BEGIN}{END}<!-- claims -->",
        "<!-- toc --><!-- prettier-ignore -->",
        f"`{BEGIN}{END}`",
        f"```\n{BEGIN}{END}\n```",
    ],
)
def test_unmatched_markers_are_refused_and_the_document_stays(
    document: Path, source: Source, text: str
) -> None:
    document.write_text(text)
    with pytest.raises(UsageError, match="no pair of markers"):
        fragments.update(document, source)
    assert document.read_text() == text


@given(st.lists(st.sampled_from([BEGIN, END, "<!-- claims -->", "<!-- /claims -->", "x\n"])))
def test_any_order_of_markers_is_refused_or_keeps_the_words_outside(
    source: Source, tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    document = tmp_path_factory.mktemp("any") / "README.md"
    text = "".join(parts)
    document.write_text(text)
    try:
        fragments.update(document, source)
    except UsageError:
        assert document.read_text() == text
    else:
        new = document.read_text()
        for marker in (BEGIN, END, "<!-- claims -->", "<!-- /claims -->"):
            assert new.count(marker) == text.count(marker) <= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reslts", "did you mean 'results'"),
        ("results:tabel", "did you mean 'table'"),
        ("results:", "unknown part"),
        ("results-mnist5", "did you mean 'results-mnist5k'"),
        ("", "no section ''"),
        ("recipe", "no section 'recipe'"),  # of architectures' pages alone
        ("rebuild:table", "has nothing to say"),
        ("results=model_4", "no row of architecture 'model_4'"),
        ("results=model_1,modle_2", "did you mean 'model_2'"),
        ("results=", "no row of architecture ''"),
        ("curves:figures=model_1", "no row of architecture 'model_1'"),
    ],
)
def test_a_name_that_is_none_gives_the_nearest(source: Source, name: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        fragments.fragment(source, name, Path())
    assert said in str(error.value)


def test_the_command_prints_a_piece(folder: Path, bench: Bench) -> None:
    results = str(folder / "results")
    done = bench("report", "--results", results, "--format", "md", "--only", "results")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("| ")
    assert "Model_2" in done.stdout


def test_the_command_writes_a_piece_and_renews_a_readme(
    folder: Path, bench: Bench, tmp_path: Path
) -> None:
    results = str(folder / "results")
    out = tmp_path / "piece.md"
    done = bench("report", "--results", results, "--only", "results", "--out", str(out))
    assert done.returncode == 0
    assert out.read_text().startswith("| ")
    assert not (tmp_path / "reports").exists()
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n")
    done = bench("report", "--results", results, "--update", str(readme))
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_text() in readme.read_text()
    assert (tmp_path / "reports" / "index.html").is_file()


def test_a_readme_is_renewed_from_what_was_read_for_the_report(
    folder: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document.write_text(f"{BEGIN}{END}")
    read: list[str] = []
    runs = Suite.runs

    def counted(suite: Suite) -> list[RunRecord]:
        read.append(suite.name)
        return runs(suite)

    monkeypatch.setattr(Suite, "runs", counted)
    reports = document.parent / "reports"
    terminal.render_report(folder / "results", "local", reports, document=document)
    assert read == ["local"]
    assert (reports / "index.html").is_file()
    assert len(document.read_text()) > 100


def test_where_a_suite_is_empty_no_readme_is_renewed_and_nothing_is_written(document: Path) -> None:
    document.write_text(f"{BEGIN}{END}")
    reports = document.parent / "reports"
    with pytest.raises(UsageError, match="holds no records"):
        terminal.render_report(document.parent / "results", "local", reports, document=document)
    assert document.read_text() == f"{BEGIN}{END}"
    assert not reports.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "reslts"], "did you mean 'results'"),
        (["--format", "mad", "--only", "results"], "did you mean 'md'"),
        (["--format", "md"], "no section named"),
        (["--format", "html", "--only", "results"], "the HTML pages hold every section"),
        (["--out", "x.md"], "without --only there is no section to write"),
        (["--only", "results", "--out", "."], "cannot write"),
        (["--only", "results", "--suite", "none"], "no suite 'none'"),
        (["--update", "missing.md"], "cannot be read"),
        (["--update", "."], "cannot be read"),
        (["--update", "empty.md"], "no pair of markers"),
        (["--update", "empty.md", "--only", "claims"], "none for 'claims'"),
        (["--update", "binary.md"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    folder: Path, bench: Bench, tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "empty.md").write_text("nothing\n")
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe" + BEGIN.encode())
    before = sorted(path.name for path in tmp_path.iterdir())
    done = bench("report", "--results", str(folder / "results"), *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before
