"""A suite's report, made by the stages that `python -m bench report` calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.store import Suite
from bench.report import drawing
from bench.report.reading import read
from bench.report.render import write


def render(suite: Suite, reports: Path, *, command: str, n_cores: int = 1) -> list[Path]:
    """Fills the folder; returns its files, `index.html` first.

    Processes that draw take longer to begin than the few figures of most tests take to be drawn.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "usable_cores", lambda: n_cores)
        return write(read(suite, reports, command), reports)
