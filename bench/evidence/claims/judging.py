"""What `bench claims` reads: files of claims, suites, architectures at hand, the document."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.evidence.claims import ClaimError, about
from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.ledger import Entry, ledger
from bench.evidence.claims.load import Problem, load_files, misquoted, read
from bench.inputs import discover
from bench.inputs.digest import source_digest
from bench.machine import folder, folder_in_use
from bench.records.places import require_suite
from bench.records.store import Suite
from bench.spec import Claim

DEFAULT_SUITE, SHIPPED_SUITE = "local", "reference"


def files(named: Sequence[Path], builtin: bool = False) -> list[Path]:
    """The files of claims that a command means.

    Args:
        named: By the user; none are those of the folder in use.
        builtin: Adds the shipped ones.

    Raises:
        ClaimError: none are named and the folder in use holds none.
    """
    place, shipped = folder_in_use("claims"), folder("claims")
    found = list(named) or sorted(place.glob("*.toml"))
    if builtin and (named or shipped.resolve() != place.resolve()):
        found += sorted(shipped.glob("*.toml"))
    if not found:
        remedy = "write one (docs/claims.md), or name it with --file"
        raise ClaimError("no files of claims", where=str(place), remedy=remedy)
    return found


def suites(named: Sequence[str], results: Path) -> tuple[list[Suite], str | None]:
    """The suites, and the notice of a fall-back.

    Raises:
        UsageError: a suite that was named is not there.
    """
    if named:
        return [require_suite(results, name) for name in dict.fromkeys(named)], None
    if (results / DEFAULT_SUITE).is_dir():
        return [Suite(results, DEFAULT_SUITE)], None
    notice = f"no suite '{DEFAULT_SUITE}' in {results}: judged by the shipped '{SHIPPED_SUITE}'"
    return [Suite(folder("results"), SHIPPED_SUITE)], notice


@dataclass(frozen=True)
class Judged:
    """Claims with their verdicts, and those of the files that were left out."""

    entries: list[Entry]
    left_out: list[Claim]

    @property
    def notice(self) -> str | None:
        """That files were left out; None where none was."""
        files = dict.fromkeys(claim.file for claim in self.left_out)
        named = f"left out, no network of theirs in the suite: {', '.join(files)}"
        return named if files else None


def judge(paths: Sequence[Path], held: Sequence[Suite], named: bool = False) -> Judged:
    """The verdicts on files of claims by the suites' runs.

    Args:
        paths: The files of claims.
        held: The suites.
        named: True where the user named the files or added the shipped ones: all of them are
            judged then. Else those that speak of none of the suites' networks are left out,
            unless all do.

    Raises:
        ClaimError: a file of claims cannot be used.
        StoreError: a record cannot be read.
    """
    every = load_files(paths)
    evidence = arranged(map(SuiteContents.read, held), every, current_digests())
    claims = every if named else about(evidence.subjects, every) or every
    kept = {claim.file for claim in claims}
    left_out = [claim for claim in every if claim.file not in kept]
    return Judged(ledger(claims, evidence), left_out)


def mistakes(paths: Sequence[Path], document: Path | None) -> list[ClaimError]:
    """Every mistake in the files, and every quote that the document does not hold.

    Raises:
        ClaimError: the document cannot be read.
    """
    found: list[Problem] = read(paths)[1]
    if document is not None:
        found += misquoted(paths, document)
    return [problem.error() for problem in found]


def current_digests() -> dict[str, str]:
    """Architecture's name -> digest of its file at hand; files that cannot be read are left out."""
    digests: dict[str, str] = {}
    try:
        at_hand = discover.scan_all(folder_in_use("architectures"))
    except BenchError:  # `list` tells of it; a verdict needs no file
        return digests
    for found in at_hand:
        with suppress(OSError, ValueError, SyntaxError):
            source = found.path.read_text(encoding="utf-8")
            digests[found.name] = source_digest(found.path, source)
    return digests
