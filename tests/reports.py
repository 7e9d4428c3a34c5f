"""A suite's report, made by the stages that `python -m bench report` calls."""

from __future__ import annotations

from pathlib import Path

from bench.records.store import Suite
from bench.report.reading import read
from bench.report.render import write


def render(suite: Suite, reports: Path, *, command: str) -> list[Path]:
    """Fills the folder; returns its files, `index.html` first."""
    return write(read(suite, reports, command), reports)
