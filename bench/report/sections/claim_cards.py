"""The ledger of claims on a page: a tally, and a card for each statement."""

from __future__ import annotations

from bench.report.model import PageKind, Scope, Section
from bench.report.parts.cards import cards
from bench.report.parts.statements import TEXT, settings_note, tally_table
from bench.report.summary import Summary

ORDER = 37
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("document",)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    judged = summary.ledger
    if not judged:
        return None
    return Section(
        title="Claims",
        text=(TEXT,),
        tables=(tally_table(judged),),
        cards=cards(summary),
        notes=settings_note(judged),
    )
