"""Pieces of the report as Markdown: to paste, or between two marker comments of a document.

A piece is named as its section: `results`, and `results-mnist5k` of a further data set. Without
more said it is the section's first table, its figures where it has no table, else all of it;
`results:all`, `results:table`, `results:figures` and `results:text` say which. Names of
architectures keep only their rows of its tables: `leaderboard=first,second`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import UsageError, in_one_line, nearest
from bench.machine import MOST_TEXT_BYTES, read_plain, write_atomically
from bench.records.store import Suite
from bench.report import pages
from bench.report.model import Section
from bench.report.reading import read_records
from bench.report.sections import SectionFile, fault, found, named, slug
from bench.report.summary import Summary

NAME = r"[a-z0-9][a-z0-9_-]*(?::[a-z]+)?(?:=[a-z0-9_,]+)?"
MARKER = re.compile(rf"<!-- (?P<closing>/?)(?P<name>{NAME}) -->")
# Fenced code and code in a line, where a marker is only spoken of.
CODE = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?(^(?P=fence)|\Z)|`[^`\n]+`", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A suite's summaries, and the reports folder in which the links of its report begin."""

    summaries: tuple[Summary, ...]
    reports: Path


def source(suite: Suite, reports: Path, command: str, groups: Sequence[str] = ()) -> Source:
    """The suite, read; about the architectures of some groups where groups are given.

    Raises:
        UsageError: it holds nothing, or no such group.
        StoreError: a record cannot be read.
        ClaimError: a file of claims cannot be used.
    """
    return Source(tuple(read_records(suite, reports, command, groups)), reports)


def check(names: Sequence[str]) -> None:
    """Raises UsageError for a name that no section can have, with the nearest that one has."""
    known = [slug(file) for file in found("markdown", "fragment")]
    for name in names:
        section, part, _ = _parsed(name)
        if section not in known and not section.startswith(tuple(f"{each}-" for each in known)):
            remedy = nearest(section, known)
            raise UsageError(f"no section '{section}'", where="report", remedy=remedy)
        if ":" in name and part not in [*PARTS][1:]:
            said = f"unknown part '{part}' of section '{section}'"
            raise UsageError(said, where="report", remedy=nearest(part, [*PARTS][1:]))


def fragment(suite: Source, name: str, folder: Path) -> str:
    """A piece of the report.

    Args:
        suite: Of whose records.
        name: As above.
        folder: From which its links are followed.

    Raises:
        UsageError: no such section, part or architecture, or one with nothing to say about this
            suite.
    """
    check([name])
    wanted, part, architectures = _parsed(name)
    file, summary = _lookup(suite, wanted)
    try:
        section = file.section(summary)
    except (Exception, SystemExit) as error:  # of records that nobody foresaw, or of a plug-in
        raise fault(file, in_one_line(error)) from error
    chosen = None if section is None else PARTS[part](section)
    if chosen is None:
        said = f"'{name}' has nothing to say about suite '{summary.suite}'"
        raise UsageError(said, where="report", remedy="name another section or part")
    shown = _rows(chosen, architectures) if architectures else chosen
    text = pages.markdown_section(shown, pages.followed_from(folder, suite.reports, summary))
    if part == "table" or (not part and chosen.tables and chosen != section):
        text = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("|"))
    return text


def update(document: Path, suite: Source, names: Sequence[str] = ()) -> bool:
    """Puts pieces of the report between the markers of a Markdown document.

    Args:
        document: A Markdown file with pairs of marker comments, such as `<!-- results -->` and
            `<!-- /results -->`, each name once.
        suite: Of whose records.
        names: The pairs to renew, which must be there; all where none is given.

    Returns:
        Whether the document changed.

    Raises:
        UsageError: no such file, or no pair of markers in it; it is left as it is.
        StoreError: the file cannot be written.
    """
    text = _read(document)
    spans = _spans(text, document, names)
    new, line_end = text, "\r\n" if "\r\n" in text else "\n"
    for name, (begin, end) in sorted(spans.items(), key=lambda each: -each[1][0]):
        if not names or name in names:
            piece = f"\n{fragment(suite, name, document.parent)}".replace("\n", line_end)
            new = new[:begin] + piece + new[end:]
    if new != text:
        write_atomically(document.resolve(), new.encode())
    return new != text


