"""What the documents state about one architecture, each statement with a link to its card."""

from __future__ import annotations

from collections.abc import Sequence

from bench.evidence.claims.ledger import Entry, Sentence, verdict_words
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table, words
from bench.report.parts.cards import metric_words
from bench.report.parts.marking import PAGE, anchor, around_number, in_order, link_to
from bench.report.parts.statements import documents_of, signed
from bench.report.summary import Summary
from bench.stats.format import integer

ORDER = 21
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("architecture",)
COLUMNS = (
    *words("Statement", "About"),
    Column("Published"),
    Column("Measured"),
    Column("n", note="runs"),
    Column("Verdict", numeric=False, filter=True),
)


def section(summary: Summary) -> Section | None:
    """None where no document speaks of it, or nothing is there to judge by."""
    own = [entry for entry in in_order(summary) if entry.claim.subject in _names(summary)]
    if not own:
        return None
    evidence = [entry for entry in own if not _is_setting(entry)]
    settings = [entry for entry in own if _is_setting(entry)]
    on_runs = [entry for entry in evidence if _is_first(entry)]
    others = [entry for entry in evidence if not _is_first(entry)]
    tables = (
        _table(summary, "Statements about runs, and statements that do not hold", on_runs),
        _table(summary, "Statements on structure and arithmetic that hold", others, folded=True),
        _table(summary, "Settings that were typed from the document", settings, folded=True),
    )
    return Section(
        title=f"Statements of the {documents_of(own)} about it",
        nav="Claims",
        tables=tuple(table for table in tables if table.rows),
    )


def _names(summary: Summary) -> set[str]:
    """The architecture of this page."""
    return {arm.architecture for arm in summary.arms} | {
        portrait.architecture for portrait in summary.portraits
    }


def _is_first(entry: Entry) -> bool:
    return entry.kind == "runs" or _is_open(entry)


def _is_open(entry: Entry) -> bool:
    return Sentence((entry,)).is_open


def _is_setting(entry: Entry) -> bool:
    return Sentence((entry,)).is_setting and not _is_open(entry)


def _table(
    summary: Summary, caption: str, entries: Sequence[Entry], *, folded: bool = False
) -> Table:
    rows = tuple(_row(summary, entry) for entry in entries)
    return Table(caption, COLUMNS, rows, folded=folded, sortable=False)


def _row(summary: Summary, entry: Entry) -> tuple[Cell, ...]:
    claim, judged = entry.claim, entry.judged
    card = f"{summary.base}{PAGE}{link_to(anchor(claim.id))}"
    return (
        Cell(
            f"“{around_number(claim.quote, Sentence((entry,)))}”", f"line {claim.line}", href=card
        ),
        Cell(metric_words(entry)),
        Cell(signed(entry.published_words)),
        Cell(signed(entry.measured_words)),
        Cell("" if judged.n is None else integer(judged.n)),
        Cell(verdict_words(judged.verdict)),
    )
