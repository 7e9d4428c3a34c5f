"""The command: `python -m bench`, or `manyseeds`."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType

EXIT_INTERRUPTED = 130


def main() -> None:
    """Runs a command; Ctrl-C is answered from the first import on."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        signal.signal(signal.SIGINT, _interrupted)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # there may be none
            stream.reconfigure(errors="backslashreplace")  # what a terminal of ASCII cannot print
    from bench.cli import main as commands

    commands()


def _interrupted(_: int, frame: FrameType | None) -> None:
    """Raises KeyboardInterrupt; ends the process in an import, which may swallow that."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, b"interrupted\n")
            os._exit(EXIT_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":  # worker processes import this module anew
    main()
