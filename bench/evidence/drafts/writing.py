"""A draft of claims as a file: what a person is to do with it, its document, a table a claim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import UsageError, nearest, page
from bench.evidence.claims import ClaimError
from bench.evidence.claims.load import read_lines
from bench.evidence.claims.sources import one_line
from bench.evidence.drafts import heading
from bench.evidence.drafts.heading import DataSets, toml
from bench.evidence.drafts.proposing import Proposal, proposals
from bench.evidence.drafts.reading import Names, parts
from bench.evidence.drafts.remaining import as_comments, remaining
from bench.inputs.starter import require_name
from bench.machine import write_atomically

MOST_BYTES = 4_000_000
HEAD = """\
# A draft: what {document} may claim, read from its numbers. Read each claim beside its line, then
# keep it, mend it or strike it. Numbers are found by their words, so some proposals are wrong:
# look at the metric, at the subject and at the layers first. This page explains every key:
# {page}
# Check [document] before the claims.
#
#   python -m bench claims --check --file {file} --document {document}
#   python -m bench claims --file {file}
#
# {counts}
"""


class Draft:
    """A draft of one document.

    Attributes:
        text: The file.
        subjects: The networks that its claims speak of.
        n_claims: Claims that count.
        n_absent: Proposals that are commented out, since their network is not at hand.
        n_remaining: Numbers without a proposal, which the file lists at its end.
    """

    def __init__(
        self, text: str, found: Sequence[Proposal], names: Names, n_remaining: int
    ) -> None:
        self.text, self.n_remaining = text, n_remaining
        kept = [each for each in found if each.subject not in names.absent]
        self.subjects = {each.subject for each in kept}
        self.n_claims, self.n_absent = len(kept), len(found) - len(kept)


def name_of(document: Path) -> str:
    """What a draft is called by where the command does not say: readme of README.md."""
    return re.sub(r"[^a-z0-9]+", "_", document.stem.lower()).strip("_")


def write(
    document: Path, name: str, known: Mapping[str, str], data: DataSets, folder: Path
) -> tuple[Path, Draft]:
    """Writes `NAME.toml` into the folder of claims; never replaces a file.

    Args:
        document, name, known, data: As `draft` has them.
        folder: Of files of claims; it need not exist yet.

    Raises:
        ClaimError: the file exists, or the document cannot be read.
        UsageError: a bad name, or a document that no claim can be made of.
    """
    require_name(name)
    path = folder / f"{name}.toml"
    if path.exists() or path.is_symlink():
        remedy = "choose another name, or move the file away"
        raise ClaimError("the file exists", where=str(path), remedy=remedy)
    made = draft(document, name, known, data, path)
    write_atomically(path, made.text.encode())
    return path, made


def draft(document: Path, name: str, known: Mapping[str, str], data: DataSets, path: Path) -> Draft:
    """Says what the document is, and proposes claims for each number of the document.

    Args:
        document: A text in UTF-8, such as a README.
        name: What the draft is called by; without architectures, the subject as well.
        known: Architectures at hand, each with its display name. Where the document names none of
            them, it is about the first.
        data: Data sets that the document may speak of.
        path: Where the draft will lie, for its own head.

    Raises:
        ClaimError: the document cannot be read.
        UsageError: it is too large, holds binary data, or no number that a claim can use; or the
            command names a data set that is not at hand.
    """
    if data.wanted and data.wanted not in data.at_hand:
        remedy = nearest(data.wanted, sorted(data.at_hand))
        raise UsageError(f"unknown data set '{data.wanted}'", where="--dataset", remedy=remedy)
    lines = _lines(document)
    own = name if name in known or not known else min(known)
    names = Names.of(lines, known, own)
    every = list(parts(lines, names))
    found = proposals(every)
    if not any(each.subject not in names.absent for each in found):
        raise UsageError(
            "no number that a claim can use",
            where=str(document),
            remedy=f"write the claims by hand: {page('claims')} shows how",
        )
    ids = _ids(found, name)
    tables = [_table(each, ids, each.subject in names.absent) for each in found]
    shown = one_line(document.name)  # a name may hold a line break
    head = HEAD.format(
        document=shown, file=path.as_posix(), page=page("claims"), counts=_counts(found, names)
    )
    about = heading.tables(lines, document, names, found, data)
    rest = remaining(every, found, data.named)
    text = "\n".join([head, about, *tables, *filter(None, [as_comments(rest)])])
    return Draft(text, found, names, len(rest))


def _lines(document: Path) -> list[str]:
    remedy = "name a text in UTF-8, such as README.md"
    if document.exists() and not document.is_file():
        raise UsageError("no plain file", where=str(document), remedy=remedy)
    if document.is_file() and document.stat().st_size > MOST_BYTES:
        what = f"larger than {MOST_BYTES:,} bytes"
        raise UsageError(what, where=str(document), remedy="name the document alone")
    lines = read_lines(document, "unreadable", remedy)
    if any("\0" in line for line in lines):
        raise UsageError("binary data", where=str(document), remedy=remedy)
    return lines


def _counts(found: Sequence[Proposal], names: Names) -> str:
    absent = sum(each.subject in names.absent for each in found)
    counts = f"Claims that count: {len(found) - absent:,}."
    if not names.named:
        counts += f"\n# The document names no network at hand: each claim is about {names.own}."
    if absent:
        missing = ", ".join(names.absent)
        counts += f" Commented out: {absent:,}, for no architecture is called {missing}."
    return counts


def _ids(found: Sequence[Proposal], name: str) -> list[str]:
    """One id a proposal, in order: NAME.line_13.network.n_parameters."""
    seen: Counter[str] = Counter()
    ids = []
    for each in found:
        whose = "" if each.subject == name else f".{each.subject}"
        base = re.sub(r"[^\w.]", "_", f"{name}.line_{each.line}{whose}.{each.metric}")
        seen[base] += 1
        ids.append(base if seen[base] == 1 else f"{base}.{seen[base]}")
    return ids


def _table(proposal: Proposal, ids: Sequence[str], absent: bool) -> str:
    """The proposal in TOML; commented out where its network is not at hand."""
    values = {
        "id": ids[proposal.number],
        "line": proposal.line,
        "quote": proposal.quote,
        "metric": proposal.metric,
        "subject": proposal.subject,
        "published": proposal.published,
        "tolerance": proposal.tolerance or None,
        "relation": None if proposal.relation == "equals" else proposal.relation,
        "text": proposal.text or None,
        "layers": list(proposal.layers) or None,
        "against": proposal.against or None,
        "terms": [ids[number] for number in proposal.terms] or None,
        "numbers": list(proposal.numbers) or None,
        "derivation": proposal.derivation or None,
    }
    rows = [f"{key} = {toml(value)}" for key, value in values.items() if value is not None]
    rows = [*([f"# {proposal.doubt}"] if proposal.doubt else []), "[[claim]]", *rows]
    return "\n".join(f"# {row}" if absent else row for row in rows) + "\n"
