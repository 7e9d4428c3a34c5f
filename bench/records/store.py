"""The only writer and reader of `results/`.

A suite's folder::

    results/<suite>/<dataset>/<architecture>/seed-0003-<key12>.json          one run, immutable
    results/<suite>/<dataset>/<architecture>/seed-0003-<key12>.safetensors   its last weights
    results/<suite>/<dataset>/<architecture>/seed-0003-<key12>.output.txt    what a command printed
    results/<suite>/<dataset>/missed-digits.json                             missed test digits
    results/<suite>/<dataset>/<architecture>/effective-field-<arm12>.json    what its runs react to
    results/<suite>/<dataset>/<architecture>/scored-weights-<digest12>-<file12>-<how12>.json
    results/<suite>/portraits/<architecture>-<digest12>.json                 measures and source
    results/<suite>/latency/<architecture>-<digest12>-<fingerprint>.json     timings on a machine
    results/<suite>/protocol.json                                            declared before run 1
    results/<suite>/.unfinished/                                             checkpoints and locks
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar

import msgspec
from msgspec.structs import replace
from safetensors import SafetensorError, deserialize

from bench.errors import SetAside, StoreError
from bench.machine import MOST_STATE_BYTES, Lock, read_plain, write_atomically
from bench.records import checks
from bench.records.observations import (
    MOST_PIXEL_BYTES,
    EffectiveField,
    Findings,
    Latency,
    MissedDigit,
    Pixels,
    ScoredWeights,
)
from bench.records.protocol import Protocol
from bench.spec import ForeignSpec, Portrait, RunRecord, RunSpec, canonical_json, digest
from bench.stats.format import count, integer

T = TypeVar("T")
Run = RunRecord | RunSpec | ForeignSpec

RUNS = "*/*/seed-*.json"  # a suite's records: data set, architecture, run
PORTRAITS = "portraits"
LATENCY = "latency"
FIELD = "effective-field"
SCORED = "scored-weights"
PROTOCOL = "protocol.json"
UNFINISHED = ".unfinished"
RESTORE = "restore the file, from git or from a copy"
REMEDY = "restore the file or move it out of the results folder"
MOST_BYTES = 64 << 20  # of a record
MISSED_DIGITS = "missed-digits.json"
OUTPUT = ".output.txt"
SPREAD = 2654435761  # 2**32 over the golden ratio: multiples of it lie far from each other


def run_file(run: Run) -> PurePosixPath:
    """The place of a run's record in its suite's folder."""
    name = f"seed-{run.seed:04d}-{run.key[:12]}.json"
    return PurePosixPath(run.dataset.name, run.architecture, name)


def portrait_file(portrait: Portrait) -> PurePosixPath:
    """The place of a portrait in its suite's folder."""
    name = f"{portrait.architecture}-{portrait.architecture_digest[:12]}.json"
    return PurePosixPath(PORTRAITS, name)


def latency_file(latency: Latency) -> PurePosixPath:
    """The place of timings in their suite's folder."""
    digits, place = latency.architecture_digest[:12], latency.environment.fingerprint
    return PurePosixPath(LATENCY, f"{latency.architecture}-{digits}-{place}.json")


def field_file(field: EffectiveField) -> PurePosixPath:
    """The place of an effective receptive field in its suite's folder."""
    return PurePosixPath(field.dataset, field.architecture, f"{FIELD}-{field.arm[:12]}.json")


def scored_file(scored: ScoredWeights) -> PurePosixPath:
    """The place of an outcome in its suite's folder.

    Another source, file, data set, split or environment has another place.
    """
    how = [scored.dataset, scored.split, scored.numerics, scored.environment.fingerprint]
    parts = (scored.architecture_digest, scored.file_sha256, digest(canonical_json(how)))
    name = "-".join([SCORED, *(part[:12] for part in parts)])
    return PurePosixPath(scored.dataset.name, scored.architecture, f"{name}.json")


