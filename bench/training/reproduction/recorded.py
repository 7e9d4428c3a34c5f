"""Which record a person means, and whether it can be trained again. Nothing here needs torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.errors import BenchError, UsageError, bad_option, nearest, page
from bench.inputs import discover
from bench.machine import folder_in_use
from bench.records import checks
from bench.records.arms import identity
from bench.records.store import Suite, decoded
from bench.spec import ENGINE_VERSION, SCHEMA, Architecture, RunRecord, RunSpec
from bench.stats.format import count

FEWEST_KEY_DIGITS = 6
MOST_NAMES = 4  # of the runs that an ambiguous word may mean, in one line
FORMS = (
    "give a record's path, or suite/dataset/architecture/seed-0003 with or without -key12, or "
    f"{FEWEST_KEY_DIGITS} or more digits of its key"
)
NAME = re.compile(  # of a run, below the results folder
    r"(?P<folder>[^/.][^/]*/[^/.][^/]*/[^/.][^/]*)/seed-(?P<seed>\d+)(-(?P<key>[0-9a-f]+))?(\.json)?"
)
PRESENT = " (the source and the recipe in its file)"
KEY = re.compile(r"[0-9a-f]+")
FILE = re.compile(r"seed-\d+-[0-9a-f]{12}\.json")


@dataclass(frozen=True)
class Recorded:
    """A record, and where it lies."""

    record: RunRecord
    path: Path
    suite: Suite | None  # None for a record outside a suite's folder

    @property
    def name(self) -> str:
        """`suite/dataset/architecture/seed-0003-key12`; the path of a record outside a suite."""
        return str(self.path) if self.suite is None else _name(self.path)

    @property
    def spec(self) -> RunSpec:
        """Everything that decided the bits of a run of ours."""
        spec = self.record.spec
        assert isinstance(spec, RunSpec), "only runs that this program trained have known bits"
        return spec


def find(run: str, results: Path) -> Recorded:
    """The record that the word means.

    Args:
        run: A path, ``suite/dataset/architecture/seed-0003[-key12]``, or the first digits of a key.
        results: The results folder in which the last two are looked up.

    Raises:
        UsageError: no run, or more than one.
        StoreError: the record cannot be read.
    """
    if _is_file(run):
        return _open(Path(run))
    if match := NAME.fullmatch(run):
        folder = results / match["folder"]
        _require_folder(folder, results)
        files = _files(folder, "seed-*.json")
        found = [path for path in files if int(path.name.split("-")[1]) == int(match["seed"])]
        known = [path.stem for path in files]
        return _only(run, _with_key(found, match["key"] or ""), results, known)
    if not KEY.fullmatch(run.lower()):
        raise UsageError(f"no run '{run}'", where="RUN", remedy=FORMS)
    if len(run) < FEWEST_KEY_DIGITS:
        what = f"'{run}' is too short for a run's key"
        raise UsageError(what, where="RUN", remedy=f"give {FEWEST_KEY_DIGITS} digits or more of it")
    _require_folder(results, results)
    return _only(run, _with_key(_files(results, "*/*/*/seed-*.json"), run.lower()), results, [])


def _only(run: str, found: list[Path], results: Path, known: list[str]) -> Recorded:
    """The one file of the list, opened.

    Args:
        run: What the user gave.
        found: Every record that it may mean.
        results: Where they were looked up.
        known: Names beside it, of which the nearest is suggested.
    """
    if len(found) == 1:
        return _open(found[0])
    if not found:
        remedy = nearest(run.rsplit("/", 1)[-1], known) if known else FORMS
        raise UsageError(f"no run '{run}'", where=str(results), remedy=remedy)
    more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
    names = ", ".join(f"{_name(path)}{standing}" for path, standing in _present_first(found))
    raise UsageError(
        f"'{run}' means {len(found)} runs", where=str(results), remedy=f"give one: {names}{more}"
    )


def _present_first(paths: list[Path]) -> list[tuple[Path, str]]:
    """The first few with how they stand, those before all others that are of the file at hand."""
    found = [(path, _standing(path)) for path in paths]
    return sorted(found, key=lambda each: each[1] != PRESENT)[:MOST_NAMES]


def _standing(path: Path) -> str:
    """How a run stands to the file of its architecture; empty where there is no usable file."""
    try:
        run = _read(path)
        at_hand = _at_hand(run.architecture, folder_in_use("architectures"))
    except BenchError:
        return ""
    if at_hand is None:
        return ""
    if run.architecture_digest != at_hand.digest:
        return " (another source)"
    return PRESENT if run.recipe == at_hand.recipe else " (another recipe)"


@cache
def _at_hand(name: str, folder: Path) -> Architecture | None:
    """The architecture as its file is now; raises ArchitectureError where the file is bad."""
    file = next((each for each in discover.scan_all(folder) if each.name == name), None)
    return None if file is None else discover.load(file)


def _is_file(word: str) -> bool:
    with suppress(OSError):  # a word too long for a path
        return Path(word).is_file()
    return False


def _require_folder(folder: Path, results: Path) -> None:
    """Raises UsageError at the first part of the path that is not there."""
    if not results.is_dir():
        remedy = "name the results folder with --results"
        raise UsageError("no results folder", where=str(results), remedy=remedy)
    place = results
    for part in folder.relative_to(results).parts:
        if not (place / part).is_dir():
            known = sorted(each.name for each in place.glob("[!.]*") if each.is_dir())
            raise UsageError(f"no '{part}'", where=str(place), remedy=nearest(part, known))
        place = place / part


def _files(folder: Path, pattern: str) -> list[Path]:
    """The records' files that the pattern reaches, sorted."""
    return sorted(path for path in folder.glob(pattern) if FILE.fullmatch(path.name))


