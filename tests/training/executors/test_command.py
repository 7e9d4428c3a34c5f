"""Runs of commands: how each ends, what is kept of it, and that nothing of it is left running."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.inputs.runners import load
from bench.records.foreign import NOWHERE
from bench.records.protocol import Goal
from bench.records.store import Suite
from bench.spec import RunRecord, digest
from bench.training.executors import CommandJob, Event
from bench.training.executors.command import CommandExecutor
from bench.training.executors.command_worker import END_BYTES, MOST_LINE_BYTES, Lines, Output
from tests.support import environment

Bench = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.process
HEAD = "import json, os, signal, subprocess, sys\nseed, epochs = map(int, sys.argv[1:3])\n"
TELL = """
def tell(epoch, **figures):
    print(json.dumps({'epoch': epoch, **figures}), flush=True)
"""
GOOD = "for epoch in range(1, epochs + 1): tell(epoch, test_correct=9000 + epoch + seed)\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_runner(script: str, *, limit: float = 60, at_once: int = 1, more: str = "") -> Path:
    """runners/mine.toml, with the script beside it."""
    Path("train.py").write_text(HEAD + TELL + script, encoding="utf-8")
    Path("runners").mkdir(exist_ok=True)
    path = Path("runners", "mine.toml")
    command = shlex.join([sys.executable, "train.py", "{seed}", "{epochs}", "{folder}"])
    path.write_text(
        f"command = {command!r}\nepochs = 2\nlimit_seconds = {limit}\nfiles = ['train.py']\n"
        f"at_once = {at_once}\n[dataset]\nname = 'mnist'\nn_test = 10000\n{more}",
        encoding="utf-8",
    )
    return path


def jobs(path: Path, n_seeds: int = 1) -> list[CommandJob]:
    runner, suite = load(path), Suite(Path("results"), "local")
    at_once = runner.written.at_once
    return [CommandJob(runner, runner.spec(s), NOWHERE, suite, at_once) for s in range(n_seeds)]


def run_of(script: str, **options: object) -> RunRecord:
    """The record of one run of that script."""
    (job,) = jobs(write_runner(script, **options))  # type: ignore[arg-type]
    *_, last = CommandExecutor().work([job])
    record = job.suite.run_of_spec(job.spec)
    assert record is not None
    assert (last.kind, last.reason) == (record.status, record.reason)
    return record


def output_of(record: RunRecord) -> str:
    (path,) = Path("results").rglob("*.output.txt")
    assert record.source is not None
    assert (record.source.file, record.source.sha256) == (path.name, digest(path.read_bytes()))
    return path.read_text(encoding="utf-8")


def test_a_run_is_kept_with_its_output() -> None:
    record = run_of("print('hello', os.getcwd())\n" + GOOD)
    assert record.completed
    assert [epoch.test_correct for epoch in record.epochs] == [9001, 9002]
    assert (record.n_parameters, record.recipe, record.weights_sha256) == (None, None, None)
    assert record.foreign is not None
    assert record.foreign.files == {"train.py": digest(Path("train.py").read_bytes())}
    assert record.source is not None
    assert (record.source.seconds or 0) > 0
    assert output_of(record).startswith(f"hello {Path.cwd()}")


def test_events_tell_of_epochs_and_runs_go_on_side_by_side() -> None:
    events = list(CommandExecutor().work(jobs(write_runner(GOOD, at_once=2), 3)))
    kinds = [event.kind for event in events]
    assert kinds[:2] == ["started", "started"]
    assert (kinds.count("epoch"), kinds.count("completed")) == (6, 3)
    assert [e.epoch.epoch for e in events if e.epoch and e.job.spec.seed == 2] == [1, 2]


def test_runners_share_the_machine_as_the_strictest_of_them_allows() -> None:
    first, second = jobs(write_runner(GOOD, at_once=2), 2)
    for pair in ([replace(first, at_once=1), second], [first, replace(second, at_once=1)]):
        kinds = [event.kind for event in CommandExecutor().work(pair)]
        assert kinds == 2 * ["started", "epoch", "epoch", "completed"]
        shutil.rmtree("results")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("print('nothing')\n", "its output holds no figure of the test split"),
        ("tell(1, test_correct=9000)\n", "ends with epoch 1, but 2 epochs were asked for"),
        (GOOD + "tell(3, test_correct=1)\n", "holds epoch 3, but 2 epochs were asked for"),
        (GOOD + "tell(2, test_correct=9002)\n", "epoch 2 has test_correct twice"),
        ("tell(99999, test_correct=1)\n", "holds epoch 99999, but 2 epochs were asked for"),
        ("tell(1, test_correct=10**400)\n", "test_correct 1000"),
        ("sys.exit('\\x1b[31mno\\x1b[0m disk\\x07')\n", "exit code 1: no disk"),
        ("tell(1, test_correct=10001)\n", "10,001 right answers of 10,000 test images"),
        (GOOD + "sys.exit('no disk')\n", "it ended with exit code 1: no disk"),
        ("os.kill(os.getpid(), signal.SIGSEGV)\n", "it was ended by signal SIGSEGV"),
    ],
)
def test_a_run_that_goes_wrong_is_a_failed_record(script: str, reason: str) -> None:
    record = run_of(script)
    assert record.status == "failed"
    assert reason in (record.reason or "")


def test_a_loss_that_is_not_finite_is_a_divergence() -> None:
    record = run_of("tell(1, test_correct=980, test_loss=float('nan'))\n")
    assert (record.status, record.reason) == ("diverged", "test_loss is not finite at epoch 1")


def test_a_command_that_cannot_start_is_an_error_and_no_run() -> None:
    path = write_runner(GOOD)
    path.write_text(path.read_text().replace(sys.executable, "/nowhere/python"))
    (job,) = jobs(path)
    *_, last = CommandExecutor().work([job])
    assert last.kind == "error"
    assert last.reason == (
        "the command cannot start: No such file or directory: /nowhere/python (runners/mine.toml): "
        "mend the command, or install what it names"
    )
    assert job.suite.runs() == []


def test_a_command_that_hangs_is_ended_at_its_limit_and_its_figures_stay() -> None:
    record = run_of("tell(1, test_correct=9000)\nsignal.pause()\n", limit=1)
    assert record.reason == "it ran past its limit of 1 s and was ended"
    assert [epoch.test_correct for epoch in record.epochs] == [9000]
    assert record.source is not None
    assert 1 <= (record.source.seconds or 0) < 20


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
CHILD = f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], close_fds=False)\n"


def held_open(script: str) -> tuple[str, Path]:
    """The script, with a pipe that stays open as long as any process of it lives."""
    os.mkfifo("alive")
    return (
        f"alive = os.open('alive', os.O_WRONLY); os.set_inheritable(alive, True)\n{script}",
        Path("alive"),
    )


def last_event(job: CommandJob, alive: Path) -> Event:
    """How the job ends; then nobody holds the pipe any more."""
    with closing(CommandExecutor().work([job])) as events:
        assert next(events).kind == "started"
        with alive.open("rb") as pipe:  # waits until the command has opened it
            *_, last = events
            assert pipe.read() == b""
    return last


@pytest.mark.parametrize("end", ["signal.pause()\n", GOOD])
def test_a_command_that_forks_ends_with_all_that_it_began(end: str) -> None:
    """Also where it ends by itself and leaves a child that holds its output open."""
    script, alive = held_open(CHILD + end)
    (job,) = jobs(write_runner(script, limit=2))
    assert last_event(job, alive).kind == ("failed" if "pause" in end else "completed")


def test_all_of_a_command_is_asked_to_end_before_it_is_killed() -> None:
    asked = "lambda *_: (open('asked', 'w').close(), sys.exit())"
    child = (
        f"import signal, sys; signal.signal(signal.SIGTERM, {asked}); "
        "print(flush=True); signal.pause()"
    )
    run_of(
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(child.wait()))\n"
        "child.stdout.readline()\nsys.exit(child.wait())\n",
        limit=2,
    )
    assert Path("asked").exists()


def test_a_child_that_left_the_session_ends_with_the_command() -> None:
    """A daemon forks twice and begins a session of its own: no group holds it."""
    leave = "if not os.fork():\n    os.setsid()\n    os.fork() or signal.pause()\n    os._exit(0)\n"
    script, alive = held_open(leave + GOOD)
    (job,) = jobs(write_runner(script))
    assert last_event(job, alive).kind == "completed"


def test_a_pattern_that_takes_for_ever_is_a_failed_run() -> None:
    of_metrics = "[metrics]\npatterns = ['^(a+)+$', 'correct: (?P<test_correct>\\d+)']\n"
    record = run_of("print('a' * 40 + '!')\n", more=of_metrics)
    assert (record.status, (record.reason or "")[:31]) == (
        "failed",
        "the patterns needed more than 5",
    )


def test_colours_of_a_terminal_hide_no_figure() -> None:
    script = GOOD.replace("tell(", "print('\\r 50 %\\r\\x1b[32m', end=''); tell(")
    assert run_of(script).status == "completed"


def test_an_interruption_ends_the_command_and_leaves_no_record() -> None:
    script, alive = held_open("signal.pause()\n")
    (job,) = jobs(write_runner(script))
    with closing(CommandExecutor().work([job])) as events:
        next(events)
        pipe = alive.open("rb")  # waits until the command has opened it
    with pipe:
        assert pipe.read() == b""
    assert job.suite.run_of_spec(job.spec) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_with_whoever_began_it(number: signal.Signals) -> None:
    """And so does what the command began. A kill runs no code of the process that it hits."""
    script, alive = held_open(CHILD + "signal.pause()\n")
    write_runner(script)
    words = [sys.executable, "-m", "bench", "train", "--seeds", "1"]
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as command:
        with alive.open("rb") as pipe:
            command.send_signal(number)
            assert pipe.read() == b""
        command.wait()
    assert not list(Path("results").rglob("seed-*.json"))


def test_a_watcher_that_is_killed_takes_its_command_along_and_leaves_no_record() -> None:
    kill = "os.kill(os.getppid(), signal.SIGKILL)\nsignal.pause()\n"
    script, alive = held_open(CHILD + kill)
    (job,) = jobs(write_runner(script))
    last = last_event(job, alive)
    assert (last.kind, last.reason) == (
        "error",
        "the process that watches it ended with exit code -9",
    )
    assert job.suite.run_of_spec(job.spec) is None


def test_a_flood_of_output_is_cut_and_figures_around_it_count() -> None:
    script = (
        "tell(1, test_correct=9000)\n"
        "for _ in range(2000): sys.stdout.write('x' * 10_000)\n"
        "print()\n"
        "tell(2, test_correct=9001)\n"
    )
    record = run_of(script)
    assert [epoch.test_correct for epoch in record.epochs] == [9000, 9001]
    text = output_of(record)
    assert len(text) < 2 * END_BYTES + 100
    assert text.startswith('{"epoch": 1')
    assert text.endswith('"test_correct": 9001}\n')
    assert "bytes are left out here]" in text


def test_figures_come_from_a_file_of_the_runs_own_folder() -> None:
    more = "[metrics]\nfile = '{folder}/log.jsonl'\n"
    script = "sys.stdout = open(sys.argv[3] + '/log.jsonl', 'w')\n" + GOOD
    assert [e.test_correct for e in run_of(script, more=more).epochs] == [9001, 9002]


@pytest.mark.parametrize("make", ["os.mkfifo(path)", "os.symlink('/dev/zero', path)"])
def test_a_file_without_an_end_is_a_failed_run(make: str) -> None:
    of_metrics = "[metrics]\nfile = '{folder}/log.jsonl'\n"
    record = run_of(f"path = sys.argv[3] + '/log.jsonl'\n{make}\n", more=of_metrics)
    assert record.reason == "'log.jsonl' of its figures is no regular file"


def test_a_file_that_was_not_written_is_named() -> None:
    record = run_of(GOOD, more="[metrics]\nfile = '{folder}/log.jsonl'\n")
    assert record.reason == "it wrote no file of figures 'log.jsonl': No such file or directory"


def test_output_keeps_both_ends_whatever_the_chunks() -> None:
    content = bytes(range(256)) * 4096
    for size in (1 << 10, 1 << 16, len(content)):
        output = Output()
        for at in range(0, len(content), size):
            output.add(content[at : at + size])
        kept = output.content()
        assert kept.startswith(content[:END_BYTES])
        assert kept.endswith(content[-END_BYTES:])
        assert b"524,288 of 1,048,576 bytes" in kept


def test_a_line_that_is_too_long_is_dropped_before_it_fills_the_memory() -> None:
    found: list[str] = []
    lines = Lines(found.append)
    for chunk in (b"one\n", *[b"x" * 1000] * 1000):
        lines.add(chunk)
    assert len(lines.rest) <= MOST_LINE_BYTES
    lines.add(b"\ntwo\n")
    assert found == ["one", "two"]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_lines_are_the_same_whatever_the_chunks(size: int) -> None:
    content = "one\ntwo\rthree\n\nfour é".encode()
    found: list[str] = []
    lines = Lines(found.append)
    for at in range(0, len(content), size):
        lines.add(content[at : at + size])
    lines.finish()
    assert found == ["one", "two", "three", "four é"]


def test_runs_are_judged_by_what_the_claims_ask_of_the_command(bench: Bench) -> None:
    write_runner(GOOD)
    Path("claims").mkdir()
    Path("claims", "paper.toml").write_text(
        "[document]\ntitle = 'A paper'\nnetworks = ['mine']\nsections = ['results']\n"
        "[objective]\ntarget = 89.5\nrate = 0.8\nparameters_below = 5000\n"
        "[[claim]]\nid = 'mine.accuracy'\nline = 1\nquote = '90.02 %'\nsubject = 'mine'\n"
        "metric = 'last_test_accuracy_percent'\npublished = 90.02\ntolerance = 0.005\n",
        encoding="utf-8",
    )
    done = bench("all", "--seeds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    report = Path("reports/report.md").read_text(encoding="utf-8")
    # Nobody knows its size, so no limit is judged.
    row = r"\| mine \(own command\) \| not known \| 90\.025.*\| 2 of 2 runs \| not known \|\n"
    assert re.search(row, report)
    done = bench("train", "--seeds", "1", "--until-decided", "--cap", "1", "--suite", "until")
    assert done.returncode == 0, done.stderr
    local, until = (Suite(Path("results"), name).protocol() for name in ("local", "until"))
    assert local is not None
    assert until is not None
    assert [local.goal_of(sweep) for sweep in local.sweeps] == [until.goal] == [Goal(89.5, 0.8)]
