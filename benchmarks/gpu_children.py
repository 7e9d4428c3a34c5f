"""Processes that a benchmark on a GPU begins: each ends at its limit, with all that it began.

A process that waits for a GPU may never end by itself. So each one gets a process group of its own,
which is ended as a whole, and writes to files: a pipe would be kept open by whoever is left over.
Needs the standard library alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PAST_ITS_LIMIT = 124  # the exit code of coreutils' `timeout`
GRACE_SECONDS = 5.0  # to end in order, before the group is killed
SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Deadline:
    """So many seconds from now on."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self.seconds - (time.monotonic() - self.started)


def run_in_group(
    words: Sequence[str],
    seconds: float,
    output: IO[str],
    *,
    errors: IO[str] | int = subprocess.STDOUT,
    environment: Mapping[str, str] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> int:
    """Runs a command in the checkout's root; its exit code, or 124 where it ran past its limit.

    Args:
        words: The command.
        seconds: How long it may take.
        output: A file that takes its standard output.
        errors: Where its error output goes; beside the output, unless said otherwise.
        environment: Its variables; this process's own, unless said otherwise.
        meanwhile: Called every second.
    """
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )
    deadline = Deadline(seconds)
    try:
        while deadline.left > 0:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=min(deadline.left, SECONDS_BETWEEN_LOOKS))
            meanwhile()
        return PAST_ITS_LIMIT
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Also what is left of a group whose first process has ended."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        # A process that the driver holds cannot even be killed: it is not waited for.
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)


def end_in_order_when_terminated() -> None:
    """A SIGTERM becomes SystemExit, so that what this process began ends with it."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
