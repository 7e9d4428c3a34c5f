"""A report that is renewed while records are added: by a watcher, and by the training itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer

import pytest
import typer

from bench.cli import renewing
from bench.cli.renewing import REST, Renewal
from bench.errors import StoreError
from bench.machine import uninterrupted
from bench.records.store import PROTOCOL, Suite
from bench.report import publish
from tests import factories
from tests.conftest import Bench
from tests.support import environment, write_architecture

SECONDS_AT_MOST = 300  # for a command of a test; then what it should have said is missing
PROGRESS = "of 3 declared runs"
ERRORS: dict[BaseException, str] = {  # of a rendering, as each is told
    StoreError("bad", where="there", remedy="mend it"): "bad (there): mend it",
    ValueError("two\nlines"): "ValueError: two lines",
    SystemExit(3): "SystemExit: 3",
}


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own; killed where the test did not end it in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", *words],
        cwd=folder,
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run in the background may have inherited an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    late = Timer(SECONDS_AT_MOST, os.killpg, (process.pid, signal.SIGKILL))
    late.start()
    try:
        yield process
    finally:
        late.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def line_of(process: subprocess.Popen[str], start: str) -> str:
    """Reads lines up to one that begins so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(start):
            return line
    pytest.fail(f"the command ended before it said {start}")


def end(process: subprocess.Popen[str]) -> str:
    """Presses Ctrl-C; returns what stood on stderr."""
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    return errors


def test_a_watcher_renders_what_another_process_adds_and_ends_on_ctrl_c(
    tmp_path: Path, bench: Bench
) -> None:
    suite = factories.fill(Suite(tmp_path / "results", "local"), ["model_1"], seeds=[0])
    page = tmp_path / "reports" / "report.md"
    with started(tmp_path, "report", "--watch") as watching:
        line_of(watching, "report: ")
        line_of(watching, "watching ")
        first = page.read_text(encoding="utf-8")
        assert "0 of 1 run" in first or "1 of 1 run" in first
        # Three more runs under way, whose files appear by a rename as all records do.
        other = factories.fill(Suite(tmp_path / "elsewhere", "local"), ["model_1"], seeds=[1, 2])
        for path in other.run_paths():
            torn = suite.folder / "mnist" / "model_1" / f".tmp-{path.name}"
            torn.write_bytes(path.read_bytes()[:100])
            shutil.copy(path, torn)
            torn.replace(torn.with_name(path.name))
        line_of(watching, "report: ")
        while "of 3 runs" not in page.read_text(encoding="utf-8"):
            line_of(watching, "report: ")  # the first look saw only one of the two
        assert end(watching) == ""
        assert watching.returncode == 130
    assert bench("report", "--reports", "again").returncode == 0
    again = (tmp_path / "again" / "badge.svg").read_bytes()
    assert (tmp_path / "reports" / "badge.svg").read_bytes() == again


def test_a_watcher_goes_on_after_a_record_that_it_cannot_read(tmp_path: Path) -> None:
    suite = factories.fill(Suite(tmp_path / "results", "local"), ["model_1"], seeds=[0])
    (path,) = suite.run_paths()
    with started(tmp_path, "report", "--watch") as watching:
        line_of(watching, "watching ")
        broken = path.with_name("seed-0009-broken.json")
        broken.write_text("{", encoding="utf-8")
        assert watching.stderr is not None
        notice = watching.stderr.readline()
        assert notice.startswith("set aside: unreadable record")
        line_of(watching, "report: ")
        assert broken.name.encode() in (tmp_path / "reports" / "index.html").read_bytes()
        broken.unlink()
        line_of(watching, "report: ")
        end(watching)
        assert watching.returncode == 130


