"""Changes one token of the source at a time and asks whether its own tests notice.

    tox run -e mutants                      sixty mutants, drawn with seed 0
    tox run -e mutants -- --seed 1 --sample 20

A mutant that no test notices lives. Its own tests are the quick ones in the files of its region
that import the changed module, or in all files of the region if none does. Neither mutmut nor
cosmic-ray draws a sample by a seed or chooses tests by file, so this file does it.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import re
import resource
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REGIONS = ("stats", "evidence", "records")
LEAST_SHARE = 0.95
MOST_SECONDS = 900  # of the processor; a mutant whose tests take longer has been noticed
SLOW_IMPORTS = ("msgspec", "numpy", "pandas", "rich.console", "scipy.special", "scipy.stats")
SAID = "said.txt"  # by the tests of a checkout
OPERATORS = {
    **{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+"},
    **{"*": "/", "/": "*", "//": "*", "**": "*", "%": "*", "&": "|", "|": "&", "and": "or"},
    **{"or": "and", "is": "is not", "is not": "is", "in": "not in", "not in": "in"},
}
# Keywords that guard against mistakes of a programmer, and change no result.
NO_BEHAVIOUR = {"frozen", "kw_only", "stacklevel", "strict"}
# Mutants that change nothing which anybody can see: source line, its change, why.
EQUIVALENT: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Mutant:
    path: str  # from the root
    text: str  # of the whole file, unchanged
    start: int
    end: int
    new: str

    @property
    def source(self) -> str:
        return self.text[: self.start] + self.new + self.text[self.end :]

    def change(self) -> tuple[str, str]:
        """The line before and after."""
        text = self.text
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.end)
        old = text[first:last]
        return old.strip(), (text[first : self.start] + self.new + text[self.end : last]).strip()

    def __str__(self) -> str:
        old, new = self.change()
        return f"{self.path}:{self.text.count(chr(10), 0, self.start) + 1}: {old}  ->  {new}"


class Finder(ast.NodeVisitor):
    """Every token that can be changed into another of its kind; annotations stay."""

    def __init__(self, text: str):
        self.text, self.found = text, list[tuple[int, int, str]]()
        lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line))
        self.lines = lines

    def at(self, line: int, column: int) -> int:
        """The place in the text; the tree's columns are bytes."""
        before = self.lines[line - 1].encode()[:column]
        return self.starts[line - 1] + len(before.decode())

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def between(self, left: ast.expr, right: ast.expr) -> None:
        """The operator between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        match = re.search(r"not in|is not|and|or|is|in|[-+*/<>=!%&|]+", self.text[start:end])
        if match and match[0] in OPERATORS:
            self.found.append((start + match.start(), start + match.end(), OPERATORS[match[0]]))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.between(node.left, node.right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self.between(left, right)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, right in pairwise(operands):
            self.between(left, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        start = self.span(node)[0]
        if isinstance(node.op, ast.Not):
            self.found.append((start, start + len("not "), ""))
        if isinstance(node.op, ast.USub):
            self.found.append((start, start + 1, ""))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.found.append((*self.span(node), str(not node.value)))
        elif isinstance(node.value, int | float):
            self.found.append((*self.span(node), repr(node.value + 1)))

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in NO_BEHAVIOUR:
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Nothing of an argument but its annotation could change."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for each in (*node.decorator_list, node.args, *node.body):
            self.visit(each)


def mutants() -> list[Mutant]:
    found = []
    for region in REGIONS:
        for path in sorted((ROOT / "bench" / region).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            finder = Finder(text)
            finder.visit(ast.parse(text))
            name = str(path.relative_to(ROOT))
            found += [Mutant(name, text, *place) for place in sorted(set(finder.found))]
    return found


def own_tests(path: str) -> list[str]:
    """The files of its region's tests that import the module, or all of them."""
    return list(importers(path, ROOT / own_folder(path))) or [own_folder(path)]


def importers(path: str, folder: Path) -> Iterator[str]:
    """The files of tests that import the module."""
    module = path.removesuffix(".py").replace("/", ".")
    package, _, name = module.rpartition(".")
    for test in sorted(folder.rglob("test_*.py")):
        text = test.read_text(encoding="utf-8")
        if re.search(rf"{re.escape(module)}\b|from {re.escape(package)} import .*\b{name}\b", text):
            yield str(test.relative_to(ROOT))


def own_folder(path: str) -> str:
    """tests/evidence/claims for bench/evidence/claims/rules.py."""
    return str(Path("tests", *Path(path).parent.parts[1:]))


def copy(folder: Path) -> Path:
    """A checkout whose bench/ may be changed; what nobody changes is linked."""
    folder.mkdir(exist_ok=True)
    for path in ROOT.iterdir():
        if path.name in ("bench", "tests"):
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in (".tox", ".venv", ".hypothesis"):
            (folder / path.name).symlink_to(path)
    return folder


def begun(mutant: Mutant | None, tests: list[str], checkout: Path) -> int:
    """A child that runs the quick tests on the mutant; ends with 0 if they pass. Its number.

    A fork has imported already what takes long, and nothing that may be changed.
    """
    if mutant is not None:
        (checkout / mutant.path).write_text(mutant.source, encoding="utf-8")
    child = os.fork()
    if child:
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    os.chdir(checkout)
    os.environ["CI"] = "true"  # then hypothesis draws the same examples each time
    sys.path.insert(0, str(checkout))
    sys.dont_write_bytecode = True
    said = os.open(checkout / SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "quick", *tests])
    os._exit(code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED))


def tried(sample: list[Mutant], n_jobs: int, place: Path) -> Iterator[tuple[Mutant | None, bool]]:
    """Each with whether it lives, as soon as it is known; None is the unchanged source."""
    folders = sorted({own_folder(each.path) for each in sample})
    waiting: list[Mutant | None] = [*sample, None]
    free = [copy(place / str(job)) for job in range(n_jobs)]
    running: dict[int, tuple[Mutant | None, Path]] = {}
    while waiting or running:
        while waiting and free:
            mutant, checkout = waiting.pop(0), free.pop()
            tests = own_tests(mutant.path) if mutant else folders
            running[begun(mutant, tests, checkout)] = (mutant, checkout)
        child, status = os.wait()
        mutant, checkout = running.pop(child)
        if mutant is not None:
            (checkout / mutant.path).write_text(mutant.text, encoding="utf-8")
        elif status:
            sys.exit(f"without any change a test fails:\n{(checkout / SAID).read_text()}")
        free.append(checkout)
        yield mutant, status == 0


def told(mutant: Mutant, alive: bool) -> str:
    """One of three words, and prints it beside the mutant."""
    why = EQUIVALENT.get(mutant.change()) if alive else None
    word = "equivalent" if why else "ALIVE" if alive else "killed"
    print(f"{word:10} {mutant}" + (f"  ({why})" if why else ""), flush=True)
    return word


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="mutants whose line contains this")
    options = parser.parse_args()
    every = [each for each in mutants() if options.only in str(each)]
    sample = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    words: Counter[str] = Counter()
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as place:
        for mutant, alive in tried(sample, options.jobs, Path(place)):
            if mutant is not None:
                words[told(mutant, alive)] += 1
    n_judged = len(sample) - words["equivalent"]
    share = words["killed"] / n_judged
    print(
        f"{words['killed']} of {n_judged} killed ({share:.0%}), {words['equivalent']} equivalent;"
    )
    print(f"drawn from {len(every):,} mutants with seed {options.seed}")
    return int(share < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