class Suite:
    """One suite of runs under a results folder.

    What reads many files leaves out each file that is damaged, warns of it, and goes on.

    Args:
        results: The results folder; it need not exist yet.
        name: The suite's name, one path component.

    Attributes:
        set_aside: The damaged files that were left out so far, with what is wrong.
    """

    def __init__(self, results: Path, name: str) -> None:
        self.name = name
        self.folder = results / name
        self.set_aside: dict[Path, StoreError] = {}

    def run_of_spec(self, spec: RunSpec | ForeignSpec) -> RunRecord | None:
        """The record of that run; None where there is none.

        Raises:
            StoreError: the record cannot be read.
        """
        path = self.path_of(spec)
        return self.run_at(path) if path.exists() else None

    def path_of(self, run: Run) -> Path:
        """Where the record of that run lies or will lie."""
        return self.folder / run_file(run)

    def runs(self) -> list[RunRecord]:
        """Every sound record, sorted by data set, architecture, seed and key.

        Raises:
            StoreError: one names a declaration that is gone.
        """
        return self.declared(self.kept(self.run_paths(), self.run_at))

    def kept(self, paths: Iterable[Path], read: Callable[[Path], T]) -> list[T]:
        """The content of each of the files that is sound; the others are set aside."""
        found = []
        for path in paths:
            try:
                found.append(read(path))
            except StoreError as error:
                if path not in self.set_aside:
                    warnings.warn(SetAside(str(error)), stacklevel=2)
                self.set_aside[path] = error
            else:
                self.set_aside.pop(path, None)  # somebody has restored it
        return found

    def declared(self, runs: list[RunRecord]) -> list[RunRecord]:
        """The same runs.

        Raises:
            StoreError: one names a declaration that the suite's protocol does not hold.
        """
        named = {run.declaration for run in runs if run.declaration}
        if not named:
            return runs
        protocol = self.protocol()
        if protocol is None:
            raise StoreError(
                f"the suite's protocol is missing: {count(len(named), 'declaration')} of its runs "
                "were in it",
                where=str(self.folder / PROTOCOL),
                remedy=RESTORE,
            )
        if named - protocol.names():
            raise StoreError(
                "the suite's protocol is not the protocol of its runs",
                where=str(self.folder / PROTOCOL),
                remedy=RESTORE,
            )
        return runs

    def run_paths(self) -> list[Path]:
        """Where the records lie, sorted likewise."""
        return sorted(self.folder.glob(RUNS))

    def record_paths(self) -> list[Path]:
        """Where runs, measures and all else lies that a report is made of."""
        depths = ("", "*/", "*/*/")
        return [path for each in depths for path in self.folder.glob(f"{each}[!.]*.json")]

    def run_at(self, path: Path) -> RunRecord:
        """The record in that file.

        Raises:
            StoreError: it cannot be read, contradicts itself, or is another run's.
        """
        return self._sound(path, RunRecord, checks.of_run, run_file)

    def portraits(self) -> list[Portrait]:
        """Every architecture's measures, sorted by file name."""
        paths = sorted((self.folder / PORTRAITS).glob("*.json"))
        return self.kept(paths, self._portrait_at)

    def _portrait_at(self, path: Path) -> Portrait:
        return self._sound(path, Portrait, checks.of_portrait, portrait_file)

    def _sound(
        self,
        path: Path,
        kind: type[T],
        problem_of: Callable[[T], str | None],
        place_of: Callable[[T], PurePosixPath],
    ) -> T:
        """The content of a file that agrees with itself and with its own name and folders."""
        content = decoded(path, kind)
        problem = problem_of(content)
        if problem is None and path != self.folder / (place := place_of(content)):
            problem = f"it is the content of {place}"
        if problem is not None:
            raise StoreError(f"bad record: {problem}", where=str(path), remedy=REMEDY)
        return content

    def add_run(
        self, record: RunRecord, weights: bytes | None, output: bytes | None = None
    ) -> Path:
        """Keeps a finished run; an existing record is never replaced.

        The weights, and what a command printed, go first: a record that exists has them beside it.
        """
        path = self.path_of(record)
        if path.exists():
            return path
        with suppress(StoreError):  # whoever reads the suite is told; the run must not be lost
            protocol = self.protocol()
            declaration = protocol.declaration_of(record) if protocol else None
            record = replace(record, declaration=declaration)
        if weights is not None:
            write_atomically(path.with_suffix(".safetensors"), weights)
        if output is not None:
            write_atomically(path.with_suffix(OUTPUT), output)
        write_atomically(path, canonical_json(record))
        return path

    def checkpoint(self, spec: RunSpec) -> Checkpoint:
        """The checkpoint of an unfinished run."""
        return Checkpoint(self.folder / UNFINISHED / f"{_unfinished_name(spec)}.checkpoint")

    def lock(self, spec: RunSpec | ForeignSpec) -> Lock:
        """Held while a run is trained, so that two commands never train the same one."""
        return self._lock(_unfinished_name(spec))

    def add_portrait(self, portrait: Portrait) -> Path:
        """Keeps an architecture's measures; a file that is equal, or damaged, stays as it is."""
        path = self.folder / portrait_file(portrait)
        if path.exists():
            known = self.kept([path], self._portrait_at)
            renewed = [replace(each, environment=portrait.environment) for each in known]
            if not known or canonical_json(renewed[0]) == canonical_json(portrait):
                return path
        write_atomically(path, canonical_json(portrait))
        return path

    def weights(self, record: RunRecord) -> bytes | None:
        """The safetensors beside the record; None where there are none.

        Raises:
            StoreError: they cannot be read, or are not those of the record.
        """
        path = self.path_of(record).with_suffix(".safetensors")
        try:
            content = read_plain(path, MOST_STATE_BYTES)
            sound = digest_of_weights(content) == record.weights_sha256
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot read weights: {error.strerror}"
            raise StoreError(what, where=str(path), remedy=REMEDY) from error
        except (SafetensorError, KeyError, ValueError) as error:
            what = f"unusable weights: {error}"
            raise StoreError(what, where=str(path), remedy=REMEDY) from error
        if not sound:
            what = "weights that are not the record's: their digest is another one"
            raise StoreError(what, where=str(path), remedy=REMEDY)
        return content

    def findings(self) -> Findings:
        """Timings and effective receptive fields, sorted by file name, and missed digits."""
        latencies = sorted((self.folder / LATENCY).glob("*.json"))
        fields = sorted(self.folder.glob(f"*/*/{FIELD}-*.json"))
        digits = sorted(self.folder.glob(f"*/{MISSED_DIGITS}"))
        return Findings(
            latencies=tuple(self.kept(latencies, self._latency_at)),
            fields=tuple(self.kept(fields, self._field_at)),
            missed_digits=dict(self.kept(digits, self._digits_at)),
            scored=self.scored_weights(),
        )

    def _latency_at(self, path: Path) -> Latency:
        return self._sound(path, Latency, checks.of_latency, latency_file)

    def _field_at(self, path: Path) -> EffectiveField:
        return self._sound(path, EffectiveField, checks.of_field, field_file)

    def _digits_at(self, path: Path) -> tuple[str, dict[int, MissedDigit]]:
        return path.parent.name, self.missed_digits(path.parent.name)

    def scored_weights(self) -> tuple[ScoredWeights, ...]:
        """Outcomes of files of weights, sorted by file name."""
        paths = sorted(self.folder.glob(f"*/*/{SCORED}-*.json"))
        return tuple(self.kept(paths, self._scored_at))

    def _scored_at(self, path: Path) -> ScoredWeights:
        return self._sound(path, ScoredWeights, checks.of_scored, scored_file)

    def add_scored(self, scored: ScoredWeights) -> Path:
        """Keeps an outcome; an existing record is never replaced.

        Raises:
            StoreError: the same weights were scored here before, and gave other answers.
        """
        path = self.folder / scored_file(scored)
        if not path.exists():
            write_atomically(path, canonical_json(scored))
            return path
        known = self._scored_at(path)
        if known.misses != scored.misses:
            raise StoreError(
                f"the kept record has other answers: {integer(known.correct)} right, "
                f"now {integer(scored.correct)}",
                where=str(path),
                remedy="move the record away, or give another --suite",
            )
        return path

    def add_latency(self, latency: Latency) -> Path:
        """Keeps the newest timings of an architecture in one environment."""
        path = self.folder / latency_file(latency)
        write_atomically(path, canonical_json(latency))
        return path

    def add_field(self, field: EffectiveField) -> Path:
        """Keeps an arm's effective receptive field in place of the one before.

        A damaged one stays: it may be of more runs than those with weights here.
        """
        path = self.folder / field_file(field)
        if path not in self.set_aside:
            write_atomically(path, canonical_json(field))
        return path

    def is_empty(self) -> bool:
        """Whether no run has been recorded."""
        return next(self.folder.glob(RUNS), None) is None

    def protocol(self) -> Protocol | None:
        """What the suite declared before its runs; None where nothing was.

        Raises:
            StoreError: it cannot be read, contradicts itself, or was changed by another hand.
        """
        path = self.folder / PROTOCOL
        if path.is_symlink():
            raise StoreError(
                "the suite's protocol is a symbolic link", where=str(path), remedy=RESTORE
            )
        if not path.exists():
            return None
        protocol = decoded(path, Protocol)
        problem = next(protocol.problems(), None)
        if problem is None and not protocol.is_sealed:
            problem = "it was edited after it was declared"
        if problem is not None:
            raise StoreError(f"bad protocol: {problem}", where=str(path), remedy=RESTORE)
        return protocol

    def declare(self, change: Callable[[Protocol | None], Protocol | None]) -> Protocol | None:
        """Keeps what a command declares before its runs; two commands never do so at once.

        Args:
            change: From what was declared so far to what is declared then.
        """
        with self._lock("protocol"):
            known = self.protocol()
            wanted = change(known)
            if wanted is None or wanted == known:
                return known
            wanted = wanted.sealed()
            write_atomically(self.folder / PROTOCOL, canonical_json(wanted))
            return wanted

    def missed_digits(self, dataset: str) -> dict[int, MissedDigit]:
        """Test index -> the digit, for each digit that a run missed.

        Suites used to keep only pixels: such a digit has no label.

        Raises:
            StoreError: the file is damaged.
        """
        path = self.folder / dataset / MISSED_DIGITS
        if not path.exists():
            return {}
        kept = decoded(path, dict[int, MissedDigit | Pixels])
        if problem := checks.of_missed_digits(kept):
            raise StoreError(f"bad record: {problem}", where=str(path), remedy=REMEDY)
        return {
            index: MissedDigit(pixels=digit) if isinstance(digit, str) else digit
            for index, digit in kept.items()
        }

    def add_missed_digits(self, dataset: str, digits: Mapping[int, MissedDigit]) -> None:
        """Adds missed test images, and the labels of images that were kept without labels.

        Beyond `MOST_PIXEL_BYTES` only the labels are kept: most images may be missed by some run.
        A damaged file stays as it is, and whoever reads the suite is told: no run is lost by it.
        """
        with self._lock(f"{dataset}-missed-digits"):
            try:
                known = self.missed_digits(dataset)
            except StoreError:
                return
            if all(_holds(known.get(index), digit) for index, digit in digits.items()):
                return
            merged = known | {
                index: digit
                for index, digit in digits.items()
                if not _holds(known.get(index), digit)
            }
            rows = {str(index): digit for index, digit in _within_bounds(merged, known)}
            write_atomically(self.folder / dataset / MISSED_DIGITS, canonical_json(rows))

    def _lock(self, name: str) -> Lock:
        path = self.folder / UNFINISHED / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return Lock(path)


