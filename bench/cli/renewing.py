"""The report, rendered again while records are added: by the training itself, or by a watcher."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from bench.cli.terminal import EXIT_INTERRUPTED, complain, say
from bench.errors import BenchError, in_one_line
from bench.records.store import Suite

REST = 10  # times as long as a rendering took, no other begins while training goes on
SECONDS_BETWEEN_LOOKS = 2.0
NICENESS = 10  # of the watcher: training has the cores first

# A file of the suite -> when it was last changed, in nanoseconds.
State = dict[Path, int]


class Renewal:
    """Renders between two runs, at most a tenth of the time, and never ends the training.

    After an error it says so once and renders no more.

    Args:
        render: Fills the folder of reports; returns the page to open.
        clock: Seconds.
    """

    def __init__(
        self, render: Callable[[], Path], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._render, self._clock = render, clock
        self._is_first, self._rests_until = True, -math.inf

    def __call__(self) -> None:
        """Renders, unless the last rendering was too short a time ago."""
        began = self._clock()
        if began < self._rests_until:
            return
        self._rests_until = math.inf  # for good, unless it ends well
        with _going_on("is not renewed during the training"):
            page = self._render()
            if self._is_first:
                say(f"report: {page}, renewed while it trains")
            self._is_first, ended = False, self._clock()
            self._rests_until = ended + REST * (ended - began)


def watch(suite: Suite, render: Callable[[], object]) -> None:
    """Renders now and after each change of the suite's records, until Ctrl-C.

    Records appear whole, by a rename, so none is read while it is written.

    Raises:
        Exception: the first rendering failed; what fails later is told, and the next one tried.
        typer.Exit: with the code of an interruption.
    """
    os.nice(NICENESS)
    try:
        seen = _state(suite)  # before the rendering: what comes meanwhile is rendered next
        render()
        say(
            f"watching {suite.folder}: it looks for new records every "
            f"{SECONDS_BETWEEN_LOOKS:g} s, until Ctrl-C"
        )
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            found = _state(suite)
            if found != seen:
                seen = found
                with _going_on("was not renewed"):
                    render()
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Whatever a rendering raises is one line on the terminal; Ctrl-C alone goes further."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a section of the user's may raise anything
        said = str(error) if isinstance(error, BenchError) else in_one_line(error)
        complain(f"Notice: the report {what}: {said}")


def _state(suite: Suite) -> State:
    """Of every file of records; one that went away meanwhile is none."""
    found: State = {}
    for path in suite.record_paths():
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return found
