"""What documents say of receptive fields, to stand beside the measured ones."""

from __future__ import annotations

from collections.abc import Iterator

from bench.evidence.claims.ledger import Entry
from bench.records.receptive_fields import FIGURE
from bench.report.parts.statements import signed
from bench.report.summary import Summary
from bench.stats.format import listed

WRONG = ("refuted", "inconsistent")


def said_of(summary: Summary, architecture: str) -> str:
    """Article 32: the value of the network as a whole; nothing where no document gives one."""
    whole = (entry for entry in _entries(summary, architecture) if not entry.claim.layers)
    return next((f"{summary.heading} {signed(each.published_words)}" for each in whole), "")


def said_by_layer(summary: Summary, architecture: str) -> dict[str, str]:
    """A layer's dotted name -> the value that a document gives; marked where it is not so."""
    return {
        _layer(entry): f"{signed(entry.published_words)}{' ✗' if _is_wrong(entry) else ''}"
        for entry in _entries(summary, architecture)
        if entry.claim.layers and entry.judged.stands_on
    }


def said_in_pixels(summary: Summary, architecture: str) -> tuple[tuple[float, str], ...]:
    """Each published field in pixels, and what its triangle says."""
    found = [each for each in _entries(summary, architecture) if each.judged.stands_on]
    return tuple((each.claim.published, _told(summary, each)) for each in found)


def _told(summary: Summary, entry: Entry) -> str:
    """Conv2d 5: the article says 20, measured 24."""
    said, measured = signed(entry.published_words), signed(entry.measured_words)
    where = " ".join(entry.claim.layers) or "the network"
    return f"{where}: the {summary.label} says {said}, measured {measured}"


def wrong(summary: Summary, architecture: str) -> str:
    """Where documents are wrong: Conv2d 5 20 (measured 24); nothing where they are not."""
    found = [
        f"{entry.claim.layers[0]} {signed(entry.published_words)} "
        f"(measured {signed(entry.measured_words)})"
        for entry in _entries(summary, architecture)
        if entry.claim.layers and _is_wrong(entry)
    ]
    return listed(found) if found else ""


def _entries(summary: Summary, architecture: str) -> Iterator[Entry]:
    for entry in summary.ledger:
        claim = entry.claim
        if (claim.subject, claim.metric, claim.relation) == (architecture, FIGURE, "equals"):
            yield entry


def _is_wrong(entry: Entry) -> bool:
    return entry.judged.verdict in WRONG


def _layer(entry: Entry) -> str:
    """Of portraits/model.json#receptive_field/block1.0 the layer."""
    return entry.judged.stands_on[0].rpartition("/")[2]
