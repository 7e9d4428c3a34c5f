"""What is committed is what the committed records give; the README's numbers are not typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import fragment, report
from bench.errors import UsageError
from bench.store import Suite
from tests.support import ROOT

REFERENCE = ROOT / "reports" / "reference"
COMMAND = "python -m bench report --suite reference --reports reports/reference"


def test_the_committed_report_is_what_the_committed_records_give(tmp_path: Path) -> None:
    # As deep as the committed one, so that links to records read the same.
    rebuilt = ROOT / "reports" / f"rebuilt-{tmp_path.name}"
    try:
        written = report.render(Suite(ROOT / "results", "reference"), rebuilt, command=COMMAND)
        assert (rebuilt / "report.md").read_text() == (REFERENCE / "report.md").read_text()
        names = {path.relative_to(rebuilt) for path in written}
        assert all((REFERENCE / name).is_file() for name in names)
    finally:
        for path in sorted(rebuilt.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        rebuilt.rmdir()


def test_the_readmes_results_are_the_reports() -> None:
    readme = ROOT / "README.md"
    block = readme.read_text().partition(fragment.BEGIN)[2].partition(fragment.END)[0]
    assert block == "\n" + fragment.results_table(REFERENCE / "report.md", readme)
    assert "Model_1" in block


def test_update_replaces_what_stands_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    document, rendered = tmp_path / "README.md", tmp_path / "out" / "report.md"
    rendered.parent.mkdir()
    rendered.write_text(
        "# Report\n\n| no | table |\n\n## Results\n\nText.\n\n| Model |\n| :--- |\n"
        "| [A](architectures/a.html) |\n\n## Next\n\n| other |\n"
    )
    document.write_text(f"above\n{fragment.BEGIN}\nold\n{fragment.END}\nbelow\n")
    assert fragment.update(document, rendered)
    assert document.read_text() == (
        f"above\n{fragment.BEGIN}\n| Model |\n| :--- |\n| [A](out/architectures/a.html) |\n"
        f"{fragment.END}\nbelow\n"
    )
    assert not fragment.update(document, rendered)


@pytest.mark.parametrize("text", ["", fragment.BEGIN, f"{fragment.END}{fragment.BEGIN}"])
def test_a_document_without_markers_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    document = tmp_path / "README.md"
    document.write_text(text)
    with pytest.raises(UsageError, match="no pair of markers"):
        fragment.update(document, REFERENCE / "report.md")
    assert document.read_text() == text
