"""The digest of an architecture's code: what comments and docstrings say does not change it."""

from __future__ import annotations

import ast
import hashlib
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from bench.machine import text_of

SILENT = ("COMMENT", "NL", "ENCODING", "ENDMARKER")


def source_digest(path: Path, source: str) -> str:
    """64 hex digits over the code's tokens, and those of the local modules that it imports.

    Comments, docstrings and blank lines do not count, so a header may state the evidence
    without making it stale. Local modules are files beside the architecture, and packages there.
    """
    return _digest(path, source, {path}, path.parent)


def local_files(path: Path, source: str) -> list[Path]:
    """The file itself and the local modules that `source_digest` covers, sorted."""
    seen = {path}
    _digest(path, source, seen, path.parent)
    return sorted(seen)


def _digest(path: Path, source: str, seen: set[Path], folder: Path) -> str:
    digests = [_tokens_digest(source)]
    for name in sorted(_imported_names(ast.parse(source))):
        for neighbour in _local_files(folder, name):
            if neighbour not in seen:
                seen.add(neighbour)
                text = text_of(neighbour)
                digests.append(_digest(neighbour, text, seen, folder))
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _local_files(folder: Path, name: str) -> list[Path]:
    """The files that an import of that name may execute."""
    return [
        path
        for path in (folder / f"{name}.py", *sorted((folder / name).rglob("*.py")))
        if path.is_file()
    ]


def _tokens_digest(source: str) -> str:
    """Over the tokens' texts; token kinds have other numbers in other Pythons."""
    spans = _docstring_spans(ast.parse(source))
    parts: list[str] = []
    in_docstring = False
    for kind, text, start in _tokens(source):
        if kind == "STRING" and any(first <= start < end for first, end in spans):
            in_docstring = True
        elif in_docstring and kind == "NEWLINE":
            in_docstring = False
        else:
            parts.append(kind if kind in ("INDENT", "DEDENT") else text)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _tokens(source: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """(kind, text, start) without comments; an f-string is one token, as before Python 3.12."""
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):
            start = start if depth else token.start
            depth += 1
        elif kind.endswith("STRING_END"):
            depth -= 1
            if not depth:
                yield "STRING", _slice(source, start, token.end), start
        elif not depth and kind not in SILENT:
            yield kind, token.string, token.start


def _slice(source: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    lines = source.splitlines(keepends=True)[start[0] - 1 : end[0]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return "".join(lines)


def _docstring_spans(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each docstring begins and ends: (line, column) twice."""
    firsts = [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node) is not None
    ]
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in firsts
    ]


def _imported_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names
