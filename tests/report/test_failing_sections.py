"""A section that fails is a notice in its place; the others, and the next report, are whole."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from bench.cli.terminal import render_report
from bench.report import drawing
from bench.report.publish import MANIFEST
from bench.report.sections import files
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
    factories.suite(tmp_path / "results", architectures=["model_1"], seeds=range(3))
    assert rendered()
    return tmp_path / "reports"


def rendered() -> bool:
    return render_report(Path("results"), "local", Path("reports"))


@pytest.mark.parametrize("name", ["answer", "leaderboard"])
def test_a_built_in_section_that_fails_is_a_notice(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = sorted(folder.rglob("*.html"))
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
    before = (folder / MANIFEST).read_text().splitlines()
    monkeypatch.setattr(drawing, "svg", raises)
    monkeypatch.setattr(files, "_content", raises)
    assert not rendered()
    after = (folder / MANIFEST).read_text().splitlines()
    assert [line[66:] for line in after] == [line[66:] for line in before]
    figures = [path.read_text() for path in (folder / "figures").iterdir()]
    assert figures
    assert all("This figure could not be drawn: OverflowError" in text for text in figures)
    said = (folder / "data" / "results.csv").read_text()
    assert said == f"This file could not be made. data/results.csv: {WRONG}\n"
    index = (folder / "index.html").read_text()
    assert "This figure could not be drawn: OverflowError" in index
    assert "<b>float" not in index
    lines = [line for line in capsys.readouterr().err.splitlines() if "skipped" in line]
    assert any(f"'files': data/results.csv: {WRONG}" in line for line in lines)
    assert any(f": figure mnist-lanes: {WRONG}" in line for line in lines)
