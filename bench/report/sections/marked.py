"""The documents themselves: each claimed number underlined by its verdict, a link to its card."""

from __future__ import annotations

from bench.report.model import PageKind, Scope, Section
from bench.report.parts.marking import documents
from bench.report.summary import Summary

ORDER = 20
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("document",)
TEXT = (
    "Each claimed number is underlined by the verdict of its statement. Point at one, or move to "
    "it with Tab, to see what was measured. Follow it to its card, with the rule and the records."
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    marked = tuple(documents(summary))
    if not marked:
        return None
    return Section(title="The document, marked", nav="Marked", text=(TEXT,), marked=marked)
