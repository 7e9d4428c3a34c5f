"""The ledger of claims: each published statement, what was measured, the verdict."""

from __future__ import annotations

from bench.claims.evidence import Held, arranged
from bench.claims.ledger import Entry, ledger, tally
from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._format import MINUS, integer
from bench.sections._summary import Summary

ORDER = 87
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Claim", numeric=False),
    Column("Verdict", numeric=False),
    Column("Measured"),
    Column("Published"),
    Column("Rule", numeric=False),
    Column("n"),
    Column("Stands on", numeric=False),
)
TEXT = (
    (
        "Every statement of the files of claims, with its verdict. Structure is compared to the "
        "last digit given; a single run's accuracy with the 95% prediction interval of one more "
        "run; a mean with its 95% t interval; “consistently” with the bounds of a rate. "
        "“Inconsistent” is what the document itself contradicts; “undecided” says how many seeds "
        "are missing."
    ),
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    if not summary.claims or not (summary.portraits or summary.arms):
        return None
    held = Held(summary.suite, summary.runs, summary.portraits, summary.protocol)
    entries = ledger(summary.claims, arranged([held], summary.claims))
    return Section(
        title="Claims",
        text=TEXT,
        tables=(_tally(entries), _table(entries)),
    )


def _tally(entries: list[Entry]) -> Table:
    rows = [(Cell(verdict), Cell(integer(count))) for verdict, count in tally(entries).items()]
    return Table(
        caption="Verdicts",
        columns=(Column("Verdict", numeric=False), Column("Claims")),
        rows=tuple(rows),
        total=((Cell("Total"), Cell(integer(len(entries)))),),
    )


def _table(entries: list[Entry]) -> Table:
    return Table(caption="Ledger", columns=COLUMNS, rows=tuple(_row(entry) for entry in entries))


def _row(entry: Entry) -> tuple[Cell, ...]:
    claim, judged = entry.claim, entry.judged
    return (
        Cell(claim.id, f"{claim.file}, line {claim.line}: {claim.quote}"),
        Cell(judged.verdict),
        Cell(_signed(entry.measured_words)),
        Cell(_signed(entry.published_words)),
        Cell(judged.rule),
        Cell("" if judged.n is None else integer(judged.n)),
        Cell(entry.stands_on_words),
    )


def _signed(words: str) -> str:
    return words.replace("-", MINUS) if words.startswith("-") else words
