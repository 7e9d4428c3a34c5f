"""The text that claims quote, kept beside their file as `NAME.lines.txt`.

The first line says which document it is; then follows a line of it a line, with its number::

    document of 126 lines, sha256 4a2f...; lines without a claim are left out
       13| text of the line
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.evidence.claims.load import placed, read_bytes
from bench.evidence.claims.sources import ClaimError
from bench.machine import write_atomically

SUFFIX = ".lines.txt"
MOST_BYTES = 4 * 2**20
LEFT_OUT = "; lines without a claim are left out"
HEAD = re.compile(
    r"document of (?P<n>[0-9]{1,7}) lines, sha256 (?P<sha256>[0-9a-f]{64})"
    rf"(?P<left_out>{LEFT_OUT})?"
)
ROW = re.compile(r" {0,6}(?P<number>[0-9]{1,7})\| ?(?P<text>.*)")
# What no text needs: characters that steer a terminal, but for the tab.
CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")
REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Text:
    """The lines of a document that may be shown.

    Attributes:
        sha256: Of the whole document.
        n_lines: Of the whole document.
        is_whole: Whether all lines are here, and not only those that claims quote.
        lines: Line's number, from 1 -> its text.
    """

    sha256: str
    n_lines: int
    is_whole: bool
    lines: dict[int, str]


def of_document(content: bytes, quoted: Collection[int], is_whole: bool) -> Text:
    """What is stored of a document.

    Args:
        content: The document, in UTF-8.
        quoted: Numbers of the lines that claims quote.
        is_whole: Whether its licence permits to store every line.
    """
    found = content.decode("utf-8").splitlines()
    lines = {
        number: CONTROL.sub(REPLACED, line)
        for number, line in enumerate(found, start=1)
        if is_whole or number in quoted
    }
    return Text(hashlib.sha256(content).hexdigest(), len(found), is_whole, lines)


def dumps(text: Text) -> str:
    """The text as its file."""
    left_out = "" if text.is_whole else LEFT_OUT
    head = f"document of {text.n_lines} lines, sha256 {text.sha256}{left_out}"
    rows = (f"{number:>5}| {line}" for number, line in text.lines.items())
    return "".join(f"{line}\n" for line in (head, *rows))


def loads(content: str, path: Path) -> Text:
    """The file as a text.

    Raises:
        ClaimError: it is not as `dumps` writes it; says the line.
    """
    rows = content.splitlines()
    head = HEAD.fullmatch(rows[0]) if rows else None
    if head is None:
        raise _unusable(path, 1, "no document with its sha256 and number of lines")
    text = Text(head["sha256"], int(head["n"]), head["left_out"] is None, {})
    before = 0
    for at, row in enumerate(rows[1:], start=2):
        found = ROW.fullmatch(row)
        if found is None or CONTROL.search(row):
            raise _unusable(path, at, "no number and text of a line, or a control character")
        number = int(found["number"])
        if not before < number <= text.n_lines:
            raise _unusable(path, at, f"line {number} after line {before} of {text.n_lines}")
        text.lines[number] = found["text"]
        before = number
    if text.is_whole and len(text.lines) != text.n_lines:
        raise _unusable(path, 1, f"{len(text.lines)} of {text.n_lines} lines are here")
    return text


def read_all(folder: Path) -> dict[str, Text]:
    """Stem of a file of claims in the folder -> the text that is stored beside it.

    Raises:
        ClaimError: a stored text cannot be used.
    """
    beside = {path.stem: path_beside(path) for path in sorted(folder.glob("*.toml"))}
    return {name: _read(path) for name, path in beside.items() if path.is_file()}


def unusable(paths: Iterable[Path]) -> list[ClaimError]:
    """What is wrong with the texts that are stored beside these files of claims."""
    found = []
    for path in map(path_beside, paths):
        try:
            if path.is_file():
                _read(path)
        except ClaimError as error:
            found.append(error)
    return found


def path_beside(claims: Path) -> Path:
    """Where the text of a file of claims is stored."""
    return claims.with_name(f"{claims.stem}{SUFFIX}")


def store(paths: Iterable[Path], document: Path) -> list[str]:
    """Stores the document beside each file of claims; says in a line each what became of it.

    Args:
        paths: Files of claims whose quotes are all in the document.
        document: A text in UTF-8.

    Raises:
        ClaimError: the document cannot be read, or is too large.
        StoreError: the folder of the claims cannot be written.
    """
    content = read_bytes(document, "unreadable", "give the text that the claims quote")
    if len(content) > MOST_BYTES:
        remedy = "give the text that the claims quote"
        raise ClaimError(f"more than {MOST_BYTES:,} bytes", where=str(document), remedy=remedy)
    return [said for path in paths if (said := _store(path, content))]


def _store(claims: Path, content: bytes) -> str:
    """What became of it; nothing where the same text is stored already."""
    read = placed([claims])
    quoted = {row.claim.line for row in read.rows}
    is_whole = any(document.licence for document in read.documents)
    text = of_document(content, quoted, is_whole)
    path, new = path_beside(claims), dumps(text).encode()
    old = path.read_bytes() if path.is_file() else None
    if old == new:
        return ""
    write_atomically(path, new)
    lines = f"{len(text.lines)} of {text.n_lines} lines of the document"
    return f"stored {lines} in {path}{'; it held another text' if old is not None else ''}"


def _read(path: Path) -> Text:
    remedy = _remedy(path)
    if path.stat().st_size > 2 * MOST_BYTES:
        raise ClaimError("unusable text of a document: too large", where=str(path), remedy=remedy)
    content = read_bytes(path, "unusable text of a document", remedy)
    return loads(content.decode("utf-8"), path)


def _unusable(path: Path, line: int, why: str) -> ClaimError:
    what = f"unusable text of a document: {why}"
    return ClaimError(what, where=f"{path}:{line}", remedy=_remedy(path))


def _remedy(path: Path) -> str:
    claims = path.name.removesuffix(SUFFIX)
    again = f"python -m bench claims --check --file claims/{claims}.toml --document README.md"
    return f"remove it, or store it again: {again}"
