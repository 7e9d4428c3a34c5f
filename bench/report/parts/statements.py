"""What documents state: tallies, and which statements stand together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from bench.evidence.claims.ledger import (
    KINDS,
    Entry,
    Sentence,
    sentences,
    settings_words,
    tally,
    tally_of,
    verdict_words,
)
from bench.evidence.claims.rules import ClaimVerdict
from bench.report.model import Cell, Column, Table
from bench.stats.format import MINUS, integer

TEXT = (
    "Each statement has a verdict. Structure must agree to the last digit given. "
    "A single run's number is compared with the 95% prediction interval of one more run. A mean "
    "is compared with its 95% t interval. A claim with “consistently” is compared with the bounds "
    "of a rate. A technique is judged by an exact test against the network without it. Holm's "
    "correction covers all gains that one document claims. A tally counts each line once, by the "
    "worst verdict of its parts. Where networks have different verdicts, the text and the card say "
    "so."
)
WORDS: dict[ClaimVerdict, str] = {  # what each verdict means, in the tally
    "refuted": "the records contradict it",
    "not consistent": "a single run's number; one more run would not give it",
    "inconsistent": "the document says something else elsewhere",
    "undecided": "more seeds or measures are needed; the rule says how many",
    "not comparable": "the records have another data set, recipe or source",
    "consistent": "a single run's number; one more run could give it, which does not confirm it",
    "confirmed": "the records confirm it",
    "not checkable": "no record could decide it; the rule says why",
}
# Of each document: what stands together, which sentences those are, whether they are folded.
GROUPS: tuple[tuple[str, Callable[[Sentence], bool], bool], ...] = (
    ("what does not hold or is undecided", lambda said: said.is_open, False),
    ("the other statements", lambda said: not said.is_open and not said.is_setting, True),
    (
        "settings typed from it, which are no evidence",
        lambda said: not said.is_open and said.is_setting,
        True,
    ),
)


def grouped(judged: Sequence[Entry]) -> Iterator[tuple[str, str, list[Sentence], bool]]:
    """A document's file, what its sentences have in common, these, and whether they are folded."""
    for file, of_file in groupby(sentences(judged), key=lambda said: said.claim.file):
        said = list(of_file)
        for words, belongs, folded in GROUPS:
            if found := [sentence for sentence in said if belongs(sentence)]:
                yield file, words, found, folded


def documents_of(judged: Iterable[Entry]) -> str:
    """document, or documents where the entries are of several."""
    return "documents" if len({entry.claim.file for entry in judged}) > 1 else "document"


def tally_table(judged: Sequence[Entry]) -> Table:
    """Lines by verdict; a line that rests on several kinds counts in each of their columns."""
    by_kind = [tally_of(judged, kind) for kind in KINDS]
    counts = [tally(judged), *by_kind]
    return Table(
        caption=f"Lines of the {documents_of(judged)} by verdict and by what they rest on",
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


def settings_note(judged: Sequence[Entry]) -> tuple[str, ...]:
    """Below a tally, which leaves settings out."""
    settings = tally_of(judged, "settings")
    return (f"Not in the tally: {settings_words(settings)}.",) if settings else ()


def signed(words: str) -> str:
    """A number with a minus sign, not a hyphen."""
    return words.replace("-", MINUS) if words.startswith("-") else words
