"""Seals: manifests of all files of a suite, each over the seals before it. No torch.

`results/<suite>/seals/0001.sha256` is what `sha256sum --check` reads in the suite's folder: for
each file a line with its SHA-256 and its name. Lines that begin with `#` name the commit, and each
earlier change that the seal accepts. A seal lists the earlier seals too, so none can be changed or
taken out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.errors import StoreError
from bench.machine import MOST_STATE_BYTES, read_plain, today, write_atomically
from bench.records.store import (
    MISSED_DIGITS,
    MOST_BYTES,
    OUTPUT,
    PROTOCOL,
    REMEDY,
    RESTORE,
    Suite,
)
from bench.spec import digest

SEALS = "seals"
LINE = re.compile(rb"(?P<sha256>[0-9a-f]{64})  (?P<name>[^\n]+)")
RENEWED = (PROTOCOL, f"*/{MISSED_DIGITS}", "*/*/effective-field-*.json")  # with runs that are added
BESIDE = (".safetensors", OUTPUT)  # of a record
KNOWN = ("*/*/seed-*", "*/*/scored-weights-*.json", "portraits/*.json", "latency/*.json", *RENEWED)

Digests = dict[str, str | None]  # name below the suite's folder -> SHA-256; None: no plain file


@dataclass(frozen=True)
class Changes:
    """What became of a suite since its last seal, by the names of its files.

    Attributes:
        seal: The number of the seal; empty where there is none, and then there are no changes.
        extra: Files that belong to no suite.
        added: Records that came later, with their weights.
        renewed: Files that the training of these runs has renewed.
    """

    seal: str = ""
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()

    @property
    def wrong(self) -> list[tuple[str, str, str]]:
        """(file, what, remedy) of each change that no command of ours makes."""
        told = (
            (self.changed, f"changed since seal {self.seal}", RESTORE),
            (self.missing, f"missing since seal {self.seal}", RESTORE),
            (self.extra, f"no file of a suite, not in seal {self.seal}", "move it away"),
        )
        return [(name, what, remedy) for names, what, remedy in told for name in names]


def changes(suite: Suite) -> Changes:
    """What became of the suite since its last seal.

    Raises:
        StoreError: the seal is damaged.
    """
    path = last(suite)
    if path is None:
        return Changes()
    sealed, found = _read(path), digests(suite.folder)
    found.pop(_name(path, suite))
    new = sorted(found.keys() - sealed.keys())
    added = [name for name in new if _is_known(name, found)]
    other = sorted(name for name in sealed.keys() & found.keys() if sealed[name] != found[name])
    renewed = [name for name in other if added and _is_like(name, RENEWED)]
    return Changes(
        seal=path.stem,
        changed=tuple(name for name in other if name not in renewed),
        missing=tuple(sorted(sealed.keys() - found.keys())),
        extra=tuple(name for name in new if name not in added),
        added=tuple(added),
        renewed=tuple(renewed),
    )


def seal(suite: Suite, commit: str | None, accepted: Changes) -> Path:
    """Writes the next seal.

    Args:
        suite: A sound one.
        commit: Of the checkout that holds the results.
        accepted: What changed since the seal before: the new one names it.

    Raises:
        StoreError: a file is no plain file, or cannot be read.
    """
    found, before = digests(suite.folder), last(suite)
    for name, sha256 in found.items():
        if sha256 is None:
            what = "no plain file with a plain name: it cannot be sealed"
            raise StoreError(what, where=str(suite.folder / name), remedy="move it away")
    head = [f"manyseeds seal of {suite.name}, {today()}", f"commit: {commit or 'not known'}"]
    head += [f"accepted as changed: {name}" for name in accepted.changed]
    head += [f"accepted as missing: {name}" for name in accepted.missing]
    lines = [f"# {line}" for line in head] + [f"{found[name]}  {name}" for name in sorted(found)]
    number = 1 if before is None else int(before.stem) + 1
    path = suite.folder / SEALS / f"{number:04d}.sha256"
    write_atomically(path, os.fsencode("".join(f"{line}\n" for line in lines)))
    return path


def last(suite: Suite) -> Path | None:
    """The newest seal; None where the suite was never sealed."""
    paths = (suite.folder / SEALS).glob("[0-9]*.sha256")
    return max((path for path in paths if path.stem.isdecimal()), key=_number, default=None)


def _number(path: Path) -> int:
    return int(path.stem)


def digests(folder: Path) -> Digests:
    """Of every file below the folder; hidden ones, such as checkpoints, are left out."""
    found: Digests = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in [*links, *(name for name in files if not name.startswith("."))]:
            path = Path(place) / name
            found[path.relative_to(folder).as_posix()] = _digest(path)
    return found


def _digest(path: Path) -> str | None:
    if set(path.name) & set("\n\r\\"):  # sha256sum would write such a name in another way
        return None
    try:
        return digest(read_plain(path, MOST_STATE_BYTES))
    except OSError:
        return None


def _read(path: Path) -> dict[str, str]:
    """Name -> SHA-256, of a seal."""
    try:
        content = read_plain(path, MOST_BYTES)
    except OSError as error:
        what = f"unreadable seal: {error.strerror}"
        raise StoreError(what, where=str(path), remedy=REMEDY) from error
    lines = [line for line in content.split(b"\n")[:-1] if not line.startswith(b"#")]
    found = [LINE.fullmatch(line) for line in lines]
    if not content.endswith(b"\n") or not all(found):
        what = "damaged seal: a line is no SHA-256 with a name"
        raise StoreError(what, where=str(path), remedy=RESTORE)
    return {os.fsdecode(each["name"]): each["sha256"].decode() for each in found if each}


def _is_known(name: str, found: Iterable[str]) -> bool:
    """Whether a command of ours writes a file of that name, with its record beside it."""
    ending = next((ending for ending in BESIDE if name.endswith(ending)), None)
    beside = name if ending is None else name.removesuffix(ending) + ".json"
    return _is_like(beside, KNOWN) and beside.endswith(".json") and beside in found


def _is_like(name: str, patterns: Iterable[str]) -> bool:
    path = PurePosixPath(name)
    return any(len(path.parts) == each.count("/") + 1 and path.match(each) for each in patterns)


def _name(path: Path, suite: Suite) -> str:
    return path.relative_to(suite.folder).as_posix()