def require_markers(document: Path, names: Sequence[str] = ()) -> None:
    """Raises UsageError where `update` would, before anything is rendered."""
    _spans(_read(document), document, names)


def _spans(text: str, document: Path, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Name -> where the text between its markers begins and ends.

    Comments of other tools are none of ours: a marker names a section, or has another half.
    """
    plain = CODE.sub(lambda code: " " * len(code[0]), text)
    markers = list(MARKER.finditer(plain))
    closed = {marker["name"] for marker in markers if marker["closing"]}
    known = {slug(file) for file in found("markdown", "fragment")}
    ours = [m for m in markers if m["name"] in closed or m["name"].partition(":")[0] in known]
    spans: dict[str, tuple[int, int]] = {}
    for number, marker in enumerate(ours):
        name, before = marker["name"], ours[number - 1] if number % 2 else None
        if bool(marker["closing"]) != (before is not None) or (before and before["name"] != name):
            line = text.count("\n", 0, marker.start()) + 1
            raise _unmatched(document, f"{marker[0]} in line {line} has no other half", name)
        if name in spans:
            raise _unmatched(document, f"'{name}' appears twice", name)
        if before is not None:
            spans[name] = before.end(), marker.start()
    if len(ours) % 2:
        raise _unmatched(document, f"{ours[-1][0]} is never closed", ours[-1]["name"])
    missing = [name for name in names if name not in spans]
    if missing or not spans:
        name = missing[0] if missing else "results"
        raise _unmatched(document, f"there is none for '{name}'", name)
    check(list(spans))
    return spans


def _unmatched(document: Path, what: str, name: str) -> UsageError:
    remedy = f"write <!-- {name} --> and <!-- /{name} --> once each"
    return UsageError(f"no pair of markers: {what}", where=str(document), remedy=remedy)


def _lookup(suite: Source, name: str) -> tuple[SectionFile, Summary]:
    """The section of that name, and the data set that it is about."""
    known = {
        label: (file, summary)
        for number, summary in enumerate(suite.summaries)
        for label, file in named(found("markdown", "fragment"), summary, number)
    }
    if name not in known:
        raise UsageError(
            f"no section '{name}'",
            where=f"suite '{suite.summaries[0].suite}'",
            remedy=nearest(name, list(known)),
        )
    return known[name]


def _parsed(name: str) -> tuple[str, str, tuple[str, ...]]:
    """A piece's section, part and architectures; what the name leaves out is empty."""
    head, equals, listed = name.partition("=")
    section, _, part = head.partition(":")
    return section, part, tuple(listed.split(",")) if equals else ()


def _rows(section: Section, architectures: Sequence[str]) -> Section:
    """The section with the rows of these architectures alone, as the whole tables have them.

    Raises:
        UsageError: no table has a row of one of them.
    """
    known = {row[0].series for table in section.tables for row in table.rows} - {""}
    for name in architectures:
        if name not in known:
            remedy = nearest(name, sorted(known))
            raise UsageError(f"no row of architecture '{name}'", where="report", remedy=remedy)
    tables = (
        replace(table, rows=tuple(row for row in table.rows if row[0].series in architectures))
        for table in section.tables
    )
    return replace(section, tables=tuple(tables))


def _table(section: Section) -> Section | None:
    """The first that a reader need not open."""
    open_ones = tuple(table for table in section.tables if not table.folded)
    return Section(title="", tables=open_ones[:1]) if open_ones else None


def _figures(section: Section) -> Section | None:
    return Section(title="", plots=section.plots) if section.plots else None


def _text(section: Section) -> Section | None:
    return Section(title="", text=section.text) if section.text else None


PARTS: dict[str, Callable[[Section], Section | None]] = {
    "": lambda section: _table(section) or _figures(section) or section,
    "all": lambda section: section,
    "table": _table,
    "figures": _figures,
    "text": _text,
}


def _read(path: Path) -> str:
    """The text with its own line ends."""
    try:
        return read_plain(path, MOST_TEXT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot be read: {message}", where=str(path), remedy="name a Markdown file"
        ) from error
