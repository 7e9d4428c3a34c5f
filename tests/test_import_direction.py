"""A room imports only rooms above it, and the report never meets torch.

Imports are read from the syntax tree, so one that hides in a function or under
`TYPE_CHECKING` counts too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"

# From the vocabulary down to the command line. The store stands high: it knows the vocabulary
# alone, and both training and the report meet in it.
ROOMS = (
    "errors",
    "machine",
    "stats",
    "spec",
    "findings",
    "layers",
    "protocol",
    "store",
    "discover",
    "datasets",
    "augment",
    "modes",
    "uncompiled",
    "measures",
    "provenance",
    "engine",
    "latency",
    "executors",
    "recipes",
    "selection",
    "portraits",
    "plan",
    "progress",
    "inspection",
    "starter",
    "deciding",
    "arms",
    "claims",
    "comparing",
    "forecast",
    "figures",
    "sections",
    "summaries",
    "export",
    "pages",
    "drawing",
    "publishing",
    "report",
    "fragment",
    "doctor",
    "effective_field",
    "stages",
    "observing",
    "sweep",
    "reproduce",
    "judging",
    "cli",
    "__main__",
)
REPORT_SIDE = (
    "errors",
    "machine",
    "stats",
    "spec",
    "findings",
    "layers",
    "protocol",
    "store",
    "recipes",
    "deciding",
    "arms",
    "claims",
    "comparing",
    "forecast",
    "figures",
    "sections",
    "summaries",
    "export",
    "pages",
    "drawing",
    "publishing",
    "report",
    "fragment",
)
HEAVY = ("torch", "torchvision", "fvcore", "numba")
# What the statistics stand on; of scipy the special functions alone, for `scipy.stats` is slow to
# import.
STATISTICS = ("numpy", "scipy.special", "bench.stats")
# Imports inside a function, each with its reason; none may dodge a cycle.
LOCAL_IMPORTS = {
    ("cli", "*"): "a stage is imported when it is called, so that --help starts without torch",
    ("executors.local", "bench.executors.worker"): "torch is imported in the worker process alone",
}


@dataclass(frozen=True)
class Import:
    """One import: `module` is imported at `line` of `importer`, both dotted names."""

    importer: str  # below bench, e.g. "engine.train"
    module: str  # e.g. "bench.spec" or "torch"
    line: int
    local: bool  # inside a function

    def __str__(self) -> str:
        return f"bench/{self.importer.replace('.', '/')}.py:{self.line} imports {self.module}"

    @property
    def room(self) -> str:
        return self.importer.split(".")[0]


def dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(node: ast.AST, local: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Every import statement below the node, and whether it lies in a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, local
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from statements(child, local or inside)


def targets(statement: ast.stmt, importer: str, is_package: bool) -> list[str]:
    """Dotted names that the statement may load: `from bench import spec` loads `bench.spec`."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    assert isinstance(statement, ast.ImportFrom)
    base = statement.module or ""
    if statement.level:
        package = ["bench", *importer.split(".")]
        above = package[: len(package) - statement.level + (1 if is_package else 0)]
        base = ".".join([*above, base] if base else above)
    if base.split(".")[0] != "bench":
        return [base]
    return [f"{base}.{alias.name}" for alias in statement.names]


def imports(root: Path) -> list[Import]:
    """Every import of every module below the root, in file and line order."""
    found = []
    for path in sorted(root.rglob("*.py")):
        importer = dotted(path, root)
        for statement, local in statements(ast.parse(path.read_text(encoding="utf-8"))):
            for module in targets(statement, importer, path.name == "__init__.py"):
                found.append(Import(importer, module, statement.lineno, local))
    return found


def room_of(module: str) -> str | None:
    """The room that a dotted name lies in; None outside bench and for `bench` itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "bench" and len(parts) > 1 and parts[1] in ROOMS else None


def uphill(found: list[Import]) -> list[str]:
    """Imports of a room below the importer's own."""
    return [
        str(one)
        for one in found
        if (room := room_of(one.module)) is not None
        and one.room in ROOMS
        and ROOMS.index(room) > ROOMS.index(one.room)
    ]


