"""The numbers of a document of which a draft proposes nothing: a person decides about each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isclose

from bench.errors import page
from bench.evidence.claims.wants import quoted
from bench.evidence.drafts.proposing import Proposal, quote_of, written
from bench.evidence.drafts.reading import NUMBERED, SEVERAL, Part
from bench.stats.format import integer

MOST_LISTED = 200  # a document with more of them holds data
PLACES = re.compile(r"^\W{0,9}\d{1,3}[.)](?=\s)")  # of a list or of a section: "2. Results"
# What `NUMBER` leaves out, since letters or another number stand close to it: 24x24, 24×24px, 12ms.
CLOSE = re.compile(
    r"(?<![\w.,×])\d{1,12}(?:\.\d{1,12})?"
    r"(?:(?:[x×]\d{1,6}){1,5}[a-z]{0,3}|(?!(?:st|nd|rd|th|[kKMdD])\b)[^\W\d_]{1,4}|×)(?![\w×])"
)
DIGITS = re.compile(r"\d{1,12}(?:\.\d{1,12})?")
HEAD = """\
# Numbers without a proposal: {n}. To judge one, write a [[claim]] with a metric of this page:
# {page}
# If no metric fits, use "not_checkable" and a reason. Leave out numbers that claim nothing.
"""


def remaining(
    parts: Iterable[Part], found: Iterable[Proposal], names: re.Pattern[str]
) -> list[str]:
    """One line for each: its line in the document, the number, the words around it.

    Args:
        parts: Of the document.
        found: What the draft proposes.
        names: What may hold a number that says nothing, such as CIFAR-10.
    """
    proposed: dict[int, set[float]] = {}
    for proposal in found:
        proposed.setdefault(proposal.line, set()).update(_values(proposal))
    lines = (line for part in parts for line in _of_part(part, proposed, names))
    return list(dict.fromkeys(lines))


def as_comments(lines: Sequence[str]) -> str:
    """The lines for the end of a draft; empty where there are none."""
    if not lines:
        return ""
    shown = [f"# {line}" for line in lines[:MOST_LISTED]]
    if len(lines) > MOST_LISTED:
        shown.append(f"# and {integer(len(lines) - MOST_LISTED)} more")
    return "\n".join([HEAD.format(n=integer(len(lines)), page=page("claims")) + "#", *shown]) + "\n"


def _of_part(
    part: Part, proposed: Mapping[int, set[float]], names: re.Pattern[str]
) -> Iterator[str]:
    silent = (PLACES, NUMBERED, SEVERAL, names)
    spans = [match.span() for each in silent for match in each.finditer(part.words)]
    known = proposed.get(part.line, set())
    for start, end, values in sorted(_numbers(part)):
        if any(first <= start < last for first, last in spans):
            continue
        if not all(any(_equal(value, each) for each in known) for value in values):
            quote = quoted(quote_of(part, part.start + start, part.start + end))
            yield f"line {part.line}: {part.words[start:end].strip()} in {quote}"


def _numbers(part: Part) -> Iterator[tuple[int, int, tuple[float, ...]]]:
    """Where each begins and ends in the part's words, and its value; several of a size."""
    for number in written(part):
        yield number.start - part.start, number.end - part.start, (number.value,)
    for match in CLOSE.finditer(part.words):
        yield *match.span(), tuple(map(float, DIGITS.findall(match[0])))


def _equal(value: float, known: float) -> bool:
    """Whether they are one number; a percentage may be known as a share."""
    return isclose(value, known) or isclose(value / 100, known)


def _values(proposal: Proposal) -> Iterator[float]:
    """The numbers that a proposal holds, in the unit of its metric."""
    if proposal.published is not None:
        yield abs(proposal.published)
    yield from proposal.numbers
    yield from map(float, DIGITS.findall(proposal.text))
