"""What is committed is what the committed records give; the README's numbers are not typed."""

from __future__ import annotations

import re
from pathlib import Path

from bench import fragment, report
from bench.store import Suite
from tests.support import ROOT

REFERENCE = ROOT / "reports" / "reference"
COMMAND = "python -m bench report --suite reference --reports reports/reference"


def undrawn(path: Path) -> str:
    """The text without its figures, whose paths differ from one matplotlib to the next."""
    return re.sub(r"<svg.*?</svg>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_committed_report_is_what_the_committed_records_give(tmp_path: Path) -> None:
    # As deep as the committed one, so that links to records read the same.
    rebuilt = ROOT / "reports" / f"rebuilt-{tmp_path.name}"
    try:
        written = report.render(Suite(ROOT / "results", "reference"), rebuilt, command=COMMAND)
        names = [path.relative_to(rebuilt) for path in written]
        assert all((REFERENCE / name).is_file() for name in names)
        for name in names:
            if name.suffix != ".svg":
                assert undrawn(rebuilt / name) == undrawn(REFERENCE / name), name
    finally:
        for path in sorted(rebuilt.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        rebuilt.rmdir()


def test_the_readmes_pieces_are_the_reports() -> None:
    """The README is as `bench report --update README.md` leaves it."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    source = fragment.source(Suite(ROOT / "results", "reference"), REFERENCE, COMMAND)
    blocks = re.findall(r"<!-- ([a-z][a-z-]*) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    assert [name for name, _ in blocks] == ["readme-results"]
    for name, block in blocks:
        assert block == fragment.fragment(source, name, ROOT)
        assert "Model_1" in block
    fragment.require_markers(readme)