def is_allowed_locally(one: Import) -> bool:
    return (one.room, "*") in LOCAL_IMPORTS or any(
        one.importer == importer and f"{one.module}.".startswith(f"{module}.")
        for importer, module in LOCAL_IMPORTS
    )


def reached(found: list[Import], start: str) -> set[str]:
    """Rooms that importing a room loads, itself included; lazy imports do not load."""
    seen, waiting = set(), [start]
    while waiting:
        room = waiting.pop()
        if room in seen:
            continue
        seen.add(room)
        eager = [one.module for one in found if one.room == room and not one.local]
        waiting += [above for module in eager if (above := room_of(module)) is not None]
    return seen


@pytest.fixture(scope="module")
def found() -> list[Import]:
    return imports(BENCH)


def test_every_module_has_a_room(found: list[Import]) -> None:
    modules = {dotted(path, BENCH).split(".")[0] for path in BENCH.rglob("*.py")}
    assert modules - {""} - set(ROOMS) == set()


def test_every_room_is_there() -> None:
    missing = [r for r in ROOMS if not (BENCH / r).is_dir() and not (BENCH / f"{r}.py").is_file()]
    assert missing == []


def test_a_room_imports_only_rooms_above_it(found: list[Import]) -> None:
    assert uphill(found) == []


def test_no_local_import_dodges_a_cycle(found: list[Import]) -> None:
    hidden = [one for one in found if one.local and one.module.split(".")[0] == "bench"]
    assert [str(one) for one in hidden if not is_allowed_locally(one)] == []


def test_the_package_itself_imports_nothing_of_its_own(found: list[Import]) -> None:
    assert [str(one) for one in found if one.importer == "" and one.module != "__future__"] == []


@pytest.mark.parametrize("room", REPORT_SIDE)
def test_the_report_side_never_imports_torch(found: list[Import], room: str) -> None:
    rooms = reached(found, room)
    heavy = [one for one in found if one.room in rooms and one.module.split(".")[0] in HEAVY]
    assert [str(one) for one in heavy] == []
    assert rooms <= set(REPORT_SIDE)


@pytest.mark.parametrize("room", [*REPORT_SIDE, "cli"])
def test_torch_is_not_loaded(room: str, tmp_path: Path) -> None:
    """The same, asked of Python itself; the command line starts without torch as well."""
    code = f"import sys, bench.{room}; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_statistics_stand_on_numpy_and_scipy(found: list[Import]) -> None:
    foreign = [
        one
        for one in found
        if one.importer.split(".")[0] == "stats"
        and one.module.split(".")[0] not in sys.stdlib_module_names
        and not f"{one.module}.".startswith(tuple(f"{name}." for name in STATISTICS))
    ]
    assert [str(one) for one in foreign] == []


def test_no_file_is_named_utils() -> None:
    names = {"utils", "util", "helpers", "misc", "common"}
    files = [path for folder in (BENCH, ROOT / "tests") for path in folder.rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if path.stem in names] == []


WRONG_HOUSE = {
    "spec.py": "from bench import report\n",
    "store.py": "def late():\n    from bench.errors import BenchError\n",
    "report.py": "import bench.figures\n",
    "figures.py": "from torch import nn\n",
    "engine/__init__.py": "from . import train\n",
    "engine/train.py": "from ..executors import local\n",
}


def test_a_wrong_house_is_seen(tmp_path: Path) -> None:
    """Each rule turns red on a house that breaks it."""
    for name, text in WRONG_HOUSE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = imports(tmp_path)
    assert uphill(found) == [
        "bench/engine/train.py:1 imports bench.executors.local",
        "bench/spec.py:1 imports bench.report",
    ]
    assert [one.module for one in found if one.local] == ["bench.errors.BenchError"]
    assert "bench.engine.train" in [one.module for one in found]
    assert "figures" in reached(found, "report")
    assert [one.importer for one in found if one.module == "torch"] == ["figures"]
