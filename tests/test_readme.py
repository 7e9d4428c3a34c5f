"""The documents: what they show is what the committed records give, and what they name is there."""

from __future__ import annotations

import hashlib
import re
import subprocess
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from bench.records.arms import Arm
from bench.records.store import Suite
from bench.report import fragments
from bench.report.publish import MANIFEST
from tests.support import ROOT, WRITTEN, links, text_of, words_of

# Our attempts at the target, ordered by their means.
ATTEMPTS = (
    "p4m_4988",
    "p4m_strided_4988",
    "fine_7344",
    "p4m_3772",
    "averaged_7344",
    "p4m_2576",
    "stack_7344",
    "silu_7344",
)
# Document -> its pieces in their order, with the suite that each speaks of.
DOCUMENTS = {
    "README.md": {"leaderboard=model_1,model_2,model_3,p4m_4988,p4m_3772": "reference"},
    "docs/record.md": {f"leaderboard={','.join(ATTEMPTS)}": "reference"},
    "docs/search-log.md": {
        "search": "search",
        "leaderboard": "reference",
        "variations": "reference",
    },
}


def command(suite: str) -> str:
    return f"python -m bench report --suite {suite} --reports reports/{suite}"


@cache
def source(suite: str) -> fragments.Source:
    """What `bench report --update` takes the suite's pieces from."""
    with chdir(ROOT):
        records, reports = Suite(ROOT / "results", suite), ROOT / "reports" / suite
        return fragments.source(records, reports, command(suite))


@cache
def arms() -> dict[str, Arm]:
    """Each network's runs by its own recipe."""
    found = source("reference").summaries[0]
    return {arm.architecture: arm for arm in found.arms if found.is_own(arm)}


COMMITTED = ROOT / "reports" / "reference"
FIGURE = re.compile(r"!\[[^\]]*\]\((figures/[^)]+)\)")
DRAWN = (".svg", ".html")  # their bytes differ from one matplotlib to the next


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
    assert names == {"report.md", "badge.svg", MANIFEST, *shown}
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
def test_a_documents_pieces_are_the_reports(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is as `bench report --update` leaves it."""
    monkeypatch.chdir(ROOT)
    path, suites = ROOT / document, DOCUMENTS[document]
    text = text_of(document)
    blocks = re.findall(r"<!-- ([a-z][\w=,-]*) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    assert [name for name, _ in blocks] == list(suites)
    for name, block in blocks:
        assert block == fragments.fragment(source(suites[name]), name, path.parent)
        assert block.count("\n") > 3
    fragments.require_markers(path)


@pytest.mark.parametrize("document", WRITTEN)
def test_a_documents_links_lead_to_files_that_a_code_host_renders(document: str) -> None:
    text = text_of(document)
    for link in (*links(text), *re.findall(r'<img [^>]*src="([^"]*)"', text)):
        path, _, anchor = link.partition("#")
        if "://" not in link and path:
            assert ((ROOT / document).parent / path).is_file(), link
            assert not path.endswith(".html"), link
        if anchor and not path:
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert anchor in [each.lower().replace(" ", "-") for each in headings], link


def test_the_readme_fits_its_reader() -> None:
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 120
    first_table = next(n for n, line in enumerate(lines) if line.startswith("|"))
    assert lines.index("make report   # installs, trains, renders a report") < 20
    assert first_table > 20


def test_the_findings_words_are_what_the_records_say() -> None:
    best, small, strided = (arms()[name] for name in ("p4m_4988", "p4m_3772", "p4m_strided_4988"))
    for arm in (best, small, strided):
        assert arm.n_reached == len(arm.runs)
    # Without a miss, n runs are confirmed where 0.9 ** n is at most 0.05, or an eighth of it.
    fewest, corrected = (
        next(n for n in range(1, 100) if 0.9**n <= 0.05 / attempts) for attempts in (1, 8)
    )
    assert len(best.runs) >= corrected > len(small.runs) == len(strided.runs) == fewest
    assert {arm.standing.n_attempts for arm in (best, small, strided)} == {8}
    every = Suite(ROOT / "results", "reference").runs()
    n_chose = sum(run.architecture == "p4m_3772" for run in every) - len(small.runs)
    verdicts = {name: arms()[name].verdict.verdict for name in ("model_1", "model_2", "model_3")}
    assert verdicts == {"model_1": "undecided", "model_2": "undecided", "model_3": "refuted"}
    assert (len(arms()["model_1"].runs), arms()["model_1"].n_reached, n_chose) == (10, 9, 5)
    for words in (
        f"all of its {len(best.runs)} runs reach the target",
        "we made eight attempts",
        "Five more runs of P4m stack 3,772 helped to choose it",
        f"All {len(strided.runs)} runs of P4m strided 4,988",
        "nine of Model_1's ten runs reach the target",
        "it needs 56 more seeds",  # nine of ten and then no miss: 66 by the confidence sequence
    ):
        assert words in words_of("README.md")


def test_fifteen_runs_take_the_time_that_the_readme_names() -> None:
    names = ("model_1", "model_2", "model_3")
    seconds = sum(5 * median(run.train_seconds for run in arms()[name].runs) for name in names)
    assert "half an hour to an hour on two cores" in words_of("README.md")
    assert 1800 < seconds / 2 < 3600
