"""Where the files that travel with the project lie: in a checkout or inside the wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SHIPPED = PACKAGE / "_shipped"


def folder(name: str) -> Path:
    """The shipped folder `name`: ``architectures``, ``claims``, ``templates``, ``results``."""
    return (SHIPPED if SHIPPED.is_dir() else PACKAGE.parent) / name


def folder_in_use(name: str, here: Path | None = None) -> Path:
    """The folder of that name in the working folder where it has one, else the shipped one."""
    own = (here or Path.cwd()) / name
    return own if own.is_dir() else folder(name)
