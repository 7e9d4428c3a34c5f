"""One run of a command: started, watched, read, ended as a group, kept as a record. No torch."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import Timeout
from msgspec.structs import replace

from bench.errors import BenchError, UsageError, in_one_line, without_home
from bench.inputs.figures import BadFigures, Figures
from bench.inputs.runners import LineReader, without_escapes
from bench.machine import (
    GONE,
    adopt_orphans,
    children,
    die_with,
    outlive_parent,
    temporary_folder,
    today,
)
from bench.records.foreign import record_of
from bench.records.store import OUTPUT, run_file
from bench.spec import Epoch, RunRecord, Source, Status, digest
from bench.training.executors import CommandJob

GRACE_SECONDS = 5.0  # to end in order, before the group is killed
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_KILLS = 0.01
END_BYTES = 256 * 1024  # of the output: so much of its begin and of its end are kept
MOST_LINE_BYTES = 64 * 1024  # a longer line holds no figures
MOST_FILE_BYTES = 64 * 2**20  # of a file of figures
CHUNK = 1 << 16
MOST_PIPE_BYTES = 1 << 20  # /proc/sys/fs/pipe-max-size
MOST_WORDS = 200  # characters of the last line in a reason

MOST_MATCHING_SECONDS = 5.0  # of the processor's time, for the patterns in one line


class ParentGone(Exception):
    """Whoever asked for the run has ended."""


def serve(pipe: Connection) -> None:
    """A process's life: a job in, what happens to it out; the pipe's end ends the command."""
    outlive_parent()
    adopt_orphans()
    signal.signal(signal.SIGVTALRM, _stop_matching)
    with suppress(*GONE, ParentGone):
        job = pipe.recv()
        try:
            told = _do(job, pipe)
        except (*GONE, ParentGone):
            raise
        except BenchError as error:
            told = ("error", str(error))
        except Exception as error:
            told = ("error", in_one_line(error))
        pipe.send(told)


def _stop_matching(*_: object) -> None:
    raise BadFigures(
        f"the patterns needed more than {MOST_MATCHING_SECONDS:g} s for one line of its output: "
        "repeat no group that repeats, as (a+)+ does"
    )


def _do(job: CommandJob, pipe: Connection) -> tuple[str, str | None]:
    lock = job.suite.lock(job.spec)
    while True:  # another command may train the run; a parent that ends meanwhile is seen
        with suppress(Timeout):
            held = lock.acquire(timeout=SECONDS_BETWEEN_LOOKS)
            break
        if pipe.poll():
            raise ParentGone
    with held:
        record = job.suite.run_of_spec(job.spec)
        if record is None:
            with temporary_folder() as folder:
                record = _trained(job, folder, pipe)
    return record.status, record.reason


def _trained(job: CommandJob, folder: Path, pipe: Connection) -> RunRecord:
    """Runs the command and keeps the record of what it said."""
    run = CommandRun(job, folder, pipe)
    run.work()
    status, reason, epochs = run.outcome()
    output = without_home(run.output.content().decode("utf-8", "replace")).encode()
    name = run_file(job.spec).with_suffix(OUTPUT).name
    source = Source(file=name, sha256=digest(output), seconds=run.seconds)
    record = record_of(job.spec, job.environment, status, reason, epochs=epochs, source=source)
    record = replace(record, finished_on=today())
    job.suite.add_run(record, None, output)
    return record


@dataclass
class Output:
    """What a command has printed: its begin and its end, whatever lies between."""

    n_bytes: int = 0
    begin: bytearray = field(default_factory=bytearray)
    end: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> None:
        """Keeps the chunk, or what there is room for."""
        self.n_bytes += len(chunk)
        room = END_BYTES - len(self.begin)
        self.begin += chunk[:room]
        self.end += chunk[room:] if room > 0 else chunk
        del self.end[: max(0, len(self.end) - END_BYTES)]

    def content(self) -> bytes:
        """All of it, or its two ends with a line that says what is left out."""
        left_out = self.n_bytes - len(self.begin) - len(self.end)
        if not left_out:
            return bytes(self.begin + self.end)
        words = f"\n[{left_out:,} of {self.n_bytes:,} bytes are left out here]\n"
        return bytes(self.begin) + words.encode() + bytes(self.end)

    def last_line(self) -> str:
        """The last line that is not empty."""
        text = (self.end or self.begin)[-4096:].decode("utf-8", "replace")
        lines = [line.strip() for line in without_escapes(text).splitlines() if line.strip()]
        return without_home(lines[-1][:MOST_WORDS]) if lines else ""


@dataclass
class Lines:
    """Cuts chunks into lines; a line that is too long is dropped."""

    feed: Callable[[str], None]
    rest: bytearray = field(default_factory=bytearray)
    is_too_long: bool = False

    def add(self, chunk: bytes) -> None:
        """Feeds every line that ends in the chunk."""
        first, *others = chunk.split(b"\n")
        self._grow(first)
        for line in others:
            self.finish()
            self._grow(line)

    def finish(self) -> None:
        """Feeds the line that is there."""
        if self.rest and not self.is_too_long:
            # A progress bar writes its line again and again, with carriage returns between.
            for part in self.rest.decode("utf-8", "replace").split("\r"):
                self.feed(part)
        self.rest.clear()
        self.is_too_long = False

    def _grow(self, part: bytes) -> None:
        self.is_too_long |= len(self.rest) + len(part) > MOST_LINE_BYTES
        if not self.is_too_long:
            self.rest += part


class CommandRun:
    """One command from its start to its end, and what it says.

    Args:
        job: The run.
        folder: An empty folder of the run's own.
        pipe: To whoever asked for it: epochs go there, and its end ends the command.
    """

    def __init__(self, job: CommandJob, folder: Path, pipe: Connection) -> None:
        self.job, self.folder, self.pipe = job, folder, pipe
        self.runner = job.runner
        metrics = self.runner.written.metrics
        dataset, n_epochs = job.spec.dataset, job.spec.n_epochs
        self.figures = Figures(dataset, metrics.accuracy, metrics.first_epoch, n_epochs)
        self.reader = LineReader(metrics, self.figures)
        self.output = Output()
        self.lines = Lines(self._read_line)
        self.problem: str | None = None  # the first thing that made it a failed run
        self.seconds = 0.0
        self._file = self.runner.metrics_file(job.spec.seed, folder)

    def work(self) -> None:
        """Runs the command to its end, or ends it.

        Raises:
            ParentGone: whoever asked for the run has ended; so has the command.
            UsageError: the command cannot start, which says nothing about what it would train.
        """
        started = time.monotonic()
        try:
            process = self._start()
        except OSError as error:
            what = f"the command cannot start: {error.strerror}: {error.filename}"
            remedy = "mend the command, or install what it names"
            raise UsageError(what, where=str(self.runner.path), remedy=remedy) from error
        try:
            self.pipe.send(("group", process.pid))
            self._watch(process, started + self.runner.written.limit_seconds)
        finally:
            end_group(process)
            self.seconds = time.monotonic() - started
        self._drain(process)  # its last words may still be in the pipe
        self.lines.finish()
        if self.problem is None and process.returncode:
            self.problem = _ended(process.returncode, self.output.last_line())
        if self._file is not None and self.problem is None:
            self._read_file(self._file)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self.runner.words(self.job.spec.seed, self.folder),
            cwd=self.runner.folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},  # its lines come as they are printed
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid()),  # this process has one thread
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return process

    def _watch(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Until the command ends, says something that cannot be, or runs past its limit."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(self.pipe, selectors.EVENT_READ)
            while process.poll() is None and self.problem is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    limit = self.runner.written.limit_seconds
                    self.problem = f"it ran past its limit of {limit:g} s and was ended"
                    return
                for key, _ in selector.select(min(left, SECONDS_BETWEEN_LOOKS)):
                    if key.fileobj is self.pipe:  # nothing is ever sent: it has ended
                        raise ParentGone
                    if not self._take(process):
                        selector.unregister(process.stdout)

    def _take(self, process: subprocess.Popen[bytes]) -> bool:
        """Reads what has been printed; False where nothing more can come."""
        assert process.stdout is not None
        try:
            chunk = os.read(process.stdout.fileno(), CHUNK)
        except BlockingIOError:
            return True
        self.output.add(chunk)
        if self._file is None:
            self.lines.add(chunk)
        return bool(chunk)

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        """What a full pipe holds; a process that left the group may go on writing into it."""
        assert process.stdout is not None
        with process.stdout:
            for _ in range(MOST_PIPE_BYTES // CHUNK):
                if not self._take(process):
                    return

    def _read_line(self, line: str) -> None:
        if self.problem is not None:
            return
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_MATCHING_SECONDS)
            at = self.reader.feed(line)
        except BadFigures as error:
            self.problem = str(error)
            return
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if at is not None:
            self.pipe.send(("epoch", Epoch(epoch=at)))

    def _read_file(self, path: Path) -> None:
        try:
            if not path.is_file():  # a pipe has no end, and neither has a device
                path.stat()
                self.problem = f"'{path.name}' of its figures is no regular file"
                return
            size = path.stat().st_size
            if size > MOST_FILE_BYTES:
                self.problem = (
                    f"the file of figures has {size:,} bytes, {MOST_FILE_BYTES:,} at most"
                )
                return
            self.lines.add(path.read_bytes())
        except OSError as error:
            self.problem = f"it wrote no file of figures '{path.name}': {error.strerror}"
            return
        self.lines.finish()

    def outcome(self) -> tuple[Status, str | None, list[Epoch]]:
        """How the run ended, why it did not complete, and its epochs."""
        try:
            epochs = self.figures.epochs()
        except BadFigures as error:
            return "failed", self.problem or str(error), []
        if diverged := self.figures.has_diverged:
            return "diverged", diverged, epochs
        problem = self.problem or _incomplete(epochs, self.job.spec.n_epochs)
        return ("failed", problem, epochs) if problem else ("completed", None, epochs)


def _incomplete(epochs: list[Epoch], n_wanted: int) -> str | None:
    """Why figures that contradict nothing are not those of a whole run."""
    told = [epoch.epoch for epoch in epochs if epoch.test_correct is not None]
    if not told:
        return "its output holds no figure of the test split"
    if told[-1] != n_wanted:
        return f"its output ends with epoch {told[-1]}, but {n_wanted} epochs were asked for"
    return None


def _ended(code: int, last_line: str) -> str:
    if code < 0:
        return f"it was ended by signal {signal.Signals(-code).name}"
    return f"it ended with exit code {code}: {last_line or 'it printed nothing'}"


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a command and all that it began, also where the command itself has ended."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_)
        # A process that a device's driver holds cannot even be killed: it is not waited for.
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)
    _end_orphans(process.pid)


def _end_orphans(known: int) -> None:
    """Ends what left the command's group, which this process has adopted."""
    deadline = time.monotonic() + GRACE_SECONDS
    while left := [pid for pid in children() if pid != known]:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return
        time.sleep(SECONDS_BETWEEN_KILLS)
