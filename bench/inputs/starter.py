"""`bench new` and `bench example`: copy the commented starter architecture, or an example."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from bench.errors import ArchitectureError, UsageError, nearest
from bench.machine import require_writable, write_atomically
from bench.spec import NAME

STARTER = "architecture.py"
# What a run makes in an example's folder; `shapes` is what draw_shapes.py draws.
MADE = ("__pycache__", "reports", "results", "shapes", "*.lines.txt")


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


def copy_example(name: str, examples: Path) -> Path:
    """Copies an example into a new folder of its name, below the working folder.

    Raises:
        UsageError: no such example, or the folder exists.
        StoreError: the working folder cannot be written.
    """
    known = sorted(path.name for path in examples.iterdir() if path.is_dir())
    if name not in known:
        raise UsageError(f"no example '{name}'", where="example", remedy=nearest(name, known))
    path = Path(name)
    if path.exists() or path.is_symlink():
        remedy = "move it away, or go to another folder"
        raise UsageError("the folder exists", where=str(path), remedy=remedy)
    require_writable([Path.cwd()])
    for source in sorted((examples / name).rglob("*")):
        inner = source.relative_to(examples / name)
        is_made = any(fnmatch(part, pattern) for part in inner.parts for pattern in MADE)
        if source.is_file() and not is_made:
            # Not with the modes of an installation, which may be read-only.
            write_atomically(path / inner, source.read_bytes())
    return path
