"""What differs between two arms, and whether equal specs gave equal bits.

Environments are compared as distributions. Bits are compared inside one fingerprint alone: there
the same key must give the same bits, and anything else is a failure of reproducibility.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.spec import NOT_KNOWN, RunRecord

UNPACKED = ("torch",)  # packages that have a line of their own


@dataclass(frozen=True)
class Difference:
    """A feature whose values are not one and the same: value -> how many runs have it."""

    feature: str
    first: dict[str, int]
    second: dict[str, int]


@dataclass(frozen=True)
class BitsFailure:
    """One spec, one environment, other bits."""

    run: str  # dataset/architecture/seed-0003-key12
    fingerprint: str
    first: str  # how it ended
    second: str


@dataclass(frozen=True)
class Bits:
    """Runs that both sides recorded under one key and one fingerprint."""

    n_same: int
    failures: tuple[BitsFailure, ...]


def differences(first: Iterable[RunRecord], second: Iterable[RunRecord]) -> list[Difference]:
    """Features that differ between the sides, or inside one of them."""
    ours, theirs = ([_features(run) for run in side] for side in (first, second))
    names = dict.fromkeys(name for features in (*ours, *theirs) for name in features)
    found = [Difference(name, _values(ours, name), _values(theirs, name)) for name in names]
    return [each for each in found if len(each.first | each.second) > 1]


def _values(sides: list[dict[str, str]], name: str) -> dict[str, int]:
    return dict(sorted(Counter(features.get(name, "none") for features in sides).items()))


def _features(run: RunRecord) -> dict[str, str]:
    """What may differ, in words, the most telling first."""
    where = run.environment
    packages = {k: v for k, v in where.packages.items() if k not in UNPACKED}
    dirty = " with changes" if where.dirty else ""
    found: dict[str, Any] = {
        "architecture": run.architecture,
        "architecture digest": run.architecture_digest[:12],
        **dict(_flat("recipe", msgspec.to_builtins(run.recipe or NOT_KNOWN))),
        **dict(_flat("numerics", msgspec.to_builtins(run.numerics or NOT_KNOWN))),
        "engine version": NOT_KNOWN if run.engine_version is None else run.engine_version,
        "origin": run.foreign.words if run.foreign else "engine",
        "torch": where.torch,
        "device": where.device,
        "processor": where.processor,
        "fingerprint": where.fingerprint,
        "python": where.python,
        **dict(_flat("package", packages)),
        "commit": f"{where.commit[:12]}{dirty}" if where.commit else "none",
    }
    return {name: str(value) for name, value in found.items()}


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Nested mappings as `recipe.augmentation.translate`."""
    if not isinstance(value, Mapping):
        yield prefix, value
        return
    for name, item in value.items():
        yield from _flat(f"{prefix}.{name}", item)


def bits(first: Iterable[RunRecord], second: Iterable[RunRecord]) -> Bits:
    """Compares the runs that have both key and fingerprint in common.

    A run that failed, by a full memory or a killed process, says nothing of bits; nor does one that
    is not ours.
    """
    first, second = ([run for run in side if not run.foreign] for side in (first, second))
    known = {_place(run): run for run in first if run.status != "failed"}
    both = [(known[_place(run)], run) for run in second if _place(run) in known]
    both = [(ours, theirs) for ours, theirs in both if theirs.status != "failed"]
    failures = tuple(_failure(*pair) for pair in both if _ends(pair[0]) != _ends(pair[1]))
    return Bits(len(both) - len(failures), failures)


def _place(run: RunRecord) -> tuple[str, str]:
    return run.key, run.environment.fingerprint


def _ends(run: RunRecord) -> tuple[Any, ...]:
    """All that the same bits have in common; of a reason, the epoch and step that it names."""
    counts = [(e.train_correct, e.validation_correct, e.test_correct) for e in run.epochs]
    return run.status, re.findall(r"\d+", run.reason or ""), run.weights_sha256, counts


def _failure(ours: RunRecord, theirs: RunRecord) -> BitsFailure:
    run = f"{ours.dataset.name}/{ours.architecture}/seed-{ours.seed:04d}-{ours.key[:12]}"
    return BitsFailure(run, ours.environment.fingerprint, _end(ours), _end(theirs))


def _end(run: RunRecord) -> str:
    if not run.completed:
        return f"{run.status}: {run.reason}"
    return f"weights {(run.weights_sha256 or 'none')[:12]}"
