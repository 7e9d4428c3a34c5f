"""A process of its own in which networks are tried, before this one runs their code.

It is a fork of this process from before the first trial: whatever a network does to its process,
no other network meets it. One that ends the process, or never ends, is refused like any other.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Any, TypeVar

import torch

from bench.errors import ArchitectureError, BenchError, TrainingError, in_one_line
from bench.inputs import own_file
from bench.inputs.discover import Found
from bench.inputs.own_file import EXIT, contained
from bench.machine import die_with, prints_to_stderr

T = TypeVar("T")
CAN_FORK = sys.platform == "linux"  # a fork of what macOS's libraries began may crash
PATIENCE = 15.0  # of a trial, in multiples of a file's limit; its parts have limits of their own
ERRORS = {kind.__name__: kind for kind in (ArchitectureError, TrainingError)}
FRAME = re.compile(r'File "(.+)", line (\d+) in ')  # of a traceback that faulthandler wrote


class Trials:
    """The process; `tried_apart` begins and ends it."""

    def __init__(self, pipe: Connection, last_words: IO[bytes]) -> None:
        self._pipe = pipe
        self._last_words = last_words

    def ask(self, found: Found, function: Callable[..., T], *arguments: Any) -> T:
        """What ``function(found, *arguments)`` returns there; arguments and result are pickled.

        Args:
            found: The file that is tried.
            function: At the top of a module; it runs the file's code.
            arguments: Its other arguments.

        Raises:
            ArchitectureError, TrainingError: what it raises; or the process ended.
        """
        self._pipe.send((function, (found, *arguments)))
        kind, *told = self._pipe.recv()
        if kind == "done":
            result: T = told[0]
            return result
        if kind == "died":
            raise self._refusal(found, told[0])
        what, where, remedy = told
        raise ERRORS[kind](what, where=where, remedy=remedy)

    def _refusal(self, found: Found, exit_code: int) -> ArchitectureError:
        self._last_words.seek(0)
        words = self._last_words.read().decode(errors="replace")
        return ArchitectureError(
            f"architecture '{found.name}': {_cause(exit_code, words)}",
            where=_place(found.path, words),
            remedy=_remedy(exit_code),
        )


@contextmanager
def tried_apart() -> Iterator[Trials | None]:
    """Begins the process, and ends it; None where it cannot be had: then trials are made here."""
    if not CAN_FORK:
        yield None
        return
    ours, theirs = Pipe()
    with _in_memory() as last_words, ours:
        process = _begun(ours, theirs, last_words)
        theirs.close()
        if process is None:
            yield None
            return
        try:
            yield Trials(ours, last_words)
        finally:
            os.kill(process, signal.SIGKILL)  # its child ends with it
            os.waitpid(process, 0)


def _in_memory() -> IO[bytes]:
    """A file that processes share; no folder need have room for it."""
    return os.fdopen(os.memfd_create("last words"), "w+b", buffering=0)


def _begun(ours: Connection, theirs: Connection, last_words: IO[bytes]) -> int | None:
    """The process; None where the system allows no more of them."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        process = _forked()
    except OSError:
        return None
    if process == 0:
        ours.close()
        _keep_alive(theirs, last_words)
    return process


def _forked() -> int:
    with warnings.catch_warnings():  # Python 3.12 warns of threads: no thread of ours holds a lock
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _keep_alive(pipe: Connection, last_words: IO[bytes]) -> None:
    """The life of a process that runs no network: it forks the one that does, again and again."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command, which ends us
        die_with(os.getppid())
        while True:
            process = _forked()
            if process == 0:
                die_with(os.getppid())
                _serve(pipe, last_words)
            status = os.waitpid(process, 0)[1]
            pipe.send(("died", os.waitstatus_to_exitcode(status)))
    finally:
        EXIT(1)


def _serve(pipe: Connection, last_words: IO[bytes]) -> None:
    """The life of a process that runs networks: questions in, answers out."""
    gc.freeze()  # a collection then copies no page that this process shares
    torch.set_num_threads(1)  # as in a run; a fork has none of the other threads
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a network that asks gets no answer
    faulthandler.enable(last_words, all_threads=False)
    own_file.last_words = last_words
    with prints_to_stderr():
        while True:
            function, arguments = pipe.recv()
            pipe.send(_answer(function, arguments))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        with contained(PATIENCE):
            result = function(*arguments)
            gc.collect()  # networks end here, within the limit, with what they do at their end
        return ("done", result)
    except BenchError as error:
        return (type(error).__name__, error.what, error.where, error.remedy)
    except BaseException as error:  # a network may raise anything
        found = arguments[0]
        what = f"architecture '{found.name}': {in_one_line(error)}"
        where = own_file.line_in(error, found.path)
        return (ArchitectureError.__name__, what, where, "mend its Network class")


def _cause(exit_code: int, last_words: str) -> str:
    seconds, _, lines = last_words.partition("\n")
    if lines.startswith("Timeout"):
        return f"TimeoutError: its code did not end within {seconds} seconds"
    if exit_code >= 0:
        return f"its code ended its process with exit code {exit_code}"
    return f"its code ended its process with signal {signal.Signals(-exit_code).name}"


def _remedy(exit_code: int) -> str:
    if -exit_code == signal.SIGKILL:
        return "the system may lack memory for it: run the command again, or make it smaller"
    return "mend the file"


def _place(path: Path, last_words: str) -> str:
    """The innermost line of the file or a neighbour; else the file."""
    folder = path.parent.absolute()
    for file, line in FRAME.findall(last_words):
        if Path(file).absolute().is_relative_to(folder):
            return f"{file}:{line}"
    return str(path)
