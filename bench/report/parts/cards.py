"""A card for each statement of a document: what was measured, by which rule, on which records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from bench.evidence.claims.ledger import Entry, Sentence
from bench.evidence.claims.metrics import METRICS, Kind, entry
from bench.evidence.drafts.proposing import relations_in
from bench.report.model import Card, CardPart, Cards, Cell
from bench.report.parts.judged import strip, unit_of, where
from bench.report.parts.marking import (
    EMPHASIS,
    anchor,
    badge,
    in_order,
    line_anchor,
    link_to,
    titles,
)
from bench.report.parts.statements import grouped, signed
from bench.report.summary import Summary
from bench.spec import Claim
from bench.stats.format import count, integer

FEW_RECORDS = 3  # of more, their folder and the first
RELATIONS = {
    "equals": "",
    "below": "below ",
    "at_most": "at most ",
    "above": "above ",
    "at_least": "at least ",
}
KEYS = {  # of a file of claims, in the words on metrics
    "the claim in `terms`": "another claim",
    "the claims in `terms`": "other claims",
    "`numbers`": "the document's numbers",
    "`against`": "the network it is compared with",
    "`layers`": "the layers",
    "; with `layers`: one position of these layers": "",
    "; without a rate the share is 0.90": "",
    ", or total: their sum": "",
}
EXAMPLE = re.compile(r", such as .*")  # in the words on metrics: a card says the thing itself
# A place in a document: another claim, or the line itself.
SAID = re.compile(r"(?P<file>[^/]+):(?P<line>\d+)(?: (?P<id>.+))?")
# What would change a verdict that no number of further seeds changes.
CHANGES: Mapping[Kind, str] = {
    "runs": "runs of another source or recipe",
    "structure": "a change in the network's file",
    "settings": "another recipe in the network's file, or another split of the data set",
    "document": "another text of the document",
    "words": "no record: no record could decide it",
}


def cards(summary: Summary) -> tuple[Cards, ...]:
    """Every statement of the ledger, document by document, what does not hold first."""
    named, drawn = titles(summary), Counter[str]()
    return tuple(
        Cards(
            f"{named.get(file, file)}: {words}",
            tuple(_card(summary, said, drawn) for said in found),
            folded,
        )
        for file, words, found, folded in grouped(in_order(summary))
    )


def _card(summary: Summary, said: Sentence, drawn: Counter[str]) -> Card:
    place = Cell(
        f"line {said.claim.line}", href=link_to(line_anchor(said.claim.file, said.claim.line))
    )
    return Card(
        quote=EMPHASIS.sub(r"\1", said.claim.quote),
        place=place,
        verdict=badge(said),
        parts=tuple(_part(summary, part, drawn) for part in said.parts),
    )


def _part(summary: Summary, part: Entry, drawn: Counter[str]) -> CardPart:
    claim, judged = part.claim, part.judged
    known = claim.subject in summary.shown
    published, measured, unit = (
        signed(part.published_words),
        signed(part.measured_words),
        unit_of(claim),
    )
    shown = strip(summary, part, metric_words(part))
    before = drawn[shown.name] if shown else 0
    drawn.update([shown.name] if shown else [])
    return CardPart(
        anchor=anchor(claim.id),
        about=Cell(
            summary.display_name(claim.subject),
            href=summary.page_of(claim.subject) if known else "",
        ),
        metric=metric_words(part),
        verdict=badge(Sentence((part,))),
        published=f"{relation_words(claim)}{published}{unit}" if published else "in words",
        measured=f"{measured}{unit}" if measured and " of " not in measured else measured,
        n=_runs(summary, part),
        rule=judged.rule.removesuffix(f"; it needs at least {judged.seeds_words}"),
        change=change(part),
        records=tuple(_records(summary, judged.stands_on)),
        strip=shown,
        copy=before,
    )


def _runs(summary: Summary, part: Entry) -> str:
    """How many judge it; the other network's stand below them in the strip."""
    judged = part.judged
    n = "" if judged.n is None else integer(judged.n)
    others = integer(len(judged.others))
    name = summary.display_name(part.claim.against)
    return f"{n}; below them {others} of {name}" if judged.others else n


def relation_words(claim: Claim) -> str:
    """At least, where the document's own words say so; a mean's plain number has none."""
    said = relations_in(claim.quote)
    return RELATIONS[claim.relation] if claim.relation in said or not said else ""


def metric_words(part: Entry) -> str:
    """What the number is: the metric's words, a family's argument, the layers it speaks of."""
    claim = part.claim
    name = entry(claim.metric)
    assert name is not None, f"unknown metric '{claim.metric}' in a checked claim"
    argument = claim.metric.removeprefix(name.removesuffix("*")) if name.endswith(".*") else ""
    about = METRICS[name].about
    for key, words in KEYS.items():
        about = about.replace(key, words)
    parts = [EXAMPLE.sub("", about), argument.replace("_", " "), " to ".join(claim.layers)]
    return ": ".join(each for each in parts if each)


def change(part: Entry) -> str:
    """What would change the verdict."""
    judged = part.judged
    if judged.seeds_words:
        return f"under this rule at least {judged.seeds_words}"
    if judged.verdict == "undecided":
        return "the records that the rule asks for"
    if judged.verdict == "not comparable":
        return "records of the same data set, recipe and source"
    weights = judged.verdict != "not checkable" and part.kind == "runs" and judged.n is None
    return "another file of weights, or another source" if weights else CHANGES[part.kind]


def _records(summary: Summary, places: tuple[str, ...]) -> Iterator[Cell]:
    """Links: to the folder and the first of many runs, to measures, to other claims' cards."""
    root = _root(summary)
    folders: dict[str, list[str]] = {}
    for place in places:
        if said := SAID.fullmatch(place):
            line, claim_id = f"line {said['line']}", said["id"]
            to_line = line_anchor(said["file"], int(said["line"]))
            words = f"{line}: {claim_id}" if claim_id else line
            yield Cell(words, href=link_to(anchor(claim_id) if claim_id else to_line))
        else:
            folders.setdefault(str(PurePosixPath(place).parent), []).append(place)
    for folder, found in folders.items():
        if len(found) > FEW_RECORDS:
            yield _link(root, folder, f"{folder}: {count(len(found), 'run')}")
            yield _link(root, found[0], f"the first: {where(found[0])}")
            continue
        for place in found:
            yield _link(root, place, place)


def _link(root: str | None, place: str, text: str) -> Cell:
    return Cell(text, href="" if root is None else f"{root}{place.partition('#')[0]}")


def _root(summary: Summary) -> str | None:
    """From the page to the results folder, in which places begin; None where no record is linked.

    A record lies at suite/dataset/architecture/file.
    """
    for link in summary.record_links.values():
        parts = PurePosixPath(link).parts
        if len(parts) > 4 and parts[-4] == summary.suite:
            return f"{summary.base}{PurePosixPath(*parts[:-4])}/"
    return None
