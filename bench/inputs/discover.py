"""Folders -> plug-ins: one architecture a file, found by a scan.

A file is only executed when it is used, so a broken neighbour never stops the others.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from bench.errors import ArchitectureError, UsageError, nearest
from bench.inputs.digest import source_digest
from bench.inputs.own_file import execute, line_in
from bench.inputs.recipes import nearest_field
from bench.machine import text_of
from bench.spec import NAME, TOP, Architecture, PositiveInt, Recipe, RecipeError, Shape, checked

MEMORY_FORMATS = ("channels_last", "contiguous_format")
NO_FIELD = re.compile(r"Unexpected keyword argument '(\w+)'")  # msgspec's words, of a Recipe(...)


@dataclass(frozen=True)
class Found:
    """A file that may hold an architecture; it has not been executed."""

    name: str
    group: str
    path: Path


def scan(folder: Path, group: str | None = None) -> list[Found]:
    """The architecture files of a folder, sorted by name.

    Args:
        folder: The architectures folder.
        group: A sub-folder's name; None for the files at the top.

    Raises:
        ArchitectureError: the folder or the group is missing, or the group has a bad name.
    """
    place = folder / group if group else folder
    if not place.is_dir():
        raise ArchitectureError(
            f"no folder of architectures '{group}'" if group else "no folder of architectures",
            where=str(place),
            remedy="make it with `python -m bench new NAME`, or name another with --group",
        )
    if group == TOP:
        raise ArchitectureError(
            f"bad name '{TOP}' of a group",
            where=str(place),
            remedy="rename the folder: `report --group top` means the files at the top",
        )
    paths = sorted(path for path in place.glob("*.py") if not path.name.startswith("_"))
    return [Found(path.stem, group or "", path) for path in paths]


def scan_all(folder: Path) -> list[Found]:
    """The files at the top and the files of every group.

    Raises:
        ArchitectureError: two files of one name, or a group with a bad name.
    """
    groups = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] not in "._")
    found = scan(folder) + [each for group in groups for each in scan(folder, group)]
    refuse_duplicates(found)
    return found


def refuse_duplicates(found: list[Found]) -> None:
    """Raises ArchitectureError where two files share a name: their records would mix."""
    seen: dict[str, Path] = {}
    for each in found:
        if each.name in seen:
            raise ArchitectureError(
                f"two architectures named '{each.name}'",
                where=f"{seen[each.name]} and {each.path}",
                remedy="rename one of the files",
            )
        seen[each.name] = each.path


def select(found: list[Found], names: list[str]) -> list[Found]:
    """The files of these names, in the order of the names.

    Raises:
        UsageError: an unknown name; the remedy names the nearest known name.
    """
    by_name = {each.name: each for each in found}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"unknown architecture '{name}'",
                where="--arch",
                remedy=nearest(name, sorted(by_name)),
            )
    return [by_name[name] for name in dict.fromkeys(names)]


def load(found: Found) -> Architecture:
    """Executes the file and checks its hooks; see `templates/architecture.py` for them.

    Raises:
        ArchitectureError: a bad name, a syntax error, an error while it is executed, a missing
            or wrong hook.
    """
    if not re.fullmatch(NAME, found.name):
        raise _error(found, f"bad name '{found.name}'", "use lower case letters, digits and _")
    source = _read(found)
    tree = _parse(found, source)
    module = _execute(found)
    network = getattr(module, "Network", None)
    if not callable(network):
        raise _error(found, "no class Network", "define `class Network(torch.nn.Module)`")
    return Architecture(
        name=found.name,
        display_name=str(getattr(module, "DISPLAY_NAME", found.name)),
        group=found.group,
        path=found.path,
        docstring=ast.get_docstring(tree) or "",
        source=source,
        digest=source_digest(found.path, source),
        recipe=_recipe(found, module),
        components=_components(found, module),
        memory_format=_memory_format(found, module),
        build=network,
        input_shape=_input(found, module),
        n_classes=_classes(found, module),
    )


def headline(found: Found) -> str:
    """The first line of the file's docstring, without executing the file."""
    try:
        docstring = ast.get_docstring(ast.parse(_read(found)))
    except (SyntaxError, ValueError, ArchitectureError) as error:
        return f"cannot be read: {error}"
    return (docstring or "no docstring").splitlines()[0]