def _with_key(paths: list[Path], start: str) -> list[Path]:
    """The records whose key starts so; a file's name holds its first 12 digits alone."""
    near = [path for path in paths if path.stem.split("-")[2].startswith(start[:12])]
    return near if len(start) <= 12 else [p for p in near if _read(p).key.startswith(start)]


def _name(path: Path) -> str:
    return "/".join(path.absolute().with_suffix("").parts[-4:])


def _open(path: Path) -> Recorded:
    record, parents = _read(path), path.absolute().parents
    if len(parents) > 3:
        suite = Suite(parents[3], parents[2].name)
        if suite.path_of(record) == path.absolute():
            return Recorded(record, path, suite)
    return Recorded(record, path, None)


def _read(path: Path) -> RunRecord:
    return decoded(path, RunRecord)


def require_reproducible(recorded: Recorded) -> None:
    """Raises UsageError for a record that the present code cannot train again."""
    record = recorded.record
    if record.schema != SCHEMA:
        what = f"its schema is {record.schema}, this version reads {SCHEMA}"
        raise refusal(recorded, what, f"use the version that made it: {checkout(record)}")
    if record.status == "failed":
        what = f"the recorded run failed: {record.reason}"
        raise refusal(recorded, what, "give a run that completed or diverged")
    if record.foreign and record.foreign.origin == "import":
        what = "it was imported, and its command is not known"
        raise refusal(recorded, what, f"write the command into a runner ({page('runners')})")
    if not record.foreign and record.engine_version != ENGINE_VERSION:
        what = f"made by engine version {record.engine_version}, this is {ENGINE_VERSION}"
        raise refusal(recorded, what, checkout(record))
    spec = record.spec
    if spec.key != record.key:
        what = f"its key is {record.key[:12]}, but its fields give {spec.key[:12]}"
        remedy = f"it was edited, or made by another version: restore it, or {checkout(record)}"
        raise refusal(recorded, what, remedy)
    if problem := checks.of_run(record):
        raise refusal(recorded, f"bad record: {problem}", "restore the file")


def refusal(recorded: Recorded, what: str, remedy: str) -> BenchError:
    """A record that cannot be trained again as things are."""
    return UsageError(what, where=recorded.name, remedy=remedy)


def checkout(record: RunRecord) -> str:
    """How to have the code that made the record."""
    commit, dirty = record.environment.commit, record.environment.dirty
    if commit is None:
        return "restore the code that made it (no commit is recorded)"
    changed = ", and the uncommitted changes that it had" if dirty else ""
    return f"check out commit {commit}{changed}"


def from_this_seed(recorded: Recorded, family: Sequence[RunRecord], n_seeds: int) -> list[Recorded]:
    """The run itself and the next recorded seeds of its kind.

    Args:
        recorded: The run that was named.
        family: Its kind's completed runs.
        n_seeds: How many runs, the named one included.

    Raises:
        UsageError: fewer than one, more than are recorded from this seed on, or a run that
            diverged with others asked for.
    """
    if n_seeds == 1:
        return [recorded]
    named = recorded.record
    later = {
        run.seed: run
        for run in family
        if run.seed > named.seed and run.evaluate_test == named.evaluate_test
    }
    if not named.completed:
        raise bad_option("seeds", n_seeds, f"give 1: the recorded run {named.status}")
    if not 1 <= n_seeds <= 1 + len(later):
        most = count(1 + len(later), "completed run")
        raise bad_option(
            "seeds", n_seeds, f"from seed {named.seed} on the suite has {most} of this kind"
        )
    others = [later[seed] for seed in sorted(later)][: n_seeds - 1]
    suite = recorded.suite
    assert suite is not None or not others, "a record outside a suite stands alone"
    return [recorded, *(Recorded(run, suite.path_of(run), suite) for run in others if suite)]


def family(recorded: Recorded) -> list[RunRecord]:
    """The suite's completed runs that differ from the record in their seed alone, itself included.

    Of any environment. A record outside a suite stands alone.
    """
    if recorded.suite is None:
        return [recorded.record] if recorded.record.completed else []
    wanted = identity(recorded.record)
    runs = recorded.suite.runs()
    return [run for run in runs if run.completed and identity(run) == wanted]
