"""A Python file of the user's, executed as a module."""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from itertools import count
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import IO

from bench.machine import prints_to_stderr

LIMIT_SECONDS = 120.0  # of a file's code before a run; $BENCH_LIMIT_SECONDS gives another limit
MOST_CAUGHT = 3  # interruptions that the file's code catches before the command ends
EXIT = os._exit
GRACE_SECONDS = 3.0  # after the limit, for code that cannot be interrupted
OURS = ("bench", "numpy", "torch")  # no file beside the user's stands for these

# Set in a process that only tries networks. Code that cannot be interrupted ends it, and leaves
# there its limit in seconds, and then the lines where it was.
last_words: IO[bytes] | None = None
_limits: list[tuple[float, float]] = []  # that count now: (when it is over, its seconds)


class FromText(SourceFileLoader):
    """Compiles the file as it is.

    Python's cache of compiled files takes a file for unchanged that has the same size and the same
    second of change. Then the text that a digest is of would not be the text that runs.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The compiled text of the file."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def execute(name: str, path: Path) -> ModuleType:
    """The file as a module of that name, which can import its neighbours; raises what it raises.

    The neighbours are its own: a file of another folder that imports the same names gets others.
    """
    spec = importlib.util.spec_from_file_location(name, path, loader=FromText(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with contained(), _own_neighbours(path.parent.absolute()):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def contained(patience: float = 1.0) -> Iterator[None]:
    """What the user's code does to its process stays inside.

    Its prints go to stderr. The working folder, the environment's variables and the paths of
    imports come back. `os._exit` raises SystemExit, so no file ends a command as if it had
    succeeded.

    Args:
        patience: The limit of its time, in multiples of `LIMIT_SECONDS`.

    Raises:
        TimeoutError: the code did not end within the limit. Only the main thread has a limit.
    """
    folder, paths, variables = Path.cwd(), list(sys.path), dict(os.environ)
    seconds = patience * _limit_seconds()
    with prints_to_stderr(), _exit_raises(), _ended_after(seconds), _limited(seconds):
        try:
            yield
        finally:
            os.chdir(folder)
            sys.path[:] = paths
            if os.environ != variables:
                os.environ.clear()
                os.environ.update(variables)


def line_in(error: BaseException, path: Path) -> str:
    """``file:line`` where the error arose in the user's file or a neighbour; else the file."""
    folder = path.parent.absolute()
    lines = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).absolute().is_relative_to(folder)
    ]
    return lines[-1] if lines else str(path)


@contextmanager
def _own_neighbours(folder: Path) -> Iterator[None]:
    """Imports look in that folder first; what they find there is forgotten afterwards."""
    names = {path.stem for path in folder.glob("*.py")}
    names |= {path.parent.name for path in folder.glob("*/*.py")}  # packages need no __init__.py
    names -= {*sys.stdlib_module_names, *OURS}
    others = _loaded(names)  # modules from elsewhere that have the same names
    for name in others:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name in _loaded(names):
            del sys.modules[name]
        sys.modules.update(others)


def _loaded(names: set[str]) -> dict[str, ModuleType]:
    """The loaded modules of these names, and those inside them."""
    return {name: each for name, each in sys.modules.items() if name.split(".")[0] in names}


@contextmanager
def _exit_raises() -> Iterator[None]:
    process = os.getpid()

    def end(status: int) -> None:
        if os.getpid() != process:  # a forked child ends in this way
            EXIT(status)
        raise SystemExit(f"os._exit({status})")

    usual, os._exit = os._exit, end  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = usual


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Where `last_words` is set, the process ends some time after the limit, whatever it does."""
    if last_words is None:
        yield
        return
    _limits.append((time.monotonic() + seconds, seconds))
    _set_end(last_words)
    try:
        yield
    finally:
        _limits.pop()
        _set_end(last_words)


def _set_end(place: IO[bytes]) -> None:
    """Not by Python's threads or signals: code in C may hold them up."""
    faulthandler.cancel_dump_traceback_later()
    if not _limits:
        return
    over, seconds = min(_limits)
    place.seek(0)
    place.truncate()
    place.write(f"{seconds:g}\n".encode())
    left = max(over - time.monotonic(), 0) + GRACE_SECONDS
    faulthandler.dump_traceback_later(left, exit=True, file=place)


class _OutOfTime(BaseException):
    """Not an Exception, so that the user's code does not catch it by accident."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or not hasattr(signal, "setitimer"):
        yield
        return

    n_caught = count()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if last_words or next(n_caught) < MOST_CAUGHT or frame is None:
            raise _OutOfTime
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        print(
            f"error: the code at {place} did not end within {seconds:g} seconds: mend the file",
            file=sys.stderr,
            flush=True,
        )
        EXIT(2)

    usual = signal.signal(signal.SIGALRM, interrupt)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, where it is caught
    try:
        yield
    except _OutOfTime as error:
        late = TimeoutError(f"its code did not end within {seconds:g} seconds")
        raise late.with_traceback(error.__traceback__) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, every)
        signal.signal(signal.SIGALRM, usual)


def _limit_seconds() -> float:
    return float(os.environ.get("BENCH_LIMIT_SECONDS", LIMIT_SECONDS))
