"""The report's results table inside a README, between two marker comments."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bench.errors import UsageError
from bench.store import write_atomically

BEGIN, END = "<!-- results -->", "<!-- /results -->"


def update(document: Path, report: Path) -> bool:
    """Puts the results table of `report.md` between the markers of a Markdown document.

    Args:
        document: A Markdown file with the two marker comments, each once.
        report: The rendered `report.md`.

    Returns:
        Whether the document changed.

    Raises:
        UsageError: no such file, or no pair of markers in it.
    """
    try:
        text = document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot be read: {error}", where=str(document), remedy="name a Markdown file"
        ) from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before:
        raise UsageError(
            "no pair of markers", where=str(document), remedy=f"write {BEGIN} and {END} once each"
        )
    new = f"{before}{BEGIN}\n{results_table(report, document)}{END}{after}"
    if new != text:
        write_atomically(document, new.encode())
    return new != text


def results_table(report: Path, document: Path) -> str:
    """The first table of the report's results, its links relative to the document."""
    section = report.read_text(encoding="utf-8").partition("\n## Results\n")[2]
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    folder = Path(os.path.relpath(report.resolve().parent, document.resolve().parent)).as_posix()
    return "".join(re.sub(r"\]\((?=[\w.])", f"]({folder}/", row) + "\n" for row in rows)
