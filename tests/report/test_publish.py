"""A report takes the place of a report, and of nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.records.store import Suite
from bench.report.publish import MANIFEST, MOVING, publish
from tests import factories
from tests.support import ROOT, environment

Bench = Callable[..., subprocess.CompletedProcess[str]]

# In a process: it dies by SIGKILL when it has moved so many files of a second report.
KILLED = """
import os, signal, sys
from pathlib import Path
from bench.report import publish

left, moved = int(sys.argv[2]), Path.replace

def replace(path, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return moved(path, target)

Path.replace = replace
files = {"b.html": "new", "c.html": "new", "index.html": "new"}
publish.publish(files, Path(sys.argv[1]), last="index.html", made_with="x")
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    factories.fill(Suite(tmp_path / "results", "local"), ["model_1"], seeds=[0])
    return tmp_path / "results"


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that was refused."""
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--suite", "locl"], ["no suite 'locl' (results)", "did you mean 'local'?"]),
        (["--results", "nosuch"], ["no suite 'local' (nosuch)", "make its runs first"]),
        (["--suite", "locl", "--watch"], ["no suite 'locl'", "did you mean 'local'?"]),
    ],
)
def test_a_suite_that_is_not_there_leaves_the_report_of_another(
    results: Path, tmp_path: Path, bench: Bench, options: list[str], words: list[str]
) -> None:
    assert bench("report").returncode == 0
    before = (tmp_path / "reports" / "index.html").read_bytes()
    line = refusal(bench("report", *options))
    assert all(each in line for each in words), line
    assert (tmp_path / "reports" / "index.html").read_bytes() == before


@pytest.mark.parametrize("reports", ["results", "results/local/pages", "."])
def test_results_and_reports_do_not_lie_in_each_other(
    results: Path, bench: Bench, reports: str
) -> None:
    before = sorted(results.rglob("*"))
    for command in (["report"], ["all", "--dataset", "mnist5k", "--seeds", "1"]):
        line = refusal(bench(*command, "--reports", reports))
        assert "lie in each other" in line
        assert f"--reports {reports}" in line
    assert sorted(results.rglob("*")) == before


def test_a_page_that_no_report_wrote_is_not_overwritten(
    results: Path, tmp_path: Path, bench: Bench
) -> None:
    own = tmp_path / "reports" / "index.html"
    own.parent.mkdir()
    own.write_text("mine")
    for command in (["report"], ["all", "--dataset", "mnist5k", "--seeds", "1"]):
        line = refusal(bench(*command))
        assert "no report wrote this file (reports/index.html)" in line
        assert "--reports" in line
    assert own.read_text() == "mine"
    assert sorted(path.name for path in own.parent.iterdir()) == ["index.html"]


def test_any_file_of_another_is_kept(tmp_path: Path) -> None:
    publish({"index.html": "old"}, tmp_path, last="index.html", made_with="x")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "results.csv").write_text("mine")
    files = {"index.html": "new", "data/results.csv": "theirs"}
    with pytest.raises(StoreError, match="no report wrote this file"):
        publish(files, tmp_path, last="index.html", made_with="x")
    assert (tmp_path / "index.html").read_text() == "old"
    assert (tmp_path / "data" / "results.csv").read_text() == "mine"


@pytest.mark.process
@pytest.mark.parametrize("n_moved", range(4))
def test_after_a_kill_between_two_files_the_next_report_is_whole(
    tmp_path: Path, n_moved: int
) -> None:
    reports = tmp_path / "reports"
    old = {"a.html": "old", "b.html": "old", "index.html": "old"}
    publish(old, reports, last="index.html", made_with="x")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(reports), str(n_moved)],
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    newest = {"d.html": "newest", "index.html": "newest"}
    publish(newest, reports, last="index.html", made_with="x")
    found = {path.name: path.read_text() for path in reports.iterdir() if path.name != MANIFEST}
    assert found == newest
    assert MOVING not in found
