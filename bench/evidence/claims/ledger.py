"""The ledger: claims and evidence -> rows, sentences and their tally.

A sentence is what a document says in one quote on one line. It has one verdict, and so has a line:
the worst of its parts. Tallies count lines. A setting is no evidence, so it stands apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import PurePosixPath
from typing import get_args

import msgspec

from bench.evidence.claims.gather import Evidence, Value
from bench.evidence.claims.metrics import Kind, judge, kind, of
from bench.evidence.claims.rules import ClaimVerdict, Gain, Judgement, corrected
from bench.spec import Claim, canonical_json
from bench.stats.format import count, number, plain

VERDICTS: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)  # from the worst to the best
# Verdicts that contradict the document, or the document itself: what `--strict` counts.
FAILED: tuple[ClaimVerdict, ...] = ("refuted", "not consistent", "inconsistent")
OPEN: tuple[ClaimVerdict, ...] = (*FAILED, "undecided", "not comparable")
KINDS: tuple[Kind, ...] = ("runs", "structure", "document", "words")  # all but settings
NO_NUMBER = ("not_checkable", "accuracy_gain_points")  # metrics that are published in words


@dataclass(frozen=True)
class Entry:
    """A claim and what became of it."""

    claim: Claim
    judged: Judgement

    @property
    def kind(self) -> Kind:
        """What the claim rests on."""
        return kind(self.claim)

    @property
    def is_setting(self) -> bool:
        """Whether it was typed from the document, and so is no evidence for it."""
        return self.kind == "settings"

    @property
    def published(self) -> float | int | str | None:
        """As published: a number, a word, or None for words that hold neither."""
        if self.claim.metric in NO_NUMBER:
            return None
        is_word = self.claim.text and "text" not in of(self.claim).beside
        return self.claim.text if is_word else _plain(self.claim.published)

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
    kind: str


@dataclass(frozen=True)
class Sentence:
    """What a document says in one quote; settings of a quote are a sentence of their own.

    Attributes:
        parts: The claims that it was taken apart into, one at least.
    """

    parts: tuple[Entry, ...]

    @property
    def claim(self) -> Claim:
        """The first part, which has the sentence's file, line and quote."""
        return self.parts[0].claim

    @property
    def is_setting(self) -> bool:
        return self.parts[0].is_setting

    @cached_property
    def verdict(self) -> ClaimVerdict:
        return worst(self.parts)

    @cached_property
    def by_network(self) -> dict[str, ClaimVerdict]:
        """The worst verdict of each network's parts; arithmetic and words rest on no network."""
        parts: defaultdict[str, list[Entry]] = defaultdict(list)
        for part in self.parts:
            if part.kind not in ("document", "words"):
                parts[part.claim.subject].append(part)
        return {subject: worst(of_one) for subject, of_one in parts.items()}

    @property
    def differs(self) -> bool:
        """Whether it is open, and its networks have different verdicts."""
        return self.is_open and len(set(self.by_network.values())) > 1

    @property
    def is_open(self) -> bool:
        """Whether it does not hold, or nobody knows; of a setting, whether it does not hold."""
        return self.verdict in (FAILED if self.is_setting else OPEN)


def worst(parts: Iterable[Entry]) -> ClaimVerdict:
    """One verdict on all parts: the first of `VERDICTS` that a part has."""
    return min((part.judged.verdict for part in parts), key=VERDICTS.index)


def verdict_words(verdict: ClaimVerdict) -> str:
    """The verdict to be read; "inconsistent" is too like "not consistent"."""
    return "contradicts itself" if verdict == "inconsistent" else verdict


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


def sentences(entries: Iterable[Entry]) -> list[Sentence]:
    """The sentences of the documents, in the order of the files and then from the worst verdict."""
    parts: defaultdict[tuple[str, int, str, bool], list[Entry]] = defaultdict(list)
    for entry in entries:
        claim = entry.claim
        parts[claim.file, claim.line, claim.quote, entry.is_setting].append(entry)
    files = {file: at for at, file in enumerate(dict.fromkeys(file for file, *_ in parts))}
    found = [Sentence(tuple(of_one)) for of_one in parts.values()]
    return sorted(
        found,
        key=lambda s: (files[s.claim.file], VERDICTS.index(s.verdict), s.claim.line),
    )


def tally(entries: Iterable[Entry]) -> dict[ClaimVerdict, int]:
    """Verdict -> how many lines of the documents have it; settings are left out."""
    return _lines(entry for entry in entries if not entry.is_setting)


def tally_of(entries: Iterable[Entry], *kinds: Kind) -> dict[ClaimVerdict, int]:
    """The same of the claims of some kinds: a line stands in the tally of each that it has."""
    return _lines(entry for entry in entries if entry.kind in kinds)


def _lines(entries: Iterable[Entry]) -> dict[ClaimVerdict, int]:
    lines: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        lines[entry.claim.file, entry.claim.line].append(entry)
    found = Counter(worst(parts) for parts in lines.values())
    return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}


def tally_line(entries: Sequence[Entry]) -> str:
    """96 lines: 20 refuted, 9 undecided ...; 24 lines of settings, which are no evidence"""
    counts, settings = tally(entries), tally_of(entries, "settings")
    said = [f"{count(sum(counts.values()), 'line')}: {listing(counts)}"] if counts else []
    return "; ".join([*said, settings_words(settings)] if settings else said)


def listing(counts: Mapping[ClaimVerdict, int]) -> str:
    """20 refuted, 9 undecided"""
    return ", ".join(f"{n} {verdict_words(verdict)}" for verdict, n in counts.items())


def settings_words(counts: Mapping[ClaimVerdict, int]) -> str:
    """What became of the settings, in words that no one takes for evidence."""
    lines = count(sum(counts.values()), "line")
    failed = sum(counts.get(verdict, 0) for verdict in FAILED)
    differs = f", {failed} of them not as published" if failed else ""
    return f"{lines} of settings, typed from the document and no evidence{differs}"


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
        kind=entry.kind,
    )


def _plain(value: Value) -> float | int | str:
    """For JSON: whole numbers as such, others to six digits after the point."""
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) else round(float(Fraction(value)), 6)
