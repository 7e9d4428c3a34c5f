"""Files of claims -> claims and documents. Every mistake is told with its line and column.

A file begins with the tables `[document]` and `[objective]`, both of which may be left out, and
goes on with `[[claim]]` tables; see `bench.spec` for the keys and `docs/claims.md` for how to write
one. `file` is filled in from the file's name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.errors import nearest
from bench.evidence.claims.heads import head
from bench.evidence.claims.sources import ClaimError, Problem, Source, misfit, shown
from bench.evidence.claims.wants import KEYS, quoted, wants
from bench.machine import MOST_TEXT_BYTES, read_plain, text_of, write_atomically
from bench.spec import Claim, Document
from bench.stats.format import count, plain

HEADER = re.compile(r"^\s*\[\[\s*claim\s*\]\]")
POSITION = re.compile(r"\s*\(at line (\d+), column (\d+)\)")
LINE = re.compile(r"(\s*[\"']?line[\"']?\s*=\s*)\+?[0-9_]+")
DOCUMENT = "document"  # the subject of what a text says of itself
AT_END = re.compile(r"\s*\(at end of document\)")


@dataclass(frozen=True)
class Published:
    """What files of claims hold: a document each, and what it says."""

    claims: list[Claim] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)


def load(folder: Path) -> Published:
    """Every file of the folder, in the order of files and of lines.

    Raises:
        ClaimError: the first mistake; see `problems`. A missing folder holds no claims.
    """
    return load_files(sorted(folder.glob("*.toml")))


def load_files(paths: Iterable[Path]) -> Published:
    """The files, in their order.

    Raises:
        ClaimError: the first mistake; see `problems`.
    """
    found = placed(paths)
    if found.problems:
        raise found.problems[0].error()
    return Published([row.claim for row in found.rows], found.documents)


def about(subjects: Collection[str], claims: Iterable[Claim]) -> list[Claim]:
    """Whole files of claims: those that speak of one of these architectures at least."""
    every = list(claims)
    files = {claim.file for claim in every if claim.subject in subjects}
    return [claim for claim in every if claim.file in files]


def read(paths: Iterable[Path]) -> tuple[list[Claim], list[Problem]]:
    """The claims that can be used, and every mistake.

    A mistake is unreadable TOML, no claims, a wrong, missing or unknown key, an unknown metric, a
    metric without what it needs, a term that is no claim, or one id twice.
    """
    found = placed(paths)
    return [row.claim for row in found.rows], found.problems


def read_lines(path: Path, what: str, remedy: str) -> list[str]:
    """The lines of a text file; raises ClaimError with these words where it cannot be read."""
    return read_bytes(path, what, remedy).decode("utf-8").splitlines()


def read_bytes(path: Path, what: str, remedy: str) -> bytes:
    """A text file as its bytes, which are UTF-8; raises ClaimError with these words if not."""
    try:
        content = read_plain(path, MOST_TEXT_BYTES)
        content.decode("utf-8")
        return content
    except (OSError, UnicodeDecodeError) as error:
        raise ClaimError(f"{what}: {_reason(error)}", where=str(path), remedy=remedy) from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return getattr(error, "strerror", None) or str(error)


def misquoted(paths: Iterable[Path], document: Path) -> list[Problem]:
    """Every quote that is not on its line of the document.

    Raises:
        ClaimError: the document cannot be read.
    """
    found = []
    for (claim, source, number), elsewhere in _astray(placed(paths).rows, document):
        places = f"it is on line {', '.join(map(str, elsewhere))}"
        once = f"{places}; --renumber writes it" if len(elsewhere) == 1 else places
        remedy = once if elsewhere else "quote its exact words"
        what = (
            f"line {claim.line} of {document} does not hold {quoted(claim.quote)}, "
            f"the quote of '{claim.id}'"
        )
        found.append(source.problem(number, what, remedy, "line" if elsewhere else "quote"))
    return found


def _astray(rows: Iterable[Placed], document: Path) -> Iterator[tuple[Placed, list[int]]]:
    """Each claim whose quote is not on its line, and the lines that hold the quote, from 1."""
    lines = read_lines(document, "unreadable", "give the text that the claims quote")
    for row in rows:
        quote = row.claim.quote
        if quote not in "".join(lines[row.claim.line - 1 : row.claim.line]):
            yield row, [at for at, line in enumerate(lines, start=1) if quote in line]


def renumber(paths: Iterable[Path], document: Path) -> list[str]:
    """Writes the new line of each quote that moved, where just one other line holds it.

    Nothing else in a file changes. A file that says it is about another document stays as it is.

    Returns:
        A line for each file that changed.

    Raises:
        ClaimError: the document cannot be read.
        StoreError: a file cannot be written.
    """
    said = []
    for path in paths:
        read = placed([path])
        if any(Path(each.file or document).name != document.name for each in read.documents):
            continue
        text = read_bytes(path, "unreadable claims", "give a UTF-8 text file").decode()
        rows, n = text.splitlines(keepends=True), 0
        for row, elsewhere in _astray(read.rows, document):
            at = row.problem("", "", "line").line
            old = LINE.match(rows[at - 1]) if at else None
            if at and old and len(elsewhere) == 1:
                rows[at - 1] = f"{old[1]}{elsewhere[0]}{rows[at - 1][old.end() :]}"
                n += 1
        if n:
            write_atomically(path, "".join(rows).encode())
            said.append(
                f"{path}: {plain(count(n, 'claim'))} {'has' if n == 1 else 'have'} a new line"
            )
    return said


class Placed(NamedTuple):
    """A claim, and the table of the file that it was read from."""

    claim: Claim
    source: Source
    number: int  # of the table, from 0

    def problem(self, what: str, remedy: str, key: str) -> Problem:
        """A mistake at one of the claim's keys."""
        return self.source.problem(self.number, what, remedy, key)


