"""The type of each exported column. It never depends on the values, so that two exports fit.

Whole numbers, real numbers and truth values have types of their own; all else is text. Text are
also the columns whose values may be a number in one row and a list or a word in another.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from bench.report.frames import RECIPE

WHOLE_ENDS = ("_correct", "_parameters", "_count", "_epoch")
WHOLE = frozenset(
    (
        *("seed", "epoch", "epochs", "epochs_declared", "epochs_finished", "engine_version"),
        *("position", "line", "n", "groups", "multiply_adds", "more_runs_to_confirm"),
        *("image", "answer"),
    )
)
REAL_ENDS = ("_percent", "_points", "_seconds", "_loss", "_bound", "_rate", "_probability")
TRUTH = frozenset(("reached_target", "uncommitted_changes", "at_least"))


def kind_of(column: str) -> type:
    """`int`, `float`, `bool` or `str`."""
    if column in RECIPE:
        return RECIPE[column]
    if column in TRUTH:
        return bool
    if column in WHOLE or column.startswith("n_") or column.endswith(WHOLE_ENDS):
        return int
    return float if column.endswith(REAL_ENDS) else str


def typed(column: pd.Series[Any], kind: type) -> list[Any]:
    """The column's values as that type; what is missing is None, a list or a mapping is JSON.

    Raises:
        ValueError, TypeError: a value that the type cannot hold without a change.
    """
    return [None if _is_missing(value) else _as(value, kind) for value in column]


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _as(value: Any, kind: type) -> Any:
    if kind is str:
        return value if isinstance(value, str) else json.dumps(value)
    found = kind(value)
    if found != value:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return found
