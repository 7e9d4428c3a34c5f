"""Files with a row an epoch, or a row a run: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.machine import MOST_STATE_BYTES, text_of

DELIMITERS = ",;\t"
CHART = " - "  # W&B names the columns of a chart's export "RUN - METRIC"
CHART_BOUNDS = ("__MIN", "__MAX")


@dataclass(frozen=True)
class Row:
    """Cells by the file's own names of columns, and where the row stands."""

    where: str
    cells: dict[str, Any]


def read_csv(path: Path) -> list[Row]:
    """Rows of a file with a line of names; the names tell what separates columns."""
    lines = _text(path).splitlines(keepends=True)
    if not lines:
        raise bad(path, "the file is empty", "give one with a line of names and a row an epoch")
    delimiter = max(DELIMITERS, key=lines[0].count)
    reader = csv.reader(io.StringIO("".join(lines)), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        names = [name.strip() for name in next(reader)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise bad(path, f"two columns are named '{twice[0]}'", "rename one of them")
        for cells in reader:
            at = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(names):
                what = f"{at} has {len(cells)} cells, and there are {len(names)} columns"
                raise bad(path, what, "quote cells that hold a comma; write 99.41, not 99,41")
            rows.append(Row(at, dict(zip(names, cells, strict=True))))
    except csv.Error as error:
        raise bad(path, f"line {reader.line_num}: {error}", "make it a CSV file") from error
    return _of_chart(names, rows) if any(CHART in name for name in names) else rows


def _of_chart(names: list[str], rows: list[Row]) -> list[Row]:
    """A chart's export of W&B, which has a column a run: a row a run and step."""
    columns = [name for name in names if CHART in name and not name.endswith(CHART_BOUNDS)]
    found = []
    for row in rows:
        common = {name: value for name, value in row.cells.items() if CHART not in name}
        if "Step" in common:
            common["epoch"] = common.pop("Step")
        for column in columns:
            run, _, metric = column.rpartition(CHART)
            if row.cells[column] != "":
                cells = {**common, "run": run, metric: row.cells[column]}
                found.append(Row(f"{row.where}, {run}", cells))
    return found


def read_json_lines(path: Path) -> list[Row]:
    """An object a line."""
    rows = []
    for number, line in enumerate(_text(path).split("\n"), start=1):  # no other sign ends a line
        if not line.strip():
            continue
        try:
            cells = json.loads(
                line, object_pairs_hook=_once, parse_constant=str
            )  # NaN is no empty cell
        except (ValueError, RecursionError) as error:
            raise bad(
                path, f"line {number} is no JSON: {error}", "write an object a line"
            ) from error
        if not isinstance(cells, dict):
            raise bad(path, f"line {number} is no object", "write an object a line")
        rows.append(Row(f"line {number}", cells))
    return rows


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; ValueError where a name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} appears twice in one object")
    return found


def read_parquet(path: Path) -> list[Row]:
    """A table of Parquet, which pandas reads by pyarrow."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        remedy = "pip install 'manyseeds[parquet]'; or save the table as CSV"
        raise bad(path, "Parquet needs the package pyarrow", remedy) from error
    except Exception as error:  # pyarrow has many
        raise bad(path, f"cannot be read: {error}", "make it a Parquet file") from error
    records: list[dict[Any, Any]] = frame.to_dict("records")
    rows = ({str(name): value for name, value in record.items()} for record in records)
    return [Row(f"row {at}", cells) for at, cells in enumerate(rows, start=1)]


READERS: dict[str, Callable[[Path], list[Row]]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: a NaN of a table is an empty cell, a word `nan` is not."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def bad(path: Path, what: str, remedy: str) -> UsageError:
    """A file of results that cannot be used."""
    return UsageError(what, where=str(path), remedy=remedy)


def _text(path: Path) -> str:
    try:
        return text_of(path, MOST_STATE_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise bad(path, f"cannot be read: {error}", "make it a UTF-8 text file") from error
