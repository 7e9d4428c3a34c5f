"""A suite's tables as files for other programs: CSV, JSON, LaTeX or Parquet. No torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from bench.errors import UsageError, nearest
from bench.machine import write_atomically
from bench.records.store import Suite
from bench.report.export.texts import FILES, content
from bench.report.reading import read_records

PARQUET_NEEDS = "pyarrow"


def write(suite: Suite, kind: str, folder: Path) -> list[Path]:
    """Writes the suite's tables.

    Args:
        suite: Of whose records.
        kind: One of `FILES`.
        folder: Made where it is not there; other files in it stay.

    Returns:
        The files written.

    Raises:
        UsageError: no such kind, a kind that needs another package, or a suite without anything.
        StoreError: a record cannot be read, or the folder cannot be written.
        ClaimError: a file of claims cannot be used.
    """
    if kind not in FILES:
        raise UsageError(
            f"unknown format '{kind}'", where="--format", remedy=nearest(kind, list(FILES))
        )
    _require_packages(kind)
    summaries = read_records(suite, folder, command="")
    files = {folder / name: content(summaries, name) for name in FILES[kind]}
    for path, whole in files.items():
        write_atomically(path, whole)
    return list(files)


def _require_packages(kind: str) -> None:
    if kind == "parquet" and importlib.util.find_spec(PARQUET_NEEDS) is None:
        raise UsageError(
            f"Parquet needs {PARQUET_NEEDS}, which is not installed",
            where="--format",
            remedy="pip install 'manyseeds[parquet]', or choose csv",
        )
