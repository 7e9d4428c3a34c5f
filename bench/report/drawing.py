"""Plots -> SVG text, on as many processes as that takes less time.

matplotlib takes a quarter of a second a figure, which is nearly all that a report costs.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from textwrap import shorten
from typing import Any, TypeVar

from markupsafe import Markup

from bench.errors import in_one_line
from bench.machine import SPAWN, usable_cores, without_ctrl_c
from bench.report.figures.svg import svg
from bench.report.model import Plot

PAGES_A_PROCESS = 4  # below, a process has begun when the others have ended
MOST_LETTERS = 60  # of what is wrong with a figure, in its place
MOST_PROCESSES = 8  # what assembles the pages keeps up with so many

T = TypeVar("T")


class Undrawn(Markup):
    """What stands in the place of a figure that could not be drawn."""

    what = ""


UNDRAWN = Markup(
    '<svg role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 40">'
    '<text x="4" y="25" font-size="14" style="fill:var(--ink)">{}</text></svg>'
)


def draw(plot: Plot) -> Markup:
    """The plot as SVG that may stand in HTML as it is; a notice where that fails."""
    label = Markup('<svg role="img" aria-label="{}" ').format(plot.alt)
    try:
        return Markup(svg(plot.draw(), plot.name).replace("<svg ", label, 1))
    except Exception as error:  # of records that nobody foresaw
        said = f"This figure could not be drawn: {shorten(in_one_line(error), MOST_LETTERS)}"
        notice = Undrawn(UNDRAWN.format(plot.alt, said))
        notice.what = f"figure {plot.name}: {in_one_line(error)}"
        return notice


class Here(Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        """Returns when it is done; what the work raises, this raises."""
        done: Future[T] = Future()
        done.set_result(work(*args, **named))
        return done


class Several(ProcessPoolExecutor):
    """Processes that do not answer Ctrl-C, from their first moment on."""

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        """As the pool does it; this may begin a process."""
        with without_ctrl_c():
            return super().submit(work, *args, **named)


@contextmanager
def drawers(n_pages: int) -> Iterator[Executor]:
    """What draws the plots of so many pages; leaving it, early too, ends its processes."""
    n_processes = min(usable_cores(), n_pages // PAGES_A_PROCESS, MOST_PROCESSES)
    if n_processes < 2:
        yield Here()
        return
    pool = Several(n_processes, mp_context=SPAWN, initializer=_serve)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _serve() -> None:
    """The parent ends this process: it alone answers Ctrl-C, and its death is waited for."""
    gc.set_threshold(20_000, 20, 20)  # a figure is of many objects: looking them over took a tenth
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
