"""Whether equal specs gave equal bits. No torch.

Bits are compared inside one fingerprint alone: there the same key must give the same bits, and
anything else is a failure of reproducibility.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.spec import RunRecord


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


def bits(first: Iterable[RunRecord], second: Iterable[RunRecord]) -> Bits:
    """Compares the runs that have both key and fingerprint in common.

    A run that failed, by a full memory or a killed process, says nothing of bits; nor does one that
    is not ours.
    """
    first, second = ([run for run in side if not run.foreign] for side in (first, second))
    known = {_place(run): run for run in first if run.status != "failed"}
    both = [(known[_place(run)], run) for run in second if _place(run) in known]
    both = [(ours, theirs) for ours, theirs in both if theirs.status != "failed"]
    failures = tuple(failure(*pair) for pair in both if ends(pair[0]) != ends(pair[1]))
    return Bits(len(both) - len(failures), failures)


def _place(run: RunRecord) -> tuple[str, str]:
    return run.key, run.environment.fingerprint


def ends(run: RunRecord) -> tuple[Any, ...]:
    """All that the same bits have in common; of a reason, the epoch and step that it names."""
    counts = [(e.train_correct, e.validation_correct, e.test_correct) for e in run.epochs]
    return run.status, re.findall(r"\d+", run.reason or ""), run.weights_sha256, counts


def failure(ours: RunRecord, theirs: RunRecord) -> BitsFailure:
    """The same run, twice, with other bits."""
    run = f"{ours.dataset.name}/{ours.architecture}/seed-{ours.seed:04d}-{ours.key[:12]}"
    return BitsFailure(run, ours.environment.fingerprint, _end(ours), _end(theirs))


def _end(run: RunRecord) -> str:
    if not run.completed:
        return f"{run.status}: {run.reason}"
    return f"weights {(run.weights_sha256 or 'none')[:12]}"
