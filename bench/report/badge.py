"""A badge for a README: how many of its lines hold; without a document, its networks' verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.evidence.claims.ledger import FAILED
from bench.evidence.claims.rules import ClaimVerdict
from bench.report.parts.finding import HOLDS, judged_lines, subjects
from bench.report.summary import Summary
from bench.stats.format import count, integer

BADGE = "badge.svg"
LABEL = "manyseeds"
# Of letters of 11 pixels; the drawing stretches the text to it, whatever font a reader has.
USUAL, NARROW, WIDE = 7, 4, 10
MARGIN = 6  # on each side of a text

Tone = Literal["good", "bad", "open", "none"]


@dataclass(frozen=True)
class Text:
    """A part of the badge, with the pixels that it takes."""

    text: str

    @property
    def length(self) -> int:
        """Of the letters."""
        return sum(NARROW if c in "fijlrt ." else WIDE if c in "mw" else USUAL for c in self.text)

    @property
    def width(self) -> int:
        """With the margins."""
        return self.length + 2 * MARGIN


@dataclass(frozen=True)
class Badge:
    """What the badge says; `tone` decides its colours."""

    message: Text
    tone: Tone
    label: Text = Text(LABEL)


def badge(summaries: Iterable[Summary]) -> Badge:
    """The badge of a suite: the documents' lines as the report's finding counts them.

    Without such lines: the networks. What does not hold comes first, then what holds; else nothing
    is decided yet.
    """
    summaries = list(summaries)
    rows = [(each, row) for each in summaries if each.opens for row in subjects(each)]
    verdicts = [
        row.arm.verdict.verdict if summary.judges(row.arm) else ""
        for summary, row in rows
        if row.arm
    ]
    lines = Counter[ClaimVerdict]()
    for summary in summaries:
        lines.update(judged_lines(summary))
    if lines and verdicts:
        return _of_lines(lines)
    if not any(verdicts):
        return Badge(Text("no verdict" if verdicts else "not trained"), "none")
    return _judged(verdicts, len(rows))


def _of_lines(counts: Counter[ClaimVerdict]) -> Badge:
    """3 of 10 lines refuted; 10 of 10 lines hold."""
    total = counts.total()
    failed, held = (sum(counts[verdict] for verdict in found) for found in (FAILED, HOLDS))
    if failed:
        denied = "does not hold" if failed == 1 else "do not hold"
        n, words = failed, "refuted" if failed == counts["refuted"] else denied
    elif held:
        n, words = held, "holds" if held == 1 else "hold"
    else:
        n, words = total, "undecided"
    tone: Tone = "bad" if failed else "good" if held == total else "open"
    return Badge(Text(f"{integer(n)} of {count(total, 'line')} {words}"), tone)


def _judged(verdicts: Sequence[str], n: int) -> Badge:
    """2 of 3 confirmed; of one network the verdict alone."""
    counts = Counter(verdicts)
    word = next(each for each in ("refuted", "confirmed", "undecided") if counts[each])
    message = word if n == 1 else f"{integer(counts[word])} of {integer(n)} {word}"
    tones: dict[str, Tone] = {"refuted": "bad", "confirmed": "open", "undecided": "open"}
    return Badge(Text(message), "good" if counts["confirmed"] == n else tones[word])