@dataclass(frozen=True)
class Read:
    """What files of claims hold.

    Attributes:
        rows: The claims that can be used, each with its place.
        documents: One a file whose tables are in order.
        problems: Every mistake.
    """

    rows: list[Placed] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def placed(paths: Iterable[Path]) -> Read:
    """Every claim, document and mistake of the files; see `read`."""
    read = Read()
    for path in paths:
        parsed = _parse(path)
        if isinstance(parsed, Problem):
            read.problems.append(parsed)
            continue
        source, content = parsed
        document, mistakes = head(content, source)
        read.problems.extend(mistakes)
        read.rows.extend(_rows(content["claim"], source, document, read.problems))
        read.documents.append(_with_networks(document, read.rows))
    read.problems.extend(_between(read.rows))
    return read


def _rows(
    tables: list[Any], source: Source, document: Document, problems: list[Problem]
) -> Iterator[Placed]:
    """The claims that can be used; a claim without a data set is of its document's."""
    for number, row in enumerate(tables):
        mistakes = list(_mistakes(row, source, number))
        problems += mistakes
        if not mistakes:
            whole = {"dataset": document.dataset, **row, "file": source.path.stem}
            yield Placed(msgspec.convert(whole, Claim), source, number)


def _with_networks(document: Document, rows: Iterable[Placed]) -> Document:
    """The same; where its head names no networks, they are the subjects of its claims."""
    own = (row.claim.subject for row in rows if row.claim.file == document.name)
    subjects = tuple(dict.fromkeys(name for name in own if name != DOCUMENT))
    return msgspec.structs.replace(document, networks=document.networks or subjects)


def _parse(path: Path) -> tuple[Source, dict[str, Any]] | Problem:
    """The file's content; the problem of a file that holds no claims at all."""
    try:
        text = text_of(path)
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        what, remedy = f"unreadable claims: {_reason(error)}", "give a UTF-8 text file"
        return Problem(path, what, remedy)
    except tomllib.TOMLDecodeError as error:
        return _syntax(path, str(error), text)
    except RecursionError:
        return Problem(path, "unreadable claims: nested too deeply", "write [[claim]] tables")
    except ValueError as error:  # an integer of more digits than Python reads
        return Problem(path, f"unreadable claims: {error}", "give a shorter number")
    rows = content.get("claim")
    if not isinstance(rows, list) or not rows:
        remedy = "add a [[claim]] table, or remove the file"
        return Problem(path, "no claims in the file", remedy)
    lines = tuple(text.splitlines())
    headers = tuple(at for at, line in enumerate(lines) if HEADER.match(line))
    return Source(path, lines, headers), content


def _syntax(path: Path, message: str, text: str) -> Problem:
    """tomllib says where in words."""
    at = POSITION.search(message)
    lines = text.splitlines() or [""]
    line, column = (int(at[1]), int(at[2])) if at else (len(lines), len(lines[-1]) + 1)
    what = AT_END.sub(" at the end of the file", POSITION.sub("", message))
    return Problem(path, f"unreadable claims: {what}", "mend the TOML", line, column)


def _mistakes(row: Any, source: Source, number: int) -> Iterator[Problem]:
    """What is wrong with one table, each with its place."""
    if not isinstance(row, dict):
        yield source.problem(number, "bad claim: no table", "write [[claim]] and keys below it")
        return
    unknown = [key for key in row if key not in KEYS]
    for key in unknown:
        yield source.problem(number, f"unknown key '{shown(key)}'", nearest(key, list(KEYS)), key)
    try:
        claim = msgspec.convert({**row, "file": source.path.stem}, Claim)
    except msgspec.ValidationError as error:
        what, key = misfit(error)
        remedy = f"a claim has the keys {', '.join(KEYS)}"
        yield source.problem(number, f"bad claim: {what}", remedy, key)
        return
    for what, remedy, key in wants(claim, row.keys()):
        yield source.problem(number, f"bad claim: {what}", remedy, key)


def _between(placed: list[Placed]) -> Iterator[Problem]:
    """What several claims do to each other."""
    first: dict[str, str] = {}
    for claim, source, number in placed:
        if claim.id in first:
            what = f"two claims with the id '{claim.id}'; the first is in {first[claim.id]}"
            yield source.problem(number, what, "give each claim its own id", "id")
        first.setdefault(claim.id, source.path.name)
    for claim, source, number in placed:
        for term in claim.terms:
            if term not in first or term == claim.id:
                what = f"bad claim: the term '{term}' is not the id of another claim"
                yield source.problem(number, what, nearest(term, sorted(first)), "terms")