def _holds(kept: MissedDigit | None, digit: MissedDigit) -> bool:
    """Whether the suite keeps the digit, with its pixels or beyond the bound without them."""
    return kept is not None and kept in (digit, MissedDigit(label=digit.label, pixels=""))


def _within_bounds(
    digits: Mapping[int, MissedDigit], known: Mapping[int, MissedDigit]
) -> list[tuple[int, MissedDigit]]:
    """The digits by index, later ones without pixels where there would be too many of them."""
    left = 2 * MOST_PIXEL_BYTES  # two characters a byte
    kept: dict[int, MissedDigit] = {}
    # Known ones first; then spread over the indices, for a folder's images are sorted by class.
    for index in sorted(digits, key=lambda i: (i not in known, i * SPREAD % 2**32)):
        digit = digits[index]
        left -= len(digit.pixels)
        kept[index] = digit if left >= 0 else MissedDigit(label=digit.label, pixels="")
    return sorted(kept.items())


class RunReader:
    """Reads the records of a suite again and again, each file once: a record never changes.

    Args:
        suite: Other commands may add records to it meanwhile.
    """

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self._known: dict[Path, RunRecord] = {}

    def runs(self) -> list[RunRecord]:
        """What `Suite.runs` gives now; only files that are new are opened."""
        found = self.suite.kept(self.suite.run_paths(), self._read)
        self._known = {self.suite.path_of(run): run for run in found}
        return self.suite.declared(found)

    def _read(self, path: Path) -> RunRecord:
        return self._known.get(path) or self.suite.run_at(path)


