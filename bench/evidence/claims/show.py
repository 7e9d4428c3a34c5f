"""The ledger for a person: what does not hold comes first, document by document, with its quote.

A pipe gets one line of tab-separated cells for each claim instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bench.errors import as_called
from bench.evidence.claims.ledger import (
    KINDS,
    Entry,
    Sentence,
    listing,
    sentences,
    tally_line,
    tally_of,
    verdict_words,
)
from bench.evidence.claims.rules import ClaimVerdict
from bench.evidence.claims.sources import one_line
from bench.stats.format import count

STYLES: dict[ClaimVerdict, str] = {
    "refuted": "bold red",
    "not consistent": "bold red",
    "inconsistent": "bold magenta",
    "undecided": "yellow",
    "consistent": "green",
    "confirmed": "green",
}


def show(entries: Sequence[Entry], console: Console, every: bool = False) -> None:
    """Prints the ledger and its tally.

    Args:
        entries: Of the claims, in their order.
        console: A terminal gets sentences, anything else a line a claim.
        every: Whether a terminal also gets the sentences that hold, and settings.
    """
    if not console.is_terminal:
        lines = ["\t".join(_cells(entry)) for entry in entries]
        print(*lines, tally_line(entries), sep="\n", file=console.file)  # rich would spread tabs
        return
    _documents(sentences(entries), console, every)
    for kind in KINDS:
        if counts := tally_of(entries, kind):
            _print(console, Text(f"{kind}: {listing(counts)}"))
    _print(console, Text(tally_line(entries)))


def _documents(found: Iterable[Sentence], console: Console, every: bool) -> None:
    for file, of_file in groupby(found, key=lambda sentence: sentence.claim.file):
        said = list(of_file)
        _print(console, Text(file, "bold underline"))
        shown = [sentence for sentence in said if every or sentence.is_open]
        for sentence in shown:
            _sentence(sentence, console)
        if rest := _rest([sentence for sentence in said if sentence not in shown]):
            _print(console, Text(rest, "dim"), 2)
        _print(console, Text())


def _rest(folded: Sequence[Sentence]) -> str:
    """What is not listed, as a count."""
    settings = sum(sentence.is_setting for sentence in folded)
    others = len(folded) - settings
    hold = "holds" if others == 1 else "hold"
    parts = [
        f"{count(others, 'statement')} {hold} or cannot be checked" if others else "",
        f"{count(settings, 'setting')} of the rebuild, no evidence" if settings else "",
    ]
    words = "; ".join(part for part in parts if part)
    return f"{words} (--all lists them)" if words else ""


def _sentence(sentence: Sentence, console: Console) -> None:
    """The verdict and the quote, with the parts below."""
    claim, verdict = sentence.claim, sentence.verdict
    heading = Text().append(verdict_words(verdict), STYLES.get(verdict, "dim"))
    heading.append(f', line {claim.line}: "{one_line(claim.quote)}"')
    _print(console, heading, 2)
    for part in sentence.parts:
        _print(console, _part(part, len(sentence.parts) > 1), 6)


def _part(part: Entry, with_verdict: bool) -> Text:
    text = Text(one_line(part.claim.id))
    if with_verdict:
        verdict = part.judged.verdict
        text.append(" ").append(verdict_words(verdict), STYLES.get(verdict, "dim"))
    numbers = [("published", part.published_words), ("measured", part.measured_words)]
    said = [f"{word} {number}" for word, number in numbers if number]
    text.append(f": {'; '.join([*said, as_called(part.judged.rule)])}")
    return text.append(f" [{part.stands_on_words}]" if part.stands_on_words else "", "dim")


def _print(console: Console, text: Text, indent: int = 0) -> None:
    """Wraps at the terminal's width; a Text has no markup that could be taken for a style."""
    console.print(Padding(text, (0, 0, 0, indent), expand=False), soft_wrap=False)


def _cells(entry: Entry) -> tuple[str, ...]:
    claim, judged = entry.claim, entry.judged
    return (
        verdict_words(judged.verdict),
        claim.id,
        f"{claim.file}:{claim.line}",
        entry.published_words,
        entry.measured_words,
        "" if judged.n is None else str(judged.n),
        as_called(judged.rule),
        entry.stands_on_words,
        entry.kind,
        one_line(claim.quote),
    )
