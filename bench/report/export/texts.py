"""Frames -> files: CSV, JSON, Parquet."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype, is_string_dtype

from bench.errors import printable
from bench.report import frames
from bench.report.export import latex
from bench.report.export.columns import kind_of, typed
from bench.report.summary import Summary
from bench.spec import SCHEMA, canonical_json

# A spreadsheet takes text for a formula that begins so (OWASP, "CSV Injection"): a cell, a line of
# it, or what stands behind the sign that separates cells in another country.
FORMULA = re.compile(r"\A(?=[\t\n])|(?m:^|(?<=[;\t]))(?=[^\S\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
GUARD = "'"  # and takes what begins so for text
FILES = {
    "csv": tuple(f"{name}.csv" for name in frames.FRAMES),
    "json": ("report.json",),
    "latex": tuple(f"{name}.tex" for name in latex.TABLES),
    "parquet": tuple(f"{name}.parquet" for name in frames.FRAMES),
}


def content(summaries: Sequence[Summary], file: str, left_out: Sequence[str] = ()) -> bytes:
    """What one of `FILES` says of the summaries of a suite; JSON without the frames left out."""
    name, _, kind = file.partition(".")
    if kind == "json":
        return _json(summaries, left_out)
    if kind == "tex":
        return latex.TABLES[name](summaries).encode()
    frame = frames.FRAMES[name](summaries)
    return as_csv(frame).encode() if kind == "csv" else _parquet(frame)


def as_csv(frame: pd.DataFrame) -> str:
    """RFC 4180 with line feeds: a missing value is empty, floats keep every digit.

    Text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    cells = {_cell(name): _cells(column) for name, column in frame.items()}
    return pd.DataFrame(cells).to_csv(index=False, lineterminator="\n")


def _cells(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers need no care: pandas writes every digit, and nothing for a missing one."""
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return column
    return pd.Series([_cell(value) for value in column.astype(object)], column.index, object)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        value = ("x" if all(isinstance(part, int) for part in value) else " ").join(map(str, value))
    if isinstance(value, str):
        return FORMULA.sub(GUARD, printable(value))
    return "" if pd.isna(value) else value


def _json(summaries: Sequence[Summary], left_out: Sequence[str]) -> bytes:
    """The suite, how it was declared to be judged, and a list of rows a frame.

    `DataFrame.to_json` would round floats to 15 digits.
    """
    chosen = {name: make for name, make in frames.FRAMES.items() if name not in left_out}
    tables = {name: frames.records(make(summaries)) for name, make in chosen.items()}
    first = summaries[0]
    about = {"schema": SCHEMA, "suite": first.suite, "protocol": first.protocol}
    return canonical_json({**about, "tables": tables})


def _parquet(frame: pd.DataFrame) -> bytes:
    """The schema is that of the columns, whatever the values are."""
    import pyarrow
    from pyarrow import parquet

    types = {int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    columns = {}
    for name, column in frame.items():
        kind = kind_of(str(name))
        is_typed = column.dtype != object and (kind is str) == is_string_dtype(column)
        values = column if is_typed else typed(column, kind)
        arrow = types.get(kind, pyarrow.string())
        columns[name] = pyarrow.array(values, arrow, from_pandas=True)
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()