class Checkpoint:
    """One run's state between two epochs, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """The bytes, or None where there are none; what is no file has none that can be used."""
        try:
            return read_plain(self.path, MOST_STATE_BYTES)
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def write(self, content: bytes) -> None:
        """Replaces the checkpoint; a kill leaves the old one or the new one."""
        write_atomically(self.path, content)

    def set_aside(self, reason: str) -> None:
        """Renames an unusable checkpoint and says so; the run starts afresh."""
        aside = self.path.with_suffix(".unusable")
        os.replace(self.path, aside)
        warnings.warn(f"checkpoint set aside as {aside}: {reason}", stacklevel=2)

    def clear(self) -> None:
        """Removes the checkpoint of a finished run."""
        self.path.unlink(missing_ok=True)


def _unfinished_name(spec: RunSpec | ForeignSpec) -> str:
    return f"{spec.architecture}-seed-{spec.seed:04d}-{spec.key[:12]}"


def decoded(path: Path, kind: type[T]) -> T:
    """The content of a file of records, its types and bounds checked.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return msgspec.json.decode(read_plain(path, MOST_BYTES), type=kind)
    except OSError as error:
        what = error.strerror or str(error)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        what = str(error)
    raise StoreError(f"unreadable record: {what}", where=str(path), remedy=REMEDY)


# What safetensors calls a type of values -> what torch calls it.
KINDS = {"BOOL": "bool", "BF16": "bfloat16", "C64": "complex64"}
KINDS |= {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
KINDS |= {f"F{bits}": f"float{bits}" for bits in (16, 32, 64)}
KINDS |= {f"{s[0].upper()}{n}": f"{s}{n}" for s in ("int", "uint") for n in (8, 16, 32, 64)}


def digest_of_weights(content: bytes) -> str:
    """`digest_of_tensors` of a safetensors file.

    Raises:
        SafetensorError, KeyError: it is none, or has values of a type that no run has.
    """
    return digest_of_tensors(
        named_bytes(name, KINDS[each["dtype"]], each["shape"], each["data"])
        for name, each in sorted(deserialize(content))
    )


def digest_of_tensors(tensors: Iterable[bytes]) -> str:
    """64 hex digits over weights and buffers as `named_bytes`, sorted by name."""
    total = hashlib.sha256()
    for each in tensors:
        total.update(each)
    return total.hexdigest()


def named_bytes(name: str, kind: str, shape: Iterable[int], values: bytes) -> bytes:
    """A weight's or buffer's name, torch's name of its type, its shape and its values."""
    return f"{name} {kind} {tuple(shape)}".encode() + values
