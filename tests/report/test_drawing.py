"""Figures drawn in other processes: the same bytes, and nothing left behind by whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from markupsafe import Markup

from bench.records.store import Suite
from bench.report import drawing
from bench.report import render as stage
from bench.report.drawing import Here, Undrawn, draw, drawers
from bench.report.figures.digits import Digit, digits
from bench.report.model import Plot
from tests import factories
from tests.reports import render
from tests.support import environment

N_PAGES = 2 * drawing.PAGES_A_PROCESS


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "usable_cores", lambda: 2)


def plot(name: str = "mnist-digits") -> Plot:
    digit = Digit(bytes(784), "5", "image 8", ("3 of 4",), "a five & <more>")
    return Plot(name, "Digits & <more>", "One.", partial(digits, [digit]))


def fails(plot: Plot) -> tuple[Markup, Markup]:
    """In a process of its own it is killed, as by a system that runs out of memory."""
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(plot)


def test_a_plot_has_the_same_bytes_wherever_it_is_drawn() -> None:
    with drawers(N_PAGES) as several:
        assert isinstance(several, ProcessPoolExecutor)
        there = several.submit(draw, plot())
        assert several.submit(os.getpid).result() != os.getpid()
    here = Here().submit(draw, plot())
    assert there.result() == here.result()
    assert here.result().startswith('<svg role="img" aria-label="Digits &amp; &lt;more&gt;" ')


def test_few_pages_and_one_core_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with drawers(N_PAGES - 1) as few:
        assert isinstance(few, Here)
    monkeypatch.setattr(drawing, "usable_cores", lambda: 1)
    with drawers(N_PAGES) as alone:
        assert isinstance(alone, Here)


def test_what_goes_wrong_in_drawing_reaches_the_page() -> None:
    broken = Plot("broken", "", "", partial(digits, None))  # type: ignore[arg-type]
    with drawers(N_PAGES) as several:
        there = several.submit(draw, broken).result()
    here = Here().submit(draw, broken).result()
    assert there == here
    assert "This figure could not be drawn: TypeError: " in here
    for each in (there, here):
        assert isinstance(each, Undrawn)
        assert each.what.startswith("figure broken: TypeError: ")


def test_a_report_whose_processes_are_killed_is_drawn_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "PAGES_A_PROCESS", 1)
    suite = factories.fill(Suite(tmp_path, "local"), ("model_1", "model_2"), seeds=range(2))
    whole = render(suite, tmp_path / "whole", command="bench report", n_cores=2)
    monkeypatch.setattr(stage, "draw", fails)
    alone = render(suite, tmp_path / "alone", command="bench report", n_cores=2)
    assert [path for path in whole if path.suffix == ".svg"]
    for one, other in zip(whole, alone, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_ctrl_c_is_answered_by_the_command_alone() -> None:
    with drawers(N_PAGES) as several:
        assert several.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd on this system")
def test_a_killed_command_takes_its_processes_with_it() -> None:
    script = (
        "import os, signal\n"
        "from bench.report import drawing\n"
        "drawing.usable_cores = lambda: 2\n"
        f"with drawing.drawers({N_PAGES}) as several:\n"
        "    print(several.submit(os.getpid).result(), flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        watched = os.pidfd_open(int(running.stdout.readline()))
        try:
            running.kill()
            ended, _, _ = select.select([watched], [], [], 60)
        finally:
            os.close(watched)
    assert ended
