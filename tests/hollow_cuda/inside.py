"""What a process that runs on the hollow CUDA can ask it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _library() -> Any:
    loaded = ctypes.CDLL(None)  # it was loaded before all others
    loaded.hollow_n_launched.restype = loaded.hollow_n_violations.restype = ctypes.c_long
    loaded.hollow_violation.argtypes = [ctypes.c_long]
    loaded.hollow_violation.restype = loaded.hollow_last_graph.restype = ctypes.c_char_p
    return loaded


def n_launched() -> int:
    """Operations so far: each kernel, copy and fill, and each node of a graph that was launched."""
    return int(_library().hollow_n_launched())


def violations() -> list[str]:
    """Every broken rule so far, in order."""
    library = _library()
    return [library.hollow_violation(i).decode() for i in range(library.hollow_n_violations())]


def last_graph() -> list[str]:
    """The names of the nodes of the graph that was launched last."""
    return list(_library().hollow_last_graph().decode().splitlines())