def display_name(found: Found) -> str:
    """What the file calls itself, without executing it; its name where that is no plain text."""
    try:
        tree = ast.parse(_read(found))
    except (SyntaxError, ValueError, ArchitectureError):
        return found.name
    said = [
        row.value.value
        for row in tree.body
        if isinstance(row, ast.Assign)
        and isinstance(row.value, ast.Constant)
        and any(isinstance(each, ast.Name) and each.id == "DISPLAY_NAME" for each in row.targets)
    ]
    return str(said[-1]) if said else found.name


def _read(found: Found) -> str:
    try:
        return text_of(found.path)
    except (OSError, UnicodeDecodeError) as error:
        raise _error(found, f"cannot be read: {error}", "make it a UTF-8 text file") from error


def _parse(found: Found, source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        message = f"syntax error: {getattr(error, 'msg', error)}"
        raise _error(found, message, "mend the line", line) from error


def _execute(found: Found) -> ModuleType:
    try:
        return execute(f"bench_architecture_{found.name}", found.path)
    except RecipeError as error:
        raise _bad_recipe(found, error) from error
    except (Exception, SystemExit) as error:  # the file may raise anything
        if isinstance(error, TypeError) and (field := NO_FIELD.fullmatch(str(error))):
            what = f"bad RECIPE: a recipe has no field '{field[1]}'"
            where = line_in(error, found.path)
            raise _error_at(found, what, where, nearest_field(field[1])) from error
        message = f"{type(error).__name__} on import: {error}"
        raise ArchitectureError(
            f"architecture '{found.name}': {message}",
            where=line_in(error, found.path),
            remedy="mend the file; `python -m bench inspect` shows it",
        ) from error


def _recipe(found: Found, module: ModuleType) -> Recipe:
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise _error(found, "no RECIPE", "define `RECIPE = bench.spec.Recipe(...)`")
    try:
        return checked(recipe)
    except msgspec.ValidationError as error:
        raise _bad_recipe(found, error) from error


def _bad_recipe(found: Found, error: Exception) -> ArchitectureError:
    return _error(found, f"bad RECIPE: {error}", "see bench.spec.Recipe for bounds")


def _components(found: Found, module: ModuleType) -> dict[str, str]:
    components: Any = getattr(module, "COMPONENTS", {})
    try:
        return msgspec.convert(components, dict[str, str])
    except msgspec.ValidationError as error:
        remedy = "give a dict from a module's name to a component's name"
        raise _error(found, f"bad COMPONENTS: {error}", remedy) from error


def _input(found: Found, module: ModuleType) -> Shape:
    value = getattr(module, "INPUT", (1, 28, 28))
    try:
        shape: Shape = msgspec.convert(value, Shape)
        return shape
    except msgspec.ValidationError as error:
        remedy = "give (channels, height, width), such as INPUT = (3, 32, 32)"
        raise _error(found, f"bad INPUT {value!r}", remedy) from error


def _classes(found: Found, module: ModuleType) -> int:
    value = getattr(module, "CLASSES", 10)
    try:
        n_classes: int = msgspec.convert(value, PositiveInt)
        return n_classes
    except msgspec.ValidationError as error:
        remedy = "give the number of classes, such as CLASSES = 100"
        raise _error(found, f"bad CLASSES {value!r}", remedy) from error


def _memory_format(found: Found, module: ModuleType) -> Any:
    value = getattr(module, "MEMORY_FORMAT", MEMORY_FORMATS[0])
    if value not in MEMORY_FORMATS:
        raise _error(found, f"bad MEMORY_FORMAT {value!r}", f"use one of {MEMORY_FORMATS}")
    return value


def _error(found: Found, what: str, remedy: str, line: int | None = None) -> ArchitectureError:
    where = f"{found.path}:{line}" if line else str(found.path)
    return _error_at(found, what, where, remedy)


def _error_at(found: Found, what: str, where: str, remedy: str) -> ArchitectureError:
    return ArchitectureError(f"architecture '{found.name}': {what}", where=where, remedy=remedy)
