"""Frames -> CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from bench.protocol import Protocol
from bench.sections._export.frames import Frame
from bench.spec import SCHEMA, canonical_json

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\n")
GUARD = "'"  # and takes a cell that begins so for text


def as_csv(frame: Frame) -> str:
    """RFC 4180 with line feeds: a missing value is empty, floats keep every digit.

    Text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows([_cell(value) for value in row] for row in frame.rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        value = ("x" if all(isinstance(part, int) for part in value) else " ").join(map(str, value))
    if isinstance(value, str):
        text = _plain(value)
        return (GUARD if text.startswith(FORMULA) else "") + text
    return value


def _plain(text: str) -> str:
    """One kind of line end, and no null byte, at which many a reader stops."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def as_json(suite: str, protocol: Protocol | None, frames: Sequence[Frame]) -> str:
    """One object: the suite, how it was declared to be judged, and a list of rows a frame."""
    content = {
        "schema": SCHEMA,
        "suite": suite,
        "protocol": protocol,
        "tables": {frame.name: frame.records() for frame in frames},
    }
    return canonical_json(content).decode()
