"""A section that fails is a notice in its place; the others, and the next report, are whole."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli.terminal import render_report
from bench.report import sections
from bench.report.model import Section
from bench.report.publish import MANIFEST
from bench.report.summary import Summary
from tests import factories

WRONG = "OverflowError: int too large to convert to <b>float</b>"


def raises(*_: object) -> None:
    raise OverflowError("int too large to convert to <b>float</b>")


def names(page: str) -> list[str]:
    """The sections of a page, in its order."""
    return re.findall(r'<section id="([\w-]+)"', page)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a suite and its whole report."""
    monkeypatch.chdir(tmp_path)
    factories.suite(tmp_path / "results", seeds=range(3))
    assert rendered()
    return tmp_path / "reports"


def rendered() -> bool:
    return render_report(Path("results"), "local", Path("reports"))


@pytest.mark.parametrize("name", ["answer", "results", "leaderboard", "provenance", "layers"])
def test_a_built_in_section_that_fails_is_a_notice(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [folder / "index.html", *sorted(folder.glob("*/*.html")), *folder.glob("p*.html")]
    before = {page: page.read_text() for page in pages}
    with monkeypatch.context() as patch:
        module = importlib.import_module(f"bench.report.sections.{name}")
        patch.setattr(module, "section", raises)
        assert not rendered()
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "skipped" in line]
    assert line.startswith(f"skipped: section '{name}': {WRONG} (")
    assert f"sections/{name}.py): the other sections are whole" in line
    found = {page: page.read_text() for page in pages}
    told = [page for page in pages if f"“{name}” could not be made" in found[page]]
    assert told
    for page in pages:
        assert [each for each in names(before[page]) if each != name] == [
            each for each in names(found[page]) if each != name
        ]
        assert "<b>float" not in found[page]
    assert rendered()
    assert {page: page.read_text() for page in pages} == before


def test_a_figure_and_a_file_that_fail_are_notices_in_their_places(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names_before = [line[66:] for line in (folder / MANIFEST).read_text().splitlines()[1:]]
    for file in sections.found():
        monkeypatch.setattr(
            importlib.import_module(file.__name__), "section", with_failures(file.section)
        )
    assert not rendered()
    assert [line[66:] for line in (folder / MANIFEST).read_text().splitlines()[1:]] == names_before
    figures = [path.read_text() for path in (folder / "figures").iterdir()]
    assert figures
    assert all("This figure could not be drawn: OverflowError" in text for text in figures)
    files = [path.read_text() for path in (folder / "data").iterdir()]
    assert files
    assert all(text.startswith("This file could not be made. data/") for text in files)
    index = (folder / "index.html").read_text()
    assert "This figure could not be drawn: OverflowError" in index
    assert "<b>float" not in index
    errors = capsys.readouterr().err
    assert f"figure mnist-accuracy: {WRONG}" in errors
    assert f"data/results.csv: {WRONG}" in errors


def with_failures(section: object) -> object:
    """The section, but none of its figures and files can be made."""

    def failing(summary: Summary) -> Section | None:
        found = section(summary)  # type: ignore[operator]
        if found is None:
            return None
        return replace(  # type: ignore[no-any-return]
            found,
            plots=tuple(replace(each, draw=raises) for each in found.plots),
            downloads=tuple(replace(each, content=raises) for each in found.downloads),
            lanes=tuple(
                replace(
                    each,
                    axis=each.axis and replace(each.axis, draw=raises),
                    rows=tuple(replace(r, plot=replace(r.plot, draw=raises)) for r in each.rows),
                )
                for each in found.lanes
            ),
            cards=(),
        )

    return failing
