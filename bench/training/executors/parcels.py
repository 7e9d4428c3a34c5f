"""What travels between a command and workers elsewhere: bytes that are no pickle.

A parcel holds no path, and nothing of the sender's environment but its command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import msgspec

import bench
from bench.errors import ArchitectureError
from bench.inputs.digest import local_files, source_digest
from bench.inputs.discover import Found
from bench.machine import PACKAGE, text_of
from bench.records.observations import MissedDigit
from bench.spec import ENGINE_VERSION, Frozen, Numerics, RunRecord, RunSpec
from bench.training.executors import Job


class Versions(Frozen, frozen=True, kw_only=True):
    """What must be the same on both sides; more may join it."""

    manyseeds: str
    engine: int
    code: str  # 12 hex digits over the package's files: a checkout changes without its version
    torch: str  # without what follows a plus, such as cpu: the two builds are one release


class Parcel(Frozen, frozen=True, kw_only=True):
    """Runs of one network that differ only in their seeds, and all that they need."""

    name: str
    group: str
    sources: dict[str, bytes]  # path below the network's folder -> the file's content
    specs: tuple[RunSpec, ...]
    device: str
    command: str
    n_side_by_side: int  # on a GPU


class Outcome(Frozen, frozen=True, kw_only=True):
    """What became of a run; without a record, `status` and `reason` are an event's."""

    key: str
    status: str
    reason: str | None
    record: RunRecord | None
    weights: bytes | None
    missed_digits: Mapping[int, MissedDigit]


@lru_cache
def versions() -> Versions:
    """This side's."""
    code = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        code.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return Versions(
        manyseeds=bench.__version__,
        engine=ENGINE_VERSION,
        code=code.hexdigest()[:12],
        torch=metadata.version("torch").partition("+")[0],
    )


def difference(wanted: dict[str, object]) -> str | None:
    """The first version that differs between the sender, whose `Versions` these are, and here."""
    here = msgspec.to_builtins(versions())
    for name in wanted | here:
        if wanted.get(name) != here.get(name):
            return f"its {name} is {here.get(name)}, the command's is {wanted.get(name)}"
    return None


def takes_turns(numerics: Numerics) -> bool:
    """Whether many such runs share one process, as on a GPU."""
    return numerics.device_type == "cuda" or numerics.path == "graph"


def packed(jobs: Sequence[Job], n_side_by_side: int) -> bytes:
    """The jobs as one parcel; they differ only in their seeds.

    Raises:
        ArchitectureError: the file is another one than when the plan was made, or it is gone.
    """
    found, spec = jobs[0].found, jobs[0].spec
    parcel = Parcel(
        name=found.name,
        group=found.group,
        sources=_sources(found.path, spec.architecture_digest),
        specs=tuple(job.spec for job in jobs),
        device=jobs[0].environment.device,
        command=jobs[0].environment.command,
        n_side_by_side=n_side_by_side,
    )
    return msgspec.msgpack.encode(parcel)


def _sources(path: Path, digest: str) -> dict[str, bytes]:
    try:
        source = text_of(path)
        if source_digest(path, source) == digest:
            files = local_files(path, source)
            return {each.relative_to(path.parent).as_posix(): each.read_bytes() for each in files}
    except (OSError, ValueError, SyntaxError):
        pass
    what, remedy = "the file changed after the plan was made", "run the command again"
    raise ArchitectureError(what, where=str(path), remedy=remedy)


def unpacked(parcel: Parcel, folder: Path) -> Found:
    """Writes the parcel's files below the folder."""
    for name, content in parcel.sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Found(parcel.name, parcel.group, folder / f"{parcel.name}.py")
