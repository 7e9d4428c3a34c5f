"""The text of a file of claims, and where a mistake in it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.errors import BenchError

TABLE = re.compile(r"^\s*\[")
JSON_PATH = re.compile(r" - at `\$\.(\w+)[^`]*`")


def one_line(text: str) -> str:
    """The text with one blank for whatever a terminal or a page should not be sent."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shown(key: str) -> str:
    """A key or a table's name as a message tells it."""
    return key if key.isprintable() else ascii(key)[1:-1]


def misfit(error: msgspec.ValidationError) -> tuple[str, str]:
    """What does not fit a record, and the key it is about; no key where one is missing."""
    key = found[1] if (found := JSON_PATH.search(str(error))) else ""
    return JSON_PATH.sub(f" in '{key}'", str(error)).replace("Object missing", "missing"), key


class ClaimError(BenchError):
    """A file of claims that cannot be used."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a file of claims; line and column count from 1."""

    path: Path
    what: str
    remedy: str
    line: int | None = None
    column: int = 1

    def error(self) -> ClaimError:
        """The same as an error."""
        where = f"{self.path}:{self.line}:{self.column}" if self.line else str(self.path)
        return ClaimError(self.what, where=where, remedy=self.remedy)


@dataclass(frozen=True)
class Source:
    """The file's text, and where each of its `[[claim]]` tables begins."""

    path: Path
    lines: tuple[str, ...]
    headers: tuple[int, ...]  # from 0

    def in_file(self, what: str, remedy: str, name: str) -> Problem:
        """A mistake of the file as a whole: at the line that names it."""
        named = re.compile(rf"^\s*(\[+\s*)?[\"']?{re.escape(name)}\b")
        at = next((at for at, line in enumerate(self.lines) if named.match(line)), None)
        return Problem(self.path, what, remedy, None if at is None else at + 1)

    def in_table(self, table: str, what: str, remedy: str, key: str = "") -> Problem:
        """A mistake in a table that stands once, such as `[document]`: at the key, else there."""
        header = re.compile(rf"^\s*\[\s*{table}\s*\]")
        starts = [at for at, line in enumerate(self.lines) if header.match(line)]
        if not starts:  # written in line
            return Problem(self.path, f"[{table}]: {what}", remedy)
        return self._between(starts[0], self._end(starts[0]), f"[{table}]: {what}", remedy, key)

    def problem(self, number: int, what: str, remedy: str, key: str = "") -> Problem:
        """A mistake in the claim of that number (from 0): at the key, else at its table."""
        if number >= len(self.headers):  # written in line, or a quote holds such a header
            return Problem(self.path, f"claim {number + 1}: {what}", remedy)
        following = self.headers[number + 1 : number + 2]
        end = following[0] if following else len(self.lines)
        return self._between(self.headers[number], end, what, remedy, key)

    def _end(self, start: int) -> int:
        """Where the next table begins, or the text ends."""
        rest = range(start + 1, len(self.lines))
        return next((at for at in rest if TABLE.match(self.lines[at])), len(self.lines))

    def _between(self, start: int, end: int, what: str, remedy: str, key: str) -> Problem:
        """At the key of the table whose header stands at `start`, else at the header."""
        for at in range(start + 1, end):
            found = re.match(rf"(\s*)[\"']?{re.escape(key)}[\"']?\s*=", self.lines[at])
            if key and found:
                return Problem(self.path, what, remedy, at + 1, len(found[1]) + 1)
        return Problem(self.path, what, remedy, start + 1)
