"""What is committed is what the committed records give; the README's numbers are not typed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bench import fragment, report
from bench.store import Suite
from tests.support import ROOT

SUITES = ("reference", "search")
# Document -> its pieces in their order, with the suite that each speaks of.
DOCUMENTS = {
    "README.md": {"leaderboard": "reference", "readme-results": "reference"},
    "docs/record.md": {
        "search": "search",
        "leaderboard": "reference",
        "variations": "reference",
    },
}


def command(suite: str) -> str:
    return f"python -m bench report --suite {suite} --reports reports/{suite}"


def undrawn(path: Path) -> str:
    """The text without its figures, whose paths differ from one matplotlib to the next."""
    return re.sub(r"<svg.*?</svg>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("suite", SUITES)
def test_the_committed_report_is_what_the_committed_records_give(
    suite: str, tmp_path: Path
) -> None:
    committed = ROOT / "reports" / suite
    # As deep as the committed one, so that links to records read the same.
    rebuilt = ROOT / "reports" / f"rebuilt-{tmp_path.name}"
    try:
        written = report.render(Suite(ROOT / "results", suite), rebuilt, command=command(suite))
        names = [path.relative_to(rebuilt) for path in written]
        assert all((committed / name).is_file() for name in names)
        for name in names:
            if name.suffix != ".svg":
                assert undrawn(rebuilt / name) == undrawn(committed / name), name
    finally:
        shutil.rmtree(rebuilt)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_documents_pieces_are_the_reports(document: str) -> None:
    """Each is as `bench report --update` leaves it."""
    path, suites = ROOT / document, DOCUMENTS[document]
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- ([a-z][a-z-]*) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    assert [name for name, _ in blocks] == list(suites)
    for name, block in blocks:
        suite = suites[name]
        records, reports = Suite(ROOT / "results", suite), ROOT / "reports" / suite
        source = fragment.source(records, reports, command(suite))
        assert block == fragment.fragment(source, name, path.parent)
        assert block.count("\n") > 3
    fragment.require_markers(path)
