"""A suite's tables as files for other programs: CSV, JSON, LaTeX or Parquet. No torch."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.claims.ledger import Entry
from bench.errors import UsageError, nearest
from bench.machine import write_atomically
from bench.sections._export import frames, latex, texts
from bench.sections._summary import Summary
from bench.store import Suite
from bench.summaries import read_records

PARQUET_NEEDS = "pyarrow"


def write(suite: Suite, kind: str, folder: Path) -> list[Path]:
    """Writes the suite's tables.

    Args:
        suite: Of whose records.
        kind: One of `KINDS`.
        folder: Made where it is not there; other files in it stay.

    Returns:
        The files written.

    Raises:
        UsageError: no such kind, a kind that needs another package, or a suite without anything.
        StoreError: a record cannot be read, or the folder cannot be written.
        ClaimError: a file of claims cannot be used.
    """
    if kind not in KINDS:
        raise UsageError(
            f"unknown format '{kind}'", where="--format", remedy=nearest(kind, list(KINDS))
        )
    _require_packages(kind)
    summaries = read_records(suite, folder, command="")
    written = []
    for name, content in KINDS[kind](summaries, summaries[0].ledger).items():
        write_atomically(folder / name, content)
        written.append(folder / name)
    return written


Files = Mapping[str, bytes]  # name -> content


def _csv(summaries: Sequence[Summary], judged: Sequence[Entry]) -> Files:
    every = frames.every(summaries, judged)
    return {f"{frame.name}.csv": texts.as_csv(frame).encode() for frame in every}


def _json(summaries: Sequence[Summary], judged: Sequence[Entry]) -> Files:
    every = frames.every(summaries, judged)
    first = summaries[0]
    return {"report.json": texts.as_json(first.suite, first.protocol, every).encode()}


def _latex(summaries: Sequence[Summary], judged: Sequence[Entry]) -> Files:
    return {
        "results.tex": latex.results_table(summaries).encode(),
        "parameters.tex": latex.parameters_table(summaries).encode(),
        "claims.tex": latex.claims_table(judged).encode(),
    }


def _parquet(summaries: Sequence[Summary], judged: Sequence[Entry]) -> Files:
    every = frames.every(summaries, judged)
    return {f"{frame.name}.parquet": _columns(frame) for frame in every}


def _columns(frame: frames.Frame) -> bytes:
    """Whole numbers stay whole beside missing ones; a column of several kinds becomes text."""
    import pandas  # takes half a second that the other formats need not spend

    table = pandas.DataFrame(list(frame.rows), columns=list(frame.columns), dtype=object)
    for name in frame.columns:
        values = [value for value in table[name] if value is not None]
        kinds = {float if type(value) is int else type(value) for value in values}
        if len(kinds) > 1:
            table[name] = [None if value is None else str(value) for value in table[name]]
    stream = io.BytesIO()
    table.convert_dtypes().to_parquet(stream, index=False)
    return stream.getvalue()


Make = Callable[[Sequence[Summary], Sequence[Entry]], Files]
KINDS: dict[str, Make] = {"csv": _csv, "json": _json, "latex": _latex, "parquet": _parquet}


def _require_packages(kind: str) -> None:
    if kind == "parquet" and importlib.util.find_spec(PARQUET_NEEDS) is None:
        raise UsageError(
            f"Parquet needs {PARQUET_NEEDS}, which is not installed",
            where="--format",
            remedy=f"pip install {PARQUET_NEEDS}, or choose csv",
        )
