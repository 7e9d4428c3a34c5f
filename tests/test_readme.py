"""What is committed is what the committed records give; the README's numbers are not typed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import fragment, report
from bench.publishing import MANIFEST
from bench.store import Suite
from tests.support import ROOT

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


COMMITTED = ROOT / "reports" / "reference"
FIGURE = re.compile(r"!\[[^\]]*\]\((figures/[^)]+)\)")
DRAWN = (".svg", ".html")  # their bytes differ from one matplotlib to the next


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The reference report, rendered from the committed records."""
    # Beside the committed report, so that links to records read the same.
    folder = ROOT / "reports" / f"rebuilt-{tmp_path_factory.mktemp('report').name}-{os.getpid()}"
    try:
        report.render(Suite(ROOT / "results", "reference"), folder, command=command("reference"))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_committed_report_is_what_the_committed_records_give(rebuilt: Path) -> None:
    text = (rebuilt / "report.md").read_text(encoding="utf-8")
    assert (COMMITTED / "report.md").read_text(encoding="utf-8") == text


def test_the_committed_manifest_is_that_of_the_whole_rebuilt_site(rebuilt: Path) -> None:
    """With the matplotlib that drew it every file; with another one the files without figures."""
    ours, theirs = (manifest_of(folder) for folder in (COMMITTED, rebuilt))
    assert ours.digests.keys() == theirs.digests.keys()
    assert len(ours.digests) > 200
    other = {name for name in ours.digests if ours.digests[name] != theirs.digests[name]}
    if ours.made_with != theirs.made_with:
        other = {name for name in other if not name.endswith(DRAWN)}
    assert other == set()


def test_the_committed_figures_are_those_that_the_report_shows(rebuilt: Path) -> None:
    shown = FIGURE.findall((rebuilt / "report.md").read_text(encoding="utf-8"))
    names = {path.relative_to(COMMITTED).as_posix() for path in tracked("reports")}
    assert names == {"report.md", MANIFEST, *shown}
    committed = manifest_of(COMMITTED).digests
    for name in shown:
        assert hashlib.sha256((COMMITTED / name).read_bytes()).hexdigest() == committed[name]


def test_the_checkout_is_light() -> None:
    """Records are evidence and stay; a page that they render is not committed."""
    assert sum(path.stat().st_size for path in tracked(".")) < 20_000_000


def tracked(folder: str) -> list[Path]:
    """The files of the checkout that git keeps, below the folder."""
    command = ["git", "ls-files", "-z", folder]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in found.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


@dataclass(frozen=True)
class Manifest:
    """What a report's manifest says."""

    made_with: str
    digests: dict[str, str]  # name -> SHA-256


def manifest_of(folder: Path) -> Manifest:
    made_with, *lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    return Manifest(
        made_with, {name: digest for digest, _, name in (x.partition("  ") for x in lines)}
    )


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
