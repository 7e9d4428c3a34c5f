"""The ledger of claims on a page: a tally, and a card for each statement."""

from __future__ import annotations

from bench.report.model import PageKind, Scope, Section
from bench.report.parts.cards import cards
from bench.report.parts.statements import TEXT, settings_note, tally_table
from bench.report.summary import Summary

ORDER = 37
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("document",)
STRIPS = (
    "In a strip one dot is one run. The stroke is the mean of the runs. The triangle is the "
    "published number. The grey band is the interval that it is compared with. A dashed line is a "
    "number that runs must reach; a filled dot reached it."
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    judged = summary.ledger
    if not judged:
        return None
    return Section(
        title="Claims",
        text=(TEXT, STRIPS),
        tables=(tally_table(judged),),
        cards=cards(summary),
        notes=settings_note(judged),
    )
