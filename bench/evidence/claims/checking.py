"""What `claims --check` finds beyond the files themselves: names that nothing at hand has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import nearest
from bench.evidence.claims.gather import (
    BY_PLACE,
    LAYERS,
    Anew,
    Evidence,
    NoEvidence,
    SuiteContents,
    Version,
    arranged,
)
from bench.evidence.claims.judging import AtHand
from bench.evidence.claims.load import DOCUMENT, Placed, misquoted, placed
from bench.evidence.claims.sources import ClaimError, Problem
from bench.evidence.claims.stored import unusable
from bench.evidence.claims.wants import quoted
from bench.inputs import discover, runners
from bench.inputs.discover import Found
from bench.machine import folder
from bench.records.store import Suite
from bench.spec import Claim


@dataclass(frozen=True)
class Check:
    """Files of claims, and the names that they may use.

    Attributes:
        paths: The files.
        rows: The claims that could be read, with their places.
        problems: The mistakes that the files hold by themselves.
        held: The suites' measures.
        at_hand: The architecture files in use.
        subjects: Every architecture and runner that there is.
        datasets: Every data set that there is.
    """

    paths: Sequence[Path]
    rows: Sequence[Placed]
    problems: Sequence[Problem]
    held: tuple[SuiteContents, ...]
    at_hand: AtHand
    subjects: frozenset[str]
    datasets: frozenset[str]

    @property
    def unmeasured(self) -> list[Found]:
        """The files whose layers are named, and that no suite has measures of."""
        subjects = {row.claim.subject for row in self.rows if row.claim.layers}
        portraits = [portrait for held in self.held for portrait in held.portraits]
        return self.at_hand.unmeasured(subjects, portraits)

    def mistakes(self, anew: Anew, document: Path | None) -> list[ClaimError]:
        """Every mistake.

        Args:
            anew: What was found at the files of `unmeasured`.
            document: Which the claims quote.

        Raises:
            ClaimError: the document cannot be read.
        """
        claims = [row.claim for row in self.rows]
        evidence = arranged(self.held, claims, self.at_hand.digests, anew)
        found = list(self.problems)
        for row in self.rows:
            found += self._names(row)
            found += _layers(row, evidence)
        if document is None:
            return [*(problem.error() for problem in found), *unusable(self.paths)]
        found += misquoted(self.paths, document)  # and what is stored will be replaced
        return [problem.error() for problem in found]

    def _names(self, row: Placed) -> Iterator[Problem]:
        """Subjects and data sets that nobody knows."""
        claim = row.claim
        for key, name in (("subject", claim.subject), ("against", claim.against)):
            if name and name not in self.subjects:
                what = f"unknown network '{name}' in {_words(claim)}"
                yield row.problem(what, nearest(name, sorted(self.subjects)), key)
        if claim.dataset not in self.datasets:
            what = f"unknown data set '{claim.dataset}' in {_words(claim)}"
            yield row.problem(what, nearest(claim.dataset, sorted(self.datasets)), "dataset")


def check(
    paths: Sequence[Path], suites: Sequence[Suite], datasets: Collection[str], builtin: bool
) -> Check:
    """Reads the files of claims, and which names the suites and the files at hand have.

    Args:
        paths: The files of claims.
        suites: Whose architectures and data sets are known too.
        datasets: Names of the data sets that our training takes; runners name their own.
        builtin: Whether the shipped architectures are known too.

    Raises:
        ArchitectureError: two architectures share a name.
        StoreError: a portrait cannot be read.
        UsageError: a runner cannot be used.
    """
    read = placed(paths)
    at_hand = AtHand.scan()
    held = tuple(SuiteContents(suite.name, (), suite.portraits()) for suite in suites)
    runs = [path.parent for suite in suites for path in suite.run_paths()]
    own = [runners.load(path) for path in runners.scan_in_use()]
    subjects = {DOCUMENT, *at_hand.files, *(each.name for each in own)}
    subjects |= {place.name for place in runs}
    subjects |= arranged(held, ()).subjects
    if builtin:
        subjects |= {found.name for found in discover.scan_all(folder("architectures"))}
    known = {*datasets, *(each.dataset.name for each in own)}
    known |= {place.parent.name for place in runs}
    return Check(
        paths, read.rows, read.problems, held, at_hand, frozenset(subjects), frozenset(known)
    )


def _layers(row: Placed, evidence: Evidence) -> Iterator[Problem]:
    """Layers that no measured version of the network has; nothing where it is not measured."""
    claim = row.claim
    try:
        versions = evidence.versions(claim.subject) if claim.layers else []
        for word in claim.layers:
            if versions and not any(_has(version, word) for version in versions):
                what = f"'{claim.subject}' has no layer '{word}' in {_words(claim)}"
                yield row.problem(what, _nearest_layer(versions[-1], word), "layers")
    except NoEvidence:
        return


def _has(version: Version, word: str) -> bool:
    version.measure(LAYERS)  # where it failed, nothing is known of the layers
    try:
        version.layer(word)
    except NoEvidence:
        return False
    return True


def _nearest_layer(version: Version, word: str) -> str:
    """What the network has instead: so many calls of that kind, or a layer of a similar name."""
    rows = version.measure(LAYERS).layers
    kinds = [str(row.get("operation")) for row in rows.values()]
    by_place = BY_PLACE.fullmatch(word)
    if by_place and by_place["operation"] in kinds:
        kind = by_place["operation"]
        return f"its last {kind} is '{kind} {kinds.count(kind)}'"
    known = list(dict.fromkeys([*rows, *(f"{kind} 1" for kind in kinds)]))
    return f"{nearest(word, known)}; python -m bench inspect {version.subject} lists the layers"


def _words(claim: Claim) -> str:
    return f"the claim {quoted(claim.quote)}"
