"""What differs between two arms; environments are compared as distributions."""

from __future__ import annotations

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
