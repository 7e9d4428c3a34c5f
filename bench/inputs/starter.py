"""`bench new`: copies the commented starter architecture."""

from __future__ import annotations

import re
from pathlib import Path

from bench.errors import ArchitectureError, UsageError
from bench.machine import write_atomically
from bench.spec import NAME

STARTER = "architecture.py"


def require_name(name: str) -> None:
    """Raises UsageError for a name that no module can have."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"bad name '{name}'", where="new", remedy="use lower case letters, digits and _"
        )


def create(name: str, architectures: Path, templates: Path) -> Path:
    """Makes `architectures/NAME.py` from the starter; never replaces a file.

    Raises:
        UsageError: a bad name.
        ArchitectureError: the file exists.
    """
    require_name(name)
    path = architectures / f"{name}.py"
    if path.exists():
        raise ArchitectureError("the file exists", where=str(path), remedy="choose another name")
    starter = (templates / STARTER).read_text(encoding="utf-8")
    write_atomically(path, starter.replace("NETWORK_NAME", name).encode())
    return path
