"""The ledger: claims and evidence -> rows, and their tally."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import get_args

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.evidence.claims.gather import Evidence, Value
from bench.evidence.claims.metrics import judge
from bench.evidence.claims.rules import ClaimVerdict, Gain, Judgement, corrected
from bench.spec import Claim, canonical_json
from bench.stats.format import count, number, plain

VERDICTS: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)
NO_NUMBER = ("not_checkable", "accuracy_gain_points")  # metrics that are published in words
STYLES: dict[ClaimVerdict, str] = {
    "confirmed": "green",
    "refuted": "bold red",
    "inconsistent": "bold magenta",
    "undecided": "yellow",
    "not comparable": "dim",
    "not checkable": "dim",
}


@dataclass(frozen=True)
class Entry:
    """A claim and what became of it."""

    claim: Claim
    judged: Judgement

    @property
    def published(self) -> float | int | str | None:
        """As published: a number, a word, or None for words that hold neither."""
        if self.claim.metric in NO_NUMBER:
            return None
        return self.claim.text or _plain(self.claim.published)

    @property
    def published_words(self) -> str:
        """The same, to be read."""
        value = self.published
        return "" if value is None else plain(number(value))

    @property
    def measured_words(self) -> str:
        """What was measured, to be read: 7,262; a rate as 9 of 10."""
        measured = self.judged.measured
        return self.judged.measured_words or ("" if measured is None else plain(number(measured)))

    @property
    def stands_on_words(self) -> str:
        """The records or measures in short: one place, or the folder of several."""
        places = self.judged.stands_on
        if len(places) < 2:
            return "".join(places)
        folders = dict.fromkeys(str(PurePosixPath(place).parent) for place in places)
        words = " and ".join(folder for folder in folders if folder != ".")
        return f"{words} ({len(places)})" if words else f"{len(places)} claims"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `claims --json`. These names are fixed."""

    id: str
    file: str
    line: int
    quote: str
    metric: str
    subject: str
    published: float | int | str | None
    measured: float | int | str | None
    n: int | None
    verdict: str
    rule: str
    stands_on: tuple[str, ...]


def ledger(claims: Iterable[Claim], evidence: Evidence) -> list[Entry]:
    """Each claim with its verdict, in the claims' order; a file's gains are corrected together."""
    found = [(claim, judge(claim, evidence)) for claim in claims]
    gains: defaultdict[str, dict[str, Gain]] = defaultdict(dict)
    for claim, judged in found:
        if isinstance(judged, Gain):
            gains[claim.file][claim.id] = judged
    settled = {file: corrected(of_file) for file, of_file in gains.items()}
    return [
        Entry(claim, settled[claim.file][claim.id] if isinstance(judged, Gain) else judged)
        for claim, judged in found
    ]


def as_json(entries: Sequence[Entry]) -> bytes:
    """A list of rows."""
    return canonical_json([row(entry) for entry in entries])


def tally(entries: Sequence[Entry]) -> dict[ClaimVerdict, int]:
    """Verdict -> how many, of the verdicts that there are."""
    found = Counter(entry.judged.verdict for entry in entries)
    return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}


def tally_line(entries: Sequence[Entry]) -> str:
    """197 claims: 120 confirmed, 40 refuted ..."""
    parts = [f"{n} {verdict}" for verdict, n in tally(entries).items()]
    return f"{count(len(entries), 'claim')}: {', '.join(parts)}"


def show(entries: Sequence[Entry], console: Console) -> None:
    """A table on a terminal, a line a claim elsewhere, and the tally below."""
    if console.is_terminal:
        console.print(_table(entries))
    else:
        for entry in entries:
            print("\t".join(_cells(entry)), file=console.file)  # rich would spread the tabs
    console.print(tally_line(entries), markup=False, highlight=False)


def row(entry: Entry) -> Row:
    """The entry as `claims --json` gives it."""
    claim, judged = entry.claim, entry.judged
    return Row(
        id=claim.id,
        file=claim.file,
        line=claim.line,
        quote=claim.quote,
        metric=claim.metric,
        subject=claim.subject,
        published=entry.published,
        measured=None if judged.measured is None else _plain(judged.measured),
        n=judged.n,
        verdict=judged.verdict,
        rule=judged.rule,
        stands_on=judged.stands_on,
    )


def _plain(value: Value) -> float | int | str:
    """For JSON: whole numbers as such, others to six digits after the point."""
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) else round(float(Fraction(value)), 6)


HEADINGS = ("verdict", "claim", "published", "measured", "n", "rule, and what it stands on")
NUMERIC = HEADINGS[2:5]


def _cells(entry: Entry) -> tuple[str, ...]:
    claim, judged = entry.claim, entry.judged
    n = "" if judged.n is None else str(judged.n)
    return (
        judged.verdict,
        claim.id,
        f"{claim.file}:{claim.line}",
        entry.published_words,
        entry.measured_words,
        n,
        judged.rule,
        entry.stands_on_words,
    )


def _table(entries: Sequence[Entry]) -> Table:
    table = Table(title="Claims")
    for heading in HEADINGS:
        table.add_column(
            heading, justify="right" if heading in NUMERIC else "left", overflow="fold"
        )
    for entry in entries:
        verdict, claim, line, published, measured, n, rule, stands_on = _cells(entry)
        table.add_row(
            Text(verdict, STYLES[entry.judged.verdict]),
            _above(claim, line),
            Text(published),
            Text(measured),
            Text(n),
            _above(rule, stands_on),
        )
    return table


def _above(text: str, below: str) -> Text:
    """The text, and something smaller in the next line."""
    return Text(text).append(f"\n{below}" if below else "", "dim")
