"""Suites that were made on several machines become one. No torch.

All is checked before anything is written. Merging the same suites again changes nothing, so an
interrupted merge is finished by the same command.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from bench.errors import UsageError
from bench.machine import read_plain
from bench.records.bits import BitsFailure, ends, failure
from bench.records.protocol import Protocol
from bench.records.store import MOST_BYTES, OUTPUT, Suite
from bench.spec import Portrait, RunRecord, canonical_json

WHERE = "merge"


@dataclass(frozen=True)
class Kept:
    """A run that the merged suite will hold, and the suite that it comes from."""

    run: RunRecord
    suite: Suite


@dataclass
class Merge:
    """What suites come to together, before it is written.

    Attributes:
        runs: By the key of the run.
        every: By that key, all that the suites hold of it.
        n_same: Runs that were made more than once, with the same bits.
        n_preferred: Runs of another environment that gave way to those of the preferred suite.
        failures: Runs of one environment that have other bits in two suites.
    """

    suites: Sequence[Suite]
    protocol: Protocol | None
    runs: dict[str, Kept] = field(default_factory=dict)
    every: dict[str, list[Kept]] = field(default_factory=dict)
    n_same: int = 0
    n_preferred: int = 0
    failures: list[BitsFailure] = field(default_factory=list)


def prepare(suites: Sequence[Suite], prefer: Suite | None = None) -> Merge:
    """Reads all suites and finds what they come to together.

    Args:
        suites: Two or more.
        prefer: The one of them whose runs count where environments differ.

    Raises:
        UsageError: declarations, images or measures differ, or environments where none is
            preferred.
        StoreError: a suite cannot be read.
    """
    found = Merge(suites, _merged_protocol(suites))
    _require_equal_measures(suites)
    images: dict[str, tuple[str, Suite]] = {}
    for suite in suites:
        for run in suite.runs():
            info = run.dataset
            digest, first = images.setdefault(info.name, (info.digest, suite))
            if digest != info.digest:
                raise _differ(f"the images of '{info.name}'", first, suite)
            _add(found, Kept(run, suite), prefer)
    return found


def write(merge: Merge, into: Suite) -> None:
    """Writes the merged suite.

    Raises:
        UsageError: the suite holds runs already that are none of these.
        StoreError: it cannot be written, or the weights of a run are not its own.
    """
    planned = {into.path_of(kept.run) for kept in merge.runs.values()}
    if others := [path for path in into.run_paths() if path not in planned]:
        remedy = "give the name of a new suite"
        raise UsageError("the suite holds other runs", where=str(others[0]), remedy=remedy)
    if into.protocol() not in (None, merge.protocol):
        remedy = "give the name of a new suite"
        raise UsageError("the suite declares something else", where=str(into.folder), remedy=remedy)
    into.declare(lambda _: merge.protocol)
    for suite in reversed(merge.suites):  # what only one of several can hold is the first one's
        _copy_findings(suite, into)
    for kept in merge.runs.values():
        into.add_run(kept.run, _weights(kept.run, merge.every[kept.run.key]), _output(kept))


def _add(merge: Merge, new: Kept, prefer: Suite | None) -> None:
    merge.every.setdefault(new.run.key, []).append(new)
    old = merge.runs.setdefault(new.run.key, new)
    if old is new:
        return
    first, second = old.run, new.run
    if "failed" in (first.status, second.status):  # of a machine's trouble: it says nothing of bits
        if first.status == "failed":
            merge.runs[new.run.key] = new
    elif first.environment.fingerprint == second.environment.fingerprint:
        if ends(first) == ends(second):
            merge.n_same += 1
        else:
            merge.failures.append(failure(first, second))
    elif prefer is None:
        name = f"{first.dataset.name}/{first.architecture}, seed {first.seed}"
        raise UsageError(
            f"{name}, was trained in two environments, in {old.suite.folder} and in "
            f"{new.suite.folder}",
            where=WHERE,
            remedy="name the suite that counts with --prefer",
        )
    else:
        merge.n_preferred += 1
        if new.suite is prefer:
            merge.runs[new.run.key] = new


def _merged_protocol(suites: Sequence[Suite]) -> Protocol | None:
    """All that was declared; the suites may have declared other seeds, by the same rule."""
    known = [(suite, protocol) for suite in suites if (protocol := suite.protocol())]
    if not known:
        return None
    first, merged = known[0]
    for suite, protocol in known[1:]:
        bare = [replace(each, sweeps=(), attempts=(), sha256="") for each in (merged, protocol)]
        sweeps = (*merged.sweeps, *(s for s in protocol.sweeps if s not in merged.sweeps))
        attempts = tuple(dict.fromkeys((*merged.attempts, *protocol.attempts)))
        merged = replace(merged, sweeps=sweeps, attempts=attempts).sealed()
        if bare[0] != bare[1] or any(merged.problems()):
            raise _differ("the declarations", first, suite)
    return merged


def _require_equal_measures(suites: Iterable[Suite]) -> None:
    known: dict[tuple[str, str], tuple[bytes, Suite]] = {}
    for suite in suites:
        for portrait in suite.portraits():
            name = (portrait.architecture, portrait.architecture_digest)
            content, first = known.setdefault(name, (_measured(portrait), suite))
            if content != _measured(portrait):
                raise _differ(f"the measures of '{portrait.architecture}'", first, suite)


def _measured(portrait: Portrait) -> bytes:
    """What does not depend on where it was measured."""
    return canonical_json([portrait.measures, portrait.recipe, portrait.source])


def _differ(what: str, first: Suite, second: Suite) -> UsageError:
    return UsageError(
        f"{what} differ between {first.folder} and {second.folder}",
        where=WHERE,
        remedy="merge suites of the same networks, data and declarations",
    )


def _weights(run: RunRecord, every: Iterable[Kept]) -> bytes | None:
    """From any suite that keeps those of the record."""
    same = (each for each in every if each.run.weights_sha256 == run.weights_sha256)
    found = (each.suite.weights(each.run) for each in same)
    return next((content for content in found if content is not None), None)


def _output(kept: Kept) -> bytes | None:
    """What a command printed."""
    path = kept.suite.path_of(kept.run).with_suffix(OUTPUT)
    return read_plain(path, MOST_BYTES) if path.exists() else None


def _copy_findings(suite: Suite, into: Suite) -> None:
    findings = suite.findings()
    for portrait in suite.portraits():
        into.add_portrait(portrait)
    for latency in findings.latencies:
        into.add_latency(latency)
    for effective in findings.fields:
        into.add_field(effective)
    for scored in findings.scored:
        into.add_scored(scored)
    for dataset, digits in findings.missed_digits.items():
        into.add_missed_digits(dataset, digits)
