"""The architecture's own words and its code."""

from __future__ import annotations

from bench.report.model import Listing, PageKind, Scope, Section
from bench.report.summary import Summary

ORDER = 85
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("architecture",)


def section(summary: Summary) -> Section | None:
    """None where no portrait was taken."""
    listings = tuple(
        listing
        for portrait in summary.portraits
        for listing in (
            Listing("Docstring", portrait.docstring),
            Listing(
                f"Source, digest {portrait.architecture_digest[:12]}", portrait.source, folded=True
            ),
        )
        if listing.text
    )
    return (
        Section(title="Docstring and source", nav="Source", listings=listings) if listings else None
    )
