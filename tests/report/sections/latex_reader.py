"""A strict reader of LaTeX tables: what it takes compiles with booktabs and longtable alone.

It knows no formatting: it checks ASCII, balanced groups and environments, that every special
character is escaped, and that each row has as many cells as the environment declares.
"""

from __future__ import annotations

import re

COMMANDS = {
    *("begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule"),
    *("endfirsthead", "endhead", "endfoot", "endlastfoot", "multicolumn"),
    *("textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater"),
    *("textbar", "textquotesingle", "textasciigrave", "char", "pm", "times", "cdot", "ldots"),
    *("le", "ge", "surd", "i", "j", "u", "v", "c", "H"),
}
TOKEN = re.compile(r"\\([a-zA-Z]+)|\\(.)|(.)", re.DOTALL)


def rows(text: str) -> list[list[str]]:
    """The cells of the table's rows between the rules, still as LaTeX; raises AssertionError."""
    assert text.isascii()
    assert text.endswith("\n")
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    _check_tokens("\n".join(lines))
    _check_environments(lines)
    (sides,) = re.findall(r"\\begin\{(?:tabular|longtable)\}\{((?:[lr]|p\{[\d.]+cm\})+)\}", text)
    n_columns = len(re.sub(r"p\{[^}]*\}", "p", sides))
    if r"\begin{longtable}" in text:
        lines = _without_repeats(lines, n_columns)
    inside = [line for line in lines[lines.index("\\toprule") :] if line.endswith(r" \\")]
    found = [_cells(line.removesuffix(r" \\")) for line in inside]
    assert {len(row) for row in found} == {n_columns}
    return found


def _without_repeats(lines: list[str], n_columns: int) -> list[str]:
    """A longtable's lines without the head and the foot of its further pages."""
    marks = ("\\endfirsthead", "\\endhead", "\\endfoot", "\\endlastfoot")
    first, again, foot, last = (lines.index(mark) for mark in marks)
    head = lines[lines.index("\\toprule") : first]
    assert lines[first + 1].startswith(r"\caption[]{")
    assert lines[first + 2 : again] == head
    assert lines[again + 1 : foot][1].startswith(f"\\multicolumn{{{n_columns}}}{{r}}")
    assert lines[foot + 1 : last] == ["\\bottomrule"]
    return lines[:first] + lines[last:]


def _cells(line: str) -> list[str]:
    """Split at every `&` that no backslash stands before."""
    cells, depth = [""], 0
    for match in TOKEN.finditer(line):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if match[0] == "&":
            assert depth == 0
            cells.append("")
        else:
            cells[-1] += match[0]
    return [cell.strip(" ") for cell in cells]


def _check_tokens(text: str) -> None:
    depth, in_mathematics = 0, False
    for match in TOKEN.finditer(text):
        word, escaped, plain = match.groups()
        if word is not None:
            assert word in COMMANDS, word
        elif escaped is not None:
            assert escaped in "{}$&#%_,\\`'^~\"=.", escaped
        elif plain == "$":
            in_mathematics = not in_mathematics
        else:
            assert plain not in '#%^_"<>|', plain
            depth += {"{": 1, "}": -1}.get(plain, 0)
            assert depth >= 0
    assert depth == 0
    assert not in_mathematics


def _check_environments(lines: list[str]) -> None:
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", "\n".join(lines)):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
