"""What `train` and `all` declare before the first run: each arm's seeds, and what they are for.

No torch. A suite that goes on until it is decided is declared by `until_decided`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.errors import UsageError
from bench.records.protocol import NO_GOAL, Goal, Protocol, Role, Sweep, arm_key
from bench.records.store import Suite
from bench.spec import RunRecord
from bench.stats.declared import RATE_ALPHA
from bench.stats.format import count, plain, ranges, unbroken


@dataclass(frozen=True)
class Wanted:
    """The seeds that a command asks for, of one arm, and what their runs are judged against."""

    arm: str  # its `arm_key`
    dataset: str
    architecture: str
    seeds: Sequence[int]
    goal: Goal = NO_GOAL


@dataclass(frozen=True)
class Purpose:
    """What the runs of a command are for.

    Attributes:
        role: Runs that helped to choose an arm never judge it.
        is_attempt: Whether its sweeps join the suite's attempts at the target.
    """

    role: Role = "judges"
    is_attempt: bool = False


JUDGES = Purpose()


def declare(
    suite: Suite, wanted: Iterable[Wanted], purpose: Purpose, runs: Iterable[RunRecord]
) -> list[str]:
    """Keeps the declaration before the first run; returns notices of arms that are extended.

    Seeds that are declared, or run, already are not declared again. `foresee` gives the same
    notices and keeps nothing.

    Args:
        suite: Where the runs will lie.
        wanted: By the command.
        purpose: Of all these runs.
        runs: The suite's records.

    Raises:
        UsageError: a seed would both choose and judge an arm.
        StoreError: the suite's protocol cannot be used.
    """
    notices: list[str] = []
    suite.declare(_change(list(wanted), purpose, runs, notices))
    return notices


def foresee(
    suite: Suite, wanted: Iterable[Wanted], purpose: Purpose, runs: Iterable[RunRecord]
) -> list[str]:
    """The notices of `declare`, for a plan that a person reads before anything is declared.

    Args, Raises: As `declare` has them.
    """
    notices: list[str] = []
    _change(list(wanted), purpose, runs, notices)(suite.protocol())
    return notices


def _change(
    asked: Sequence[Wanted], purpose: Purpose, runs: Iterable[RunRecord], notices: list[str]
) -> Callable[[Protocol | None], Protocol | None]:
    """From the suite's protocol to the next one; it adds to the notices."""
    seen: dict[str, set[int]] = {}
    for run in runs:
        if run.evaluate_test:  # others never judge
            seen.setdefault(arm_key(run), set()).add(run.seed)

    def change(known: Protocol | None) -> Protocol | None:
        first = asked[0].goal if asked else NO_GOAL
        protocol = known or Protocol(
            rule="declared",
            rate=first.rate,
            target=first.target,
            relation=first.kept_relation,
            alpha=RATE_ALPHA,
        )
        for each in asked:
            protocol = _with(protocol, each, purpose, seen.get(each.arm, set()), notices)
        return protocol if protocol.sweeps else known

    return change


def _with(
    protocol: Protocol, wanted: Wanted, purpose: Purpose, seen: set[int], notices: list[str]
) -> Protocol:
    """The protocol with what is new of one arm; adds a notice where that extends it."""
    judged = seen - protocol.seeds(wanted.arm, "chooses")
    other: Role = "chooses" if purpose.role == "judges" else "judges"
    taken = protocol.seeds(wanted.arm, other) | (judged if other == "judges" else set())
    both = sorted(taken & set(wanted.seeds))
    if both:
        raise UsageError(
            f"'{wanted.architecture}' is {_DONE[other]} by seed {plain(ranges(both))}, so the same "
            f"runs cannot be used to {_TO_DO[purpose.role]} it",
            where="--seeds",
            remedy="give other seeds",
        )
    new = sorted(set(wanted.seeds) - protocol.seeds(wanted.arm) - judged)
    if new:
        n_seen = len(judged) if purpose.role == "judges" else 0
        sweep = Sweep(
            arm=wanted.arm,
            dataset=wanted.dataset,
            architecture=wanted.architecture,
            seeds=unbroken(new),
            role=purpose.role,
            n_seen=n_seen,
        )
        if wanted.goal != protocol.goal:
            target, rate, _ = wanted.goal
            relation = wanted.goal.kept_relation
            sweep = replace(sweep, target=target, rate=rate, relation=relation)
        protocol = replace(protocol, sweeps=(*protocol.sweeps, sweep))
        if n_seen:
            notices.append(_extended(wanted, new, n_seen))
    if purpose.is_attempt and wanted.arm not in protocol.attempts and protocol.of(wanted.arm):
        protocol = replace(protocol, attempts=(*protocol.attempts, wanted.arm))
    return protocol


_DONE: dict[Role, str] = {"chooses": "chosen", "judges": "judged"}
_TO_DO: dict[Role, str] = {"chooses": "choose", "judges": "judge"}


def _extended(wanted: Wanted, new: Sequence[int], n_seen: int) -> str:
    return plain(
        f"'{wanted.architecture}' has {count(n_seen, 'run')} already: seed {ranges(new)} extends "
        "them, so a confidence sequence judges them from now on. To get exact bounds, declare a "
        "new number of runs in another --suite"
    )
