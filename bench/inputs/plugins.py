"""Plug-ins of the user's own folder: `measures/NAME.py` and `sections/NAME.py`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from bench.errors import BenchError, UsageError, in_one_line
from bench.inputs.own_file import execute
from bench.machine import folder_in_use
from bench.spec import NAME


@dataclass(frozen=True)
class Own:
    """The plug-ins of one of the user's folders: what is usable, by name, and what is not."""

    usable: dict[str, ModuleType] = field(default_factory=dict)
    broken: list[BenchError] = field(default_factory=list)


def files(kind: str) -> list[Path]:
    """The files of the folder `kind` that is in use, sorted; nothing is executed."""
    place = folder_in_use(kind)
    return sorted(path for path in place.glob("*.py") if not path.name.startswith("_"))


def own(kind: str, hooks: Collection[str], builtin: Collection[str]) -> Own:
    """Executes the files of that folder, each once in this process.

    Args:
        kind: The folder's name, such as `measures`.
        hooks: The names that each file must define.
        builtin: Names that a file of the user's cannot have.
    """
    found = Own()
    for path in files(kind):
        try:
            _require_name(kind, path, builtin)
            module = _loaded(kind, path, path.stat().st_mtime_ns)
            missing = [hook for hook in hooks if not hasattr(module, hook)]
            if missing:
                raise error(kind, path, f"it defines no {missing[0]}", f"define {', '.join(hooks)}")
        except BenchError as problem:
            found.broken.append(problem)
        except OSError as problem:  # a link to nowhere
            what = f"cannot be read: {problem.strerror}"
            found.broken.append(error(kind, path, what, "mend the file, or take it away"))
        else:
            found.usable[path.stem] = module
    return found


def error(kind: str, path: Path, what: str, remedy: str) -> UsageError:
    """What is wrong with a plug-in."""
    return UsageError(
        f"{kind.removesuffix('s')} '{path.stem}': {what}", where=str(path), remedy=remedy
    )


def _require_name(kind: str, path: Path, builtin: Collection[str]) -> None:
    if not re.fullmatch(NAME, path.stem):
        raise error(kind, path, "bad name", "use lower case letters, digits and _")
    if path.stem in builtin:
        raise error(kind, path, "one of that name is built in", "rename the file")


@cache
def _loaded(kind: str, path: Path, changed: int) -> ModuleType:
    """The executed file, as it was at that time of change."""
    try:
        return execute(f"own_{kind}.{path.stem}", path)
    except (Exception, SystemExit) as problem:  # a plug-in may raise anything
        raise error(kind, path, in_one_line(problem), "mend the file") from problem
