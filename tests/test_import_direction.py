"""A room imports only rooms above it, and what reads records never meets torch.

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

from tests.support import ROOT

BENCH = ROOT / "bench"
MOST_ENTRIES = 13  # at the root of bench/

# In the order of the data: the vocabulary, what is kept, what a person brings, what happens, what
# it proves, how it is shown.
ROOMS = (
    "errors",
    "machine",
    "spec",
    "stats",
    "records",
    "inputs",
    "training",
    "measuring",
    "evidence",
    "report",
    "cli",
    "__main__",
)
# The wall: a report rebuilds from the records alone, on a laptop without torch.
READERS = ("errors", "machine", "spec", "stats", "records", "inputs", "evidence", "report")
BRINGS_DATA = ("inputs.datasets", "inputs.idx")  # the corner of those rooms that needs torch
HEAVY = ("torch", "torchvision", "fvcore", "numba")
# Folders of which every file is a plug-in.
PLUG_INS = {
    "inputs/datasets": ("load", "locate", "ensure"),
    "measuring/measures": ("FIELDS", "measure"),
    "report/sections": ("ORDER", "SCOPE", "PAGES", "section"),
}
# Folders that the rest of the house uses by what their `__init__` exports alone.
DOORS = ("training/engine/cpu", "training/engine/gpu")
# What the statistics stand on; of scipy the special functions alone, for `scipy.stats` is slow to
# import.
STATISTICS = ("numpy", "scipy.special", "bench.stats")
# Imports inside a function, each with its reason; none may dodge a cycle.
LOCAL_IMPORTS = {
    "__main__": "Ctrl-C is answered while the rest is imported",
    "cli": "a stage is imported when it is called, so that --help starts without torch",
    "training.executors.dask_worker": "torch is imported in the run's process alone",
    "training.executors.local": "torch is imported in the worker process alone",
}


@dataclass(frozen=True)
class Import:
    """One import: `module` is imported at `line` of `importer`, both dotted names."""

    importer: str  # below bench, e.g. "training.engine.run"
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


def lies_in(name: str, place: str) -> bool:
    return f"{name}.".startswith(f"{place}.")


def brings_data(name: str) -> bool:
    return any(lies_in(name, place) for place in BRINGS_DATA)


def through_the_wall(found: list[Import]) -> list[str]:
    """Imports by which a room that reads records would meet torch."""
    return [
        str(one)
        for one in found
        if one.room in READERS
        and not brings_data(one.importer)
        and (
            one.module.split(".")[0] in HEAVY
            or brings_data(one.module.removeprefix("bench."))
            or (room_of(one.module) or READERS[0]) not in READERS
        )
    ]


def past_a_door(found: list[Import], root: Path) -> list[str]:
    """Imports of a file behind a door by a file that lies outside."""
    hidden = [dotted(path, root) for door in DOORS for path in (root / door).glob("[!_]*.py")]
    return [
        str(one)
        for one in found
        for name in hidden
        if lies_in(one.module, f"bench.{name}")
        and not lies_in(one.importer, name.rpartition(".")[0])
    ]


@pytest.fixture(scope="module")
def found() -> list[Import]:
    return imports(BENCH)


def test_the_root_has_few_entries_and_each_is_a_room() -> None:
    entries = {
        path.stem if path.is_file() else path.name
        for path in BENCH.iterdir()
        if path.name not in ("py.typed", "__pycache__", "_shipped")
    }
    assert entries == {"__init__", *ROOMS}
    assert len(entries) <= MOST_ENTRIES


def test_a_room_imports_only_rooms_above_it(found: list[Import]) -> None:
    assert uphill(found) == []


def test_no_module_imports_itself_in_a_circle(found: list[Import]) -> None:
    """Inside a room, too."""
    modules = {dotted(path, BENCH) for path in BENCH.rglob("*.py")}
    above: dict[str, set[str]] = {name: set() for name in modules}
    for one in found:
        name = one.module.removeprefix("bench.")
        target = next((n for n in (name, name.rpartition(".")[0]) if n in modules), None)
        if target and target != one.importer and not one.local:
            above[one.importer].add(target)
    while leaves := {name for name, its in above.items() if not its}:
        above = {name: its - leaves for name, its in above.items() if name not in leaves}
    assert above == {}


def test_no_local_import_dodges_a_cycle(found: list[Import]) -> None:
    hidden = [one for one in found if one.local and one.module.split(".")[0] == "bench"]
    allowed = tuple(LOCAL_IMPORTS)
    assert [str(one) for one in hidden if not any(lies_in(one.importer, a) for a in allowed)] == []


def test_the_package_itself_imports_nothing_of_its_own(found: list[Import]) -> None:
    assert [str(one) for one in found if one.importer == "" and one.module != "__future__"] == []


def test_what_reads_records_never_imports_torch(found: list[Import]) -> None:
    assert through_the_wall(found) == []


def test_the_tricks_of_a_device_are_used_by_their_door_alone(found: list[Import]) -> None:
    assert past_a_door(found, BENCH) == []


def modules_of(room: str) -> list[str]:
    paths = (
        [BENCH / f"{room}.py"] if (BENCH / f"{room}.py").is_file() else (BENCH / room).rglob("*.py")
    )
    names = (dotted(path, BENCH) for path in paths)
    return sorted(name for name in names if not brings_data(name))


@pytest.mark.process
@pytest.mark.parametrize("room", [*READERS, "cli"])
def test_torch_is_not_loaded(room: str, tmp_path: Path) -> None:
    """The same, asked of Python itself; the command line starts without torch as well."""
    names = [f"bench.{name}" for name in modules_of(room)] if room != "cli" else ["bench.cli"]
    code = f"import sys, {', '.join(names)}; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("folder", PLUG_INS)
def test_a_folder_of_plug_ins_holds_plug_ins_alone(folder: str) -> None:
    """`__init__` finds them; a file that helps them lies elsewhere."""
    for path in (BENCH / folder).glob("*.py"):
        if path.stem == "__init__":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                parts = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {
                    name.id
                    for part in parts
                    for name in ast.walk(part)
                    if isinstance(name, ast.Name)
                }
        assert set(PLUG_INS[folder]) <= names, path


def test_the_statistics_stand_on_numpy_and_scipy(found: list[Import]) -> None:
    foreign = [
        one
        for one in found
        if one.room == "stats"
        and one.module.split(".")[0] not in sys.stdlib_module_names
        and not any(lies_in(one.module, name) for name in STATISTICS)
    ]
    assert [str(one) for one in foreign] == []


def test_no_file_is_named_utils() -> None:
    names = {"utils", "util", "helpers", "misc", "common"}
    files = [path for folder in (BENCH, ROOT / "tests") for path in folder.rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if path.stem in names] == []


WRONG_HOUSE = {
    "spec.py": "from bench import report\n",
    "records/store.py": "def late():\n    from bench.errors import BenchError\n",
    "report/render.py": "import bench.training.plan\n",
    "report/figures.py": "from torch import nn\n",
    "evidence/ledger.py": "from bench.inputs.datasets import load\n",
    "training/__init__.py": "from . import plan\n",
    "training/engine/cpu/kernels.py": "from bench.training.engine.cpu import pooling\n",
    "training/engine/cpu/pooling.py": "",
    "training/engine/run.py": "from bench.training.engine.cpu import Fused, kernels\n",
    "training/plan.py": "from ..measuring import portraits\n",
}


def test_a_wrong_house_is_seen(tmp_path: Path) -> None:
    """Each rule turns red on a house that breaks it."""
    for name, text in WRONG_HOUSE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = imports(tmp_path)
    assert uphill(found) == [
        "bench/spec.py:1 imports bench.report",
        "bench/training/plan.py:1 imports bench.measuring.portraits",
    ]
    assert through_the_wall(found) == [
        "bench/evidence/ledger.py:1 imports bench.inputs.datasets.load",
        "bench/report/figures.py:1 imports torch",
        "bench/report/render.py:1 imports bench.training.plan",
    ]
    assert past_a_door(found, tmp_path) == [
        "bench/training/engine/run.py:1 imports bench.training.engine.cpu.kernels"
    ]
    assert [one.module for one in found if one.local] == ["bench.errors.BenchError"]
    assert "bench.training.plan" in [one.module for one in found]
