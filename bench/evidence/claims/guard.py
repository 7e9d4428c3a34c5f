"""The strict check: which verdicts fail it, which failures are known, and how one is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError, nearest
from bench.evidence.claims.ledger import FAILED, Entry
from bench.evidence.claims.load import read_lines
from bench.evidence.claims.wants import quoted

# Words of --fail-on -> the verdicts that it adds: what other records could decide, and what none
# could.
FAIL_ON = {
    "undecided": frozenset({"undecided", "not comparable"}),
    "not-checkable": frozenset({"not checkable"}),
}
FAILING: frozenset[str] = frozenset(FAILED)
DECIDED = FAILING | {"confirmed", "consistent"}
RELATIONS = {
    "below": "below ",
    "at_most": "at most ",
    "above": "above ",
    "at_least": "at least ",
}


@dataclass(frozen=True)
class Strict:
    """What a strict check found.

    Attributes:
        new: The claims that fail it and that no list knows.
        stale: What a list has too much, in words.
        is_empty: Whether no claim at all was decided.
    """

    new: tuple[Entry, ...]
    stale: tuple[str, ...]
    is_empty: bool

    @property
    def lines(self) -> list[str]:
        """A line for each claim that fails: its verdict, place, words and numbers."""
        return [_line(entry) for entry in self.new]


def failing(words: Iterable[str]) -> frozenset[str]:
    """The verdicts that fail a check, with those that `--fail-on` adds.

    Raises:
        UsageError: an unknown word.
    """
    verdicts = FAILING
    for word in words:
        if word not in FAIL_ON:
            remedy = nearest(word, list(FAIL_ON))
            raise UsageError(f"unknown verdict '{word}'", where="--fail-on", remedy=remedy)
        verdicts |= FAIL_ON[word]
    return verdicts


def known_ids(path: Path) -> list[str]:
    """The ids of a list of known failures: one a line, `#` begins a comment.

    Raises:
        ClaimError: the file cannot be read.
    """
    lines = read_lines(path, "unreadable list", "give a text file with a claim's id a line")
    words = (line.partition("#")[0].strip() for line in lines)
    return [word for word in words if word]


def strict(
    entries: Sequence[Entry], known: Iterable[str], fails: frozenset[str] = FAILING
) -> Strict:
    """Compares the claims that fail with the ids that are known to fail.

    Args:
        entries: All that were judged.
        known: Ids.
        fails: The verdicts that fail; see `failing`.
    """
    allowed = list(dict.fromkeys(known))
    verdicts: dict[str, str] = {entry.claim.id: entry.judged.verdict for entry in entries}
    stale = [
        f"'{each}' is {verdicts[each]}" if each in verdicts else f"'{each}' is no claim's id"
        for each in allowed
        if verdicts.get(each) not in fails
    ]
    new = [e for e in entries if e.judged.verdict in fails and e.claim.id not in allowed]
    is_empty = DECIDED.isdisjoint(verdicts.values())
    return Strict(tuple(new), tuple(stale), is_empty)


def _line(entry: Entry) -> str:
    """refuted: readme:3 "1,442 parameters": published 1,442, measured 2,786 (tiny.parameters)"""
    claim, judged = entry.claim, entry.judged
    said = entry.published_words
    whose = "its other numbers give" if judged.verdict == "inconsistent" else "measured"
    found = f"{whose} {entry.measured_words}" if entry.measured_words else judged.rule
    parts = [f"published {RELATIONS.get(claim.relation, '')}{said}"] if said else []
    parts.append(found)
    place = f"{claim.file}:{claim.line} {quoted(claim.quote)}"
    return f"{judged.verdict}: {place}: {', '.join(parts)} ({claim.id})"
