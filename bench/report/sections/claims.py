"""The ledger of claims: each published statement, what was measured, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from bench.evidence.claims.gather import Value
from bench.evidence.claims.ledger import VERDICTS, Entry, tally
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.stats.format import MINUS, integer

ORDER = 35
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
COLUMNS = (
    Column("Claim", numeric=False),
    Column("Verdict", numeric=False, filter=True),
    Column("About", numeric=False, filter=True),
    Column("Published"),
    Column("Measured"),
    Column("n", note="runs"),
    Column("Rule", numeric=False, note="and what it stands on"),
)
LEDGER, VERDICT_COLUMN = "claims-2", 2  # the section's second table, its second column
WORDS = {  # what each verdict means, in the tally
    "confirmed": "the records bear it out",
    "refuted": "the records contradict it",
    "inconsistent": "the document contradicts itself",
    "undecided": "more seeds or measures are needed; the rule says how many",
    "not comparable": "the records are of another data set, recipe or source",
    "not checkable": "no record could decide it; the rule says why",
}
TEXT = (
    "Every statement of the files of claims, with its verdict. Structure is compared to the "
    "last digit given; a single run's accuracy with the 95% prediction interval of one more "
    "run; a mean with its 95% t interval; “consistently” with the bounds of a rate; "
    "a technique by an exact test against the network without it, with Holm's correction over "
    "the gains that one document claims."
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    judged = summary.ledger
    if not judged:
        return None
    table = Table(
        caption=f"Ledger of {integer(len(judged))} claims",
        columns=COLUMNS,
        rows=tuple(_row(summary, entry) for entry in judged),
        folded=True,
    )
    return Section(title="Claims", text=(TEXT,), tables=(_tally(judged), table))


def _tally(judged: Sequence[Entry]) -> Table:
    counts = tally(judged)
    return Table(
        caption="Verdicts",
        columns=(
            Column("Verdict", numeric=False),
            Column("Claims"),
            Column("Meaning", numeric=False),
        ),
        rows=tuple(
            (Cell(verdict, href=_only(verdict)), Cell(integer(count)), Cell(WORDS[verdict]))
            for verdict, count in counts.items()
        ),
        total=((Cell("Total"), Cell(integer(len(judged))), Cell("")),),
        sortable=False,
    )


def _only(verdict: str) -> str:
    """The page's own address with the ledger open, of this verdict alone."""
    chosen = quote(f"{LEDGER}.{VERDICT_COLUMN}.{verdict}")
    return f"#claims?filter={chosen}&open={LEDGER}"


def _row(summary: Summary, entry: Entry) -> tuple[Cell, ...]:
    claim, judged = entry.claim, entry.judged
    known = claim.subject in summary.shown
    about = summary.display_name(claim.subject)
    return (
        Cell(
            claim.id,
            f"{claim.file}, line {claim.line}: {claim.quote}",
            series=claim.subject if known else "",
            anchor=f"claim-{claim.id}",
        ),
        Cell(judged.verdict, sort=VERDICTS.index(judged.verdict)),
        Cell(about, href=summary.page_of(claim.subject) if known else ""),
        Cell(_signed(entry.published_words), sort=_number(entry.published)),
        Cell(_signed(entry.measured_words), sort=_number(judged.measured)),
        Cell("" if judged.n is None else integer(judged.n), sort=judged.n),
        Cell(judged.rule, entry.stands_on_words),
    )


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def _signed(words: str) -> str:
    return words.replace("-", MINUS) if words.startswith("-") else words
