"""Runs commands in forks of one process that has imported the libraries, which takes seconds.

Such a fork then is what `python -m bench WORDS` is: it imports bench itself, it has arguments, an
environment, a folder and streams of its own, and it ends as an interpreter ends.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

# Nothing of bench, so that each command imports what it needs of it.
LIBRARIES = (
    *("fvcore.nn", "jinja2", "matplotlib.figure", "mlxtend.data", "msgspec", "numba", "pandas"),
    *("rich.progress", "safetensors.torch", "scipy.optimize", "scipy.stats", "torch.fx", "typer"),
)
SECONDS_AT_MOST = 600  # then SIGALRM ends the command
EXIT_CODE: list[Any] = []  # the command's, once it is known


class Server:
    """The process, seen from the tests."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, words: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Runs `python -m bench WORDS` in the folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as there:
            streams = [Path(there, name) for name in ("out", "err")]
            command = (words, str(folder), environment, [str(path) for path in streams])
            print(json.dumps(command), file=self._process.stdin, flush=True)
            exit_code = int(self._process.stdout.readline())
            out, err = (path.read_text(encoding="utf-8") for path in streams)
        return subprocess.CompletedProcess(words, exit_code, out, err)

    def end(self) -> None:
        """Ends the process."""
        self._process.communicate()


def serve() -> list[Any]:
    """Forks a process for each command that is read; returns in that process, with the command."""
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            command: list[Any] = json.loads(line)
            return command
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def become(words: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Makes this process the command."""
    signal.alarm(SECONDS_AT_MOST)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[0] = folder
    tempfile.tempdir = None  # a library may have looked for it in another environment
    for number, path in enumerate((os.devnull, *streams)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv[1:] = words
    try:
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
        EXIT_CODE.append(0)
    except SystemExit as left:
        EXIT_CODE.append(left.code or 0)
        raise


def leave() -> None:
    """Ends the process without its teardown, which would copy every page of the libraries."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE[0] if EXIT_CODE else 1)  # none after an exception that nothing caught


if __name__ == "__main__":
    atexit.register(leave)  # before all others, so that it is called after all others
    with warnings.catch_warnings(action="ignore"):
        for library in LIBRARIES:
            importlib.import_module(library)
    gc.freeze()  # a fork's collector then leaves the libraries, and their pages, alone
    become(*serve())
