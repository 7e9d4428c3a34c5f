"""A report that is disturbed while it is made: it stays the old one, or becomes the new one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.errors import StoreError
from bench.records.store import Suite
from bench.report import publish
from bench.spec import RunRecord
from tests import factories, support
from tests.reports import render

N_DISTURBED = int(os.environ.get("REPORT_DISTURBANCES", "3"))


def begin(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "err").open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "bench", "report"],
            cwd=folder,
            env=support.environment(TMPDIR=str(folder / "tmp")),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def content(reports: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(reports)): path.read_bytes()
        for path in reports.rglob("*")
        if path.is_file() and path.name != publish.MOVING
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder with records and their report, and how long the report took."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tmp").mkdir()
    factories.suite(folder / "results")
    began = time.monotonic()
    with begin(folder) as running:
        assert running.wait(300) == 0, (folder / "err").read_text()
    return folder, time.monotonic() - began


def kill(folder: Path, running: subprocess.Popen[bytes]) -> None:
    os.killpg(running.pid, signal.SIGKILL)


@pytest.mark.parametrize("disturb", [kill])
def test_the_report_stays_whole(
    finished: tuple[Path, float],
    tmp_path: Path,
    disturb: Callable[[Path, subprocess.Popen[bytes]], None],
) -> None:
    whole, seconds = finished
    old, chance = content(whole / "reports"), random.Random(28)
    for number in range(N_DISTURBED):
        folder = Path(shutil.copytree(whole, tmp_path / f"{number}"))
        with begin(folder) as running:
            with suppress(subprocess.TimeoutExpired):
                running.wait(chance.uniform(0, seconds))
            if running.returncode is None:
                disturb(folder, running)
            code = running.wait(300)
        said = (folder / "err").read_text()
        assert "Traceback" not in said
        assert len(said.splitlines()) == (code == 2)
        assert content(folder / "reports") == old
        assert code in (0, 2, -signal.SIGKILL)
        if disturb is kill:
            with begin(folder) as running:
                assert running.wait(300) == 0
            assert content(folder / "reports") == old
            assert list(folder.glob(".reports-*")) == []


def test_records_deleted_while_they_are_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment, which a test in another process would seldom meet."""
    suite = factories.suite(tmp_path / "results")
    render(suite, tmp_path / "reports", command="bench report")
    old, runs = content(tmp_path / "reports"), suite.runs

    def deleted() -> list[RunRecord]:
        found = runs()
        shutil.rmtree(suite.folder)
        return found

    monkeypatch.setattr(suite, "runs", deleted)
    with pytest.raises(StoreError, match="deleted while the report was made"):
        render(suite, tmp_path / "reports", command="bench report")
    assert content(tmp_path / "reports") == old


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1970, 1, 1), date(9999, 12, 31)])
def test_a_clock_that_was_wrong_stops_no_report(tmp_path: Path, day: date) -> None:
    suite = Suite(tmp_path / "results", "local")
    factories.fill(suite)
    for seed, finished_on in ((90, day), (91, date(2026, 1, 1))):
        run = factories.record("model_1", seed)
        suite.add_run(replace(run, finished_on=finished_on), None)
    pages = render(suite, tmp_path / "reports", command="bench report")
    assert pages
    assert len(suite.runs()) == len(suite.run_paths())
