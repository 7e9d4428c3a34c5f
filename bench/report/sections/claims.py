"""The ledger of claims: each published statement, what was measured, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from bench.evidence.claims.gather import Value
from bench.evidence.claims.ledger import (
    KINDS,
    VERDICTS,
    Entry,
    Sentence,
    sentences,
    settings_words,
    tally,
    tally_of,
    verdict_words,
)
from bench.evidence.claims.rules import ClaimVerdict
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.summary import Summary
from bench.stats.format import MINUS, integer

ORDER = 38
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("document", "markdown")
COLUMNS = (
    Column("Statement", numeric=False, note="and its parts"),
    Column("Verdict", numeric=False, filter=True),
    Column("About", numeric=False),
    Column("Published"),
    Column("Measured"),
    Column("n", note="runs"),
    Column("Rule", numeric=False, note="and what it stands on"),
)
WORDS: dict[ClaimVerdict, str] = {  # what each verdict means, in the tally
    "refuted": "the records contradict it",
    "not consistent": "a single run's number that one more of our runs would not give",
    "inconsistent": "the document says something else elsewhere",
    "undecided": "more seeds or measures are needed; the rule says how many",
    "not comparable": "the records are of another data set, recipe or source",
    "consistent": "a single run's number that one more of our runs could give; no confirmation",
    "confirmed": "the records bear it out",
    "not checkable": "no record could decide it; the rule says why",
}
TEXT = (
    "What the documents state, with a verdict for each statement. Structure is compared to the "
    "last digit given; a single run's number with the 95% prediction interval of one more "
    "run; a mean with its 95% t interval; “consistently” with the bounds of a rate; "
    "a technique by an exact test against the network without it, with Holm's correction over "
    "the gains that one document claims. A statement, and so a line, has the worst verdict of its "
    "parts."
)
# Of each document: what the table holds, which sentences those are, whether it is folded.
TABLES: tuple[tuple[str, Callable[[Sentence], bool], bool], ...] = (
    ("what does not hold or is undecided", lambda said: said.is_open, False),
    ("the other statements", lambda said: not said.is_open and not said.is_setting, True),
    (
        "settings that were typed from it, no evidence",
        lambda said: not said.is_open and said.is_setting,
        True,
    ),
)


def section(summary: Summary) -> Section | None:
    """None where nothing is claimed, or nothing is there to judge by."""
    judged = summary.ledger
    if not judged:
        return None
    tables = [_tally(judged)]
    for file, of_file in groupby(sentences(judged), key=lambda said: said.claim.file):
        said = list(of_file)
        for words, belongs, folded in TABLES:
            if found := [sentence for sentence in said if belongs(sentence)]:
                tables.append(_table(summary, f"{file}: {words}", found, folded))
    settings = tally_of(judged, "settings")
    notes = (f"Not in the tally: {settings_words(settings)}.",) if settings else ()
    return Section(title="Claims", text=(TEXT,), tables=tuple(tables), notes=notes)


def _tally(judged: Sequence[Entry]) -> Table:
    """Lines by verdict; a line that rests on several kinds counts in each of their columns."""
    by_kind = [tally_of(judged, kind) for kind in KINDS]
    counts = [tally(judged), *by_kind]
    return Table(
        caption="Lines of the documents by verdict and by what they rest on",
        columns=(
            Column("Verdict", numeric=False),
            Column("Lines", note="each once"),
            *(Column(kind.capitalize()) for kind in KINDS),
            Column("Meaning", numeric=False),
        ),
        rows=tuple(
            (
                Cell(verdict_words(verdict)),
                *(Cell(integer(each.get(verdict, 0))) for each in counts),
                Cell(WORDS[verdict]),
            )
            for verdict in counts[0]
        ),
        total=((Cell("Total"), *(Cell(integer(sum(each.values()))) for each in counts), Cell("")),),
        sortable=False,
    )


def _table(summary: Summary, caption: str, said: Sequence[Sentence], folded: bool) -> Table:
    rows = tuple(row for sentence in said for row in _rows(summary, sentence))
    return Table(caption=caption, columns=COLUMNS, rows=rows, folded=folded, sortable=False)


def _rows(summary: Summary, said: Sentence) -> list[tuple[Cell, ...]]:
    """The sentence in a row, and its parts below it where it has several."""
    quote, line = f"“{said.claim.quote}”", f"line {said.claim.line}"
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
        Cell(_signed(part.published_words), sort=_number(part.published)),
        Cell(_signed(part.measured_words), sort=_number(judged.measured)),
        Cell("" if judged.n is None else integer(judged.n), sort=judged.n),
        Cell(judged.rule, part.stands_on_words),
    )


def _verdict(verdict: ClaimVerdict) -> Cell:
    return Cell(verdict_words(verdict), sort=VERDICTS.index(verdict))


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def _signed(words: str) -> str:
    return words.replace("-", MINUS) if words.startswith("-") else words