def test_a_watcher_goes_on_after_whatever_a_rendering_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(renewing, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(renewing, "NICENESS", 0)
    suite, ends = Suite(tmp_path / "results", "local"), [None, *ERRORS, KeyboardInterrupt()]

    def render() -> None:
        factories.fill(suite, ["model_1"], seeds=[len(ends)])  # what the next look finds
        error = ends.pop(0)
        if error is not None:
            raise error

    with pytest.raises(typer.Exit) as ended:
        renewing.watch(suite, render)
    assert (ended.value.exit_code, ends) == (130, [])
    notices = capsys.readouterr().err.splitlines()
    assert notices == [f"Notice: the report was not renewed: {said}" for said in ERRORS.values()]


def test_a_watcher_of_a_broken_suite_ends_at_once(tmp_path: Path, bench: Bench) -> None:
    suite = factories.fill(Suite(tmp_path / "results", "local"), ["model_1"], seeds=[0])
    (suite.folder / PROTOCOL).write_text("{", encoding="utf-8")
    done = bench("report", "--watch")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


ALL = ("all", "--dataset", "mnist5k", "--seeds", "3", "--jobs", "1", "--epochs", "1")
# In a worker: while the command trains.
BREAKING = """
import multiprocessing, pathlib
if multiprocessing.parent_process() is not None and pathlib.Path("break").exists():
    pathlib.Path("claims/readme.toml").write_text("[[claim]]\\nid = 3\\n")
"""
CLAIMS = """
[[claim]]
id = "tiny.parameters"
line = 1
quote = "90 parameters"
metric = "n_parameters"
subject = "tiny"
published = 90
"""


def test_training_renews_the_page_after_its_first_run(tmp_path: Path) -> None:
    write_architecture(tmp_path, "tiny")
    with started(tmp_path, *ALL) as training:
        assert "renewed while it trains" in line_of(training, "report: ")
        output, errors = training.communicate(timeout=120)
    assert (training.returncode, errors) == (0, "")
    assert output.splitlines()[-1] == "report: reports/index.html"
    assert PROGRESS not in (tmp_path / "reports" / "report.md").read_text(encoding="utf-8")


def test_a_command_that_finds_records_renders_them_before_it_trains(
    bench: Bench, tmp_path: Path
) -> None:
    """Nothing is rendered between runs of one run, so this page is of the start."""
    write_architecture(tmp_path, "tiny")
    first = bench(*ALL, "--seeds", "1")
    assert "renewed while it trains" not in first.stdout
    second = bench(*ALL, "--seeds", "2")
    lines = [line for line in second.stdout.splitlines() if line.startswith("report: ")]
    page = "report: reports/index.html"
    assert lines == [f"{page}, renewed while it trains", page]
    third = bench(*ALL, "--seeds", "2")  # nothing is left to train
    assert "renewed while it trains" not in third.stdout


def test_what_breaks_the_report_does_not_end_the_training(bench: Bench, tmp_path: Path) -> None:
    write_architecture(tmp_path, "tiny", after=BREAKING)
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "readme.toml").write_text(CLAIMS, encoding="utf-8")
    (tmp_path / "break").touch()
    done = bench(*ALL)
    notice, *others = done.stderr.splitlines()
    assert notice.startswith("Notice: the report is not renewed during the training: ")
    assert len(others) == 1  # at the end it is the error that it always was
    assert others[0].startswith("error: ")
    assert done.returncode == 2
    assert len(list(tmp_path.glob("results/local/mnist5k/tiny/seed-*.json"))) == 3


LEAVING = """
from bench.report.model import Section
ORDER, SCOPE, PAGES = 15, "dataset", ("index",)

def section(summary):
    if len(summary.runs) < 3:
        raise SystemExit("away")
    return Section(title="Mine")
"""


def test_a_section_that_leaves_does_not_end_the_training(bench: Bench, tmp_path: Path) -> None:
    write_architecture(tmp_path, "tiny")
    (tmp_path / "sections").mkdir()
    (tmp_path / "sections" / "leaving.py").write_text(LEAVING, encoding="utf-8")
    done = bench(*ALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Mine" in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert len(list(tmp_path.glob("results/local/mnist5k/tiny/seed-*.json"))) == 3


class Clock:
    """A rendering takes `cost` seconds by it, and nothing else takes time."""

    def __init__(self, cost: float = 2.0, error: BaseException | None = None) -> None:
        self.now, self.cost, self.error, self.n = 0.0, cost, error, 0

    def __call__(self) -> float:
        return self.now

    def render(self) -> Path:
        self.n, self.now = self.n + 1, self.now + self.cost
        if self.error:
            raise self.error
        return Path("page")


def after(seconds: Sequence[float], clock: Clock) -> list[int]:
    """How many renderings there were once a run had ended at each of these times."""
    renewal, found = Renewal(clock.render, clock), []
    for each in seconds:
        clock.now = max(clock.now, each)
        renewal()
        found.append(clock.n)
    return found


def test_a_rendering_of_two_seconds_rests_for_twenty(capsys: pytest.CaptureFixture[str]) -> None:
    assert REST == 10
    # The first ends at second 5, so it rests up to 25; the next ends at 27.
    assert after([3, 6, 24.9, 25, 46.9, 47], Clock()) == [1, 1, 1, 2, 2, 3]
    assert capsys.readouterr().out == "report: page, renewed while it trains\n"


@pytest.mark.parametrize(("error", "said"), ERRORS.items(), ids=lambda each: str(each).split()[0])
def test_an_error_is_told_once(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert after([0, 100, 1000], Clock(error=error)) == [1, 1, 1]
    line = f"Notice: the report is not renewed during the training: {said}\n"
    assert capsys.readouterr() == ("", line)


def test_ctrl_c_is_no_error_of_the_rendering() -> None:
    with pytest.raises(KeyboardInterrupt):
        after([0], Clock(error=KeyboardInterrupt()))


def test_ctrl_c_waits_until_every_file_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports, moved = tmp_path / "reports", Path.replace
    publish.publish({"a": "old", "b": "old"}, reports, last="b", made_with="x")

    def interrupted(path: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return moved(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish.publish({"a": "new", "b": "new"}, reports, last="b", made_with="x")
    assert [(reports / name).read_text() for name in "ab"] == ["new", "new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reports"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_done_uninterrupted_elsewhere_is_done_as_it_is() -> None:
    done: list[int] = []

    def work() -> None:
        with uninterrupted():
            done.append(1)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
