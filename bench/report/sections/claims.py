"""The ledger of claims: each published statement, what was measured, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from bench.evidence.claims.gather import Value
from bench.evidence.claims.ledger import VERDICTS, Entry, Sentence, verdict_words
from bench.evidence.claims.rules import ClaimVerdict
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.marking import around_number
from bench.report.parts.statements import TEXT, grouped, settings_note, signed, tally_table
from bench.report.summary import Summary
from bench.stats.format import integer

ORDER = 38
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("markdown",)  # a page has cards instead
COLUMNS = (
    Column("Statement", numeric=False, note="and its parts"),
    Column("Verdict", numeric=False, filter=True),
    Column("About", numeric=False),
    Column("Published"),
    Column("Measured"),
    Column("n", note="runs"),
    Column("Rule", numeric=False, note="and what it stands on"),
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    judged = summary.ledger
    if not judged:
        return None
    tables = [
        _table(summary, f"{file}: {words}", found, folded)
        for file, words, found, folded in grouped(judged)
    ]
    return Section(
        title="Claims",
        text=(TEXT,),
        tables=(tally_table(judged), *tables),
        notes=settings_note(judged),
    )


def _table(summary: Summary, caption: str, said: Sequence[Sentence], folded: bool) -> Table:
    rows = tuple(row for sentence in said for row in _rows(summary, sentence))
    return Table(caption=caption, columns=COLUMNS, rows=rows, folded=folded, sortable=False)


def _rows(summary: Summary, said: Sentence) -> list[tuple[Cell, ...]]:
    """The sentence in a row, and its parts below it where it has several."""
    quote, line = f"“{around_number(said.claim.quote, said)}”", f"line {said.claim.line}"
    if len(said.parts) == 1:
        return [_row(summary, said.parts[0], quote, f"{line}: {said.claim.id}")]
    subjects = {part.claim.subject for part in said.parts}
    series = subjects.pop() if len(subjects) == 1 else ""
    first = Cell(quote, line, series=series if series in summary.shown else "")
    whole = (first, _verdict(said.verdict), *(Cell("") for _ in COLUMNS[2:]))
    return [whole, *(_row(summary, part, part.claim.id, line) for part in said.parts)]


def _row(summary: Summary, part: Entry, text: str, note: str) -> tuple[Cell, ...]:
    claim, judged = part.claim, part.judged
    known = claim.subject in summary.shown
    return (
        Cell(text, note, series=claim.subject if known else "", anchor=f"claim-{claim.id}"),
        _verdict(judged.verdict),
        Cell(
            summary.display_name(claim.subject),
            href=summary.page_of(claim.subject) if known else "",
        ),
        Cell(signed(part.published_words), sort=_number(part.published)),
        Cell(signed(part.measured_words), sort=_number(judged.measured)),
        Cell("" if judged.n is None else integer(judged.n), sort=judged.n),
        Cell(judged.rule, part.stands_on_words),
    )


def _verdict(verdict: ClaimVerdict) -> Cell:
    return Cell(verdict_words(verdict), sort=VERDICTS.index(verdict))


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
