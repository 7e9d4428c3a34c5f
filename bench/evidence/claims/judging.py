"""What `bench claims` reads: files of claims, suites, architectures at hand, the document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.evidence.claims import ClaimError, Objectives, about
from bench.evidence.claims.gather import Anew, SuiteContents, arranged
from bench.evidence.claims.ledger import Entry, ledger
from bench.evidence.claims.load import DOCUMENT, load_files, misquoted, placed
from bench.inputs import discover, runners
from bench.inputs.digest import source_digest
from bench.inputs.discover import Found
from bench.machine import folder, folder_in_use, is_own
from bench.records.places import require_suite
from bench.records.store import Suite
from bench.spec import Claim, Portrait
from bench.stats.format import count, plain

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
        remedy = "draft one: python -m bench new --from README.md; or name it with --file"
        raise ClaimError("no files of claims", where=str(place), remedy=remedy)
    return found


def edited(paths: Iterable[Path]) -> list[str]:
    """A notice for each file of claims whose document no longer holds each quote on its line.

    `[document] file` is looked up from the working folder. The shipped claims are about documents
    that are not shipped: a file of the same name is another one.
    """
    shipped = folder("claims").resolve()
    found = []
    for path in paths:
        if path.resolve().parent == shipped:
            continue
        for document in map(Path, filter(None, (each.file for each in placed([path]).documents))):
            with suppress(OSError, ClaimError):  # `claims --check` tells what is wrong with it
                if document.is_file() and (n := len(misquoted([path], document))):
                    are = "is" if n == 1 else "are"
                    own = path.is_relative_to(Path.cwd())
                    place = path.relative_to(Path.cwd()) if own else path
                    quotes = plain(count(n, "quote"))
                    found.append(
                        f"{document} was edited: {quotes} of {place} {are} no longer on the line "
                        "that the claim names. To mend the lines, run: python -m bench claims "
                        f"--check --file {place} --document {document} --renumber"
                    )
    return found


def suites(
    named: Sequence[str], results: Path, builtin: bool = False
) -> tuple[list[Suite], str | None]:
    """The suites, and the notice that the default one is not there.

    The shipped results judge where the networks in use are the shipped ones. Networks of one's own
    are measured, and the accuracies of these and of runners wait for runs.

    Args:
        named: By the user; none are the default one.
        results: The results folder.
        builtin: Whether the shipped claims are judged too.

    Raises:
        UsageError: a suite that was named is not there.
    """
    if named:
        return [require_suite(results, name) for name in dict.fromkeys(named)], None
    if (results / DEFAULT_SUITE).is_dir():
        return [Suite(results, DEFAULT_SUITE)], None
    missing = f"no suite '{DEFAULT_SUITE}' in {results}"
    if (is_own("architectures") or is_own("runners")) and not builtin:
        waits = "claims about accuracy need runs: python -m bench train"
        return [], f"{missing}: the files in architectures/ judge the structure; {waits}"
    notice = f"{missing}: judged by the shipped '{SHIPPED_SUITE}'"
    return [Suite(folder("results"), SHIPPED_SUITE)], notice


@dataclass(frozen=True)
class AtHand:
    """The architecture files, and the runners, of the folder in use.

    Attributes:
        files: Architecture's name -> its file.
        digests: Architecture's name -> digest of its code, a runner's -> of its command and files;
            files that cannot be read have none.
    """

    files: Mapping[str, Found]
    digests: Mapping[str, str]

    @classmethod
    def scan(cls, wanted: Collection[str] | None = None) -> AtHand:
        """Reads the files of these networks, or of all.

        Raises:
            ArchitectureError: two files share a name, or a group has a bad name.
        """
        every = {found.name: found for found in discover.scan_all(folder_in_use("architectures"))}
        files = {name: found for name, found in every.items() if wanted is None or name in wanted}
        digests: dict[str, str] = {}
        for name, found in files.items():
            with suppress(Exception):  # whoever measures the file tells what is wrong with it
                source = found.path.read_text(encoding="utf-8")
                digests[name] = source_digest(found.path, source)
        for path in runners.scan_in_use():
            if wanted is not None and path.stem not in wanted:
                continue
            with suppress(BenchError):  # `train` tells what is wrong with it
                digests[path.stem] = runners.load(path).spec(0).architecture_digest
        return cls(files, digests)

    def unmeasured(self, subjects: Iterable[str], portraits: Iterable[Portrait]) -> list[Found]:
        """The files of these subjects whose code none of the portraits is about."""
        measured = {(each.architecture, each.architecture_digest) for each in portraits}
        return [
            self.files[name]
            for name in sorted(set(subjects) & self.files.keys())
            if (name, self.digests.get(name)) not in measured
        ]


@dataclass(frozen=True)
class Judged:
    """Claims with their verdicts, and what the reader should know beside them."""

    entries: list[Entry]
    notices: tuple[str, ...]
    left_out: tuple[Claim, ...]  # of files about none of the suites' networks


@dataclass(frozen=True)
class Asked:
    """Claims, and all that judges them but what has to be measured anew.

    Attributes:
        claims: To be judged.
        left_out: Of files about none of the suites' networks.
        every: Both, in their order.
        held: What the suites hold.
        at_hand: The files in use.
        objectives: Of the documents that speak of the known networks.
    """

    claims: tuple[Claim, ...]
    left_out: tuple[Claim, ...]
    every: tuple[Claim, ...]
    held: tuple[SuiteContents, ...]
    at_hand: AtHand
    objectives: Objectives

    @property
    def unmeasured(self) -> list[Found]:
        """The files of the claims' subjects that no suite has measures of."""
        portraits = [portrait for held in self.held for portrait in held.portraits]
        return self.at_hand.unmeasured(_subjects(self.claims), portraits)

    def judged(self, anew: Anew) -> Judged:
        """The verdicts.

        Args:
            anew: What was found at the files of `unmeasured`.
        """
        evidence = arranged(self.held, self.every, self.at_hand.digests, anew, self.objectives)
        notices = [*self._of_files(anew), *self._of_documents()]
        return Judged(ledger(self.claims, evidence), tuple(notices), self.left_out)

    def _of_files(self, anew: Anew) -> Iterator[str]:
        names = [portrait.architecture for portrait in anew.portraits]
        if names and self.held:
            suite = self.held[0].suite
            words = ["python -m bench measure --suite", suite, *(f"--arch {n}" for n in names)]
            lacks = f"suite '{suite}' has no measures of the files at hand"
            yield f"{lacks}, so they were measured now; to keep the measures: {' '.join(words)}"
        absent = sorted(_subjects(self.claims) - self.at_hand.files.keys())
        if absent and is_own("architectures"):
            yield f"no file in architectures/, so judged only by records: {', '.join(absent)}"

    def _of_documents(self) -> Iterator[str]:
        names = ", ".join(dict.fromkeys(claim.file for claim in self.left_out))
        if names:
            yield f"left out, because the suite has no network of these documents: {names}"


def ask(paths: Sequence[Path], suites: Sequence[Suite], every: bool = False) -> Asked:
    """Reads files of claims, the suites and the files at hand.

    Args:
        paths: The files of claims.
        suites: The suites.
        every: Whether all claims are judged. Else files that speak of no network of the suites,
            and of none of the working folder's own, are left out, unless all do.

    Raises:
        ClaimError: a file of claims cannot be used.
        ArchitectureError: two architectures share a name.
        StoreError: a record cannot be read.
    """
    published = load_files(paths)
    claims = published.claims
    at_hand = AtHand.scan()
    held = tuple(map(SuiteContents.read, suites))
    known = set(at_hand.files) if is_own("architectures") else set()
    known |= arranged(held, claims).subjects
    chosen = claims if every else about(known, claims) or claims
    files = {claim.file for claim in chosen}
    left_out = tuple(claim for claim in claims if claim.file not in files)
    objectives = Objectives.about(published.documents, known)
    return Asked(tuple(chosen), left_out, tuple(claims), held, at_hand, objectives)


def _subjects(claims: Iterable[Claim]) -> set[str]:
    """The architectures that the claims speak of."""
    named = {name for claim in claims for name in (claim.subject, claim.against)}
    return named - {"", DOCUMENT}
