"""Every text that the program says, collected from its source without running it.

A text is a string of two words or more that is no docstring. An f-string and a sum of strings are
one text, with `{name}` for what is put in. A refusal is a call that makes an error: its `what`,
`where` and `remedy` are one text, as they are printed. The help of a command is its docstring.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bench

PACKAGE = Path(bench.__file__).parent
FEWEST_WORDS = 2
WORD = re.compile(r"[A-Za-z]{2,}\S*")
CODE = re.compile(r"</|/>|<svg|\(\?|[\\|§]|\w-src |^[\w.\[\] ]*_[\w.\[\] ]*$|^\S+$")


@dataclass(frozen=True, order=True)
class Text:
    """A text, the file that says it (from the package's parent on) and what it is."""

    module: str
    kind: str
    text: str


def collect() -> list[Text]:
    """Every text of the package, sorted by file, kind and text; equal ones once."""
    files = PACKAGE.rglob("*.py")
    parent = PACKAGE.parent
    return texts_of(
        {each.relative_to(parent).as_posix(): each.read_text("utf-8") for each in files}
    )


def texts_of(sources: dict[str, str]) -> list[Text]:
    """Every text of modules; the sources by the modules' paths."""
    trees = {module: ast.parse(source) for module, source in sources.items()}
    makers = {name for tree in trees.values() for name in _makers(tree)}
    found: set[Text] = set()
    for module, tree in trees.items():
        usual = "report" if module.startswith("bench/report/") else "message"
        found |= {Text(module, kind, text) for kind, text in _read(tree, usual, makers)}
    return sorted(found)


def _makers(tree: ast.AST) -> Iterator[str]:
    """The names of classes of errors, and of functions that return one."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) if name.endswith("Error"):
                yield name
            case ast.FunctionDef(name=name, returns=ast.Name(id=kind)) if kind.endswith("Error"):
                yield name


def _read(tree: ast.AST, kind: str, makers: set[str]) -> Iterator[tuple[str, str]]:
    """Each kind and text of a tree."""
    match tree:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.FunctionDef(decorator_list=decorators) if any(map(_is_command, decorators)):
            yield from _kept("help", ast.get_docstring(tree) or "")
        case ast.Call(func=func):
            name = ast.unparse(func)
            if name.rpartition(".")[2] in makers:
                yield from _kept("refusal", _refusal(tree))
                return
            kind = "help" if name.startswith("typer.") else kind
    text = template(tree)
    if text is not None:
        yield from _kept(kind, text)
        return
    for child in ast.iter_child_nodes(tree):
        yield from _read(child, kind, makers)


def template(node: ast.AST) -> str | None:
    """The text of an expression, with what is put in as `{name}`; None where it is no text."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_part(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = template(left), template(right)
            return (
                None
                if parts == (None, None)
                else _either(parts[0], left) + _either(parts[1], right)
            )
        case ast.IfExp(body=body, orelse=orelse):
            first, second = template(body), template(orelse)
            return None if first is None or second is None else f"[{first} / {second}]"
    return None


def _part(value: ast.expr) -> str:
    match value:
        case ast.FormattedValue(value=inner):
            return template(inner) or _put_in(inner)
        case ast.Constant(value=text):
            return str(text)
    return _put_in(value)


def _either(text: str | None, node: ast.AST) -> str:
    return _put_in(node) if text is None else text


def _put_in(node: ast.AST) -> str:
    """What is put into a text; Python's versions write f-strings differently, so none is shown."""
    nested = any(isinstance(each, ast.JoinedStr) for each in ast.walk(node))
    return "{...}" if nested else "{" + ast.unparse(node) + "}"


def _refusal(call: ast.Call) -> str:
    """`what (where): remedy`, as an error is printed; other arguments as they come."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = [*call.args, *(named[name] for name in ("what", "where", "remedy") if name in named)]
    parts = [_either(template(node), node) for node in given]
    if "where" in named and "remedy" in named:
        return f"{': '.join(parts[:-2])} ({parts[-2]}): {parts[-1]}"
    return ": ".join(parts)


def _kept(kind: str, text: str) -> Iterator[tuple[str, str]]:
    line = " ".join(text.split())
    said = without_names(line)
    if len(WORD.findall(said)) >= FEWEST_WORDS and not CODE.search(said):
        yield kind, line


def without_names(text: str) -> str:
    """The text with `{}` for each `{name}`."""
    return re.sub(r"\{[^{}]*\}", "{}", text)


def _is_command(decorator: ast.expr) -> bool:
    return re.search(r"\.(command|callback)\b", ast.unparse(decorator)) is not None
