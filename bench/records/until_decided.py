"""Sweeps that go on until they are decided: what is declared, how far they are, which seeds next.

No torch, no training: the loop itself is `bench.training.sweep`. The runs are judged in the order
of their seeds, never in the order in which they finish: a run that fails ends early.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, takewhile

from bench.errors import StoreError, UsageError, bad_option
from bench.records.protocol import Goal, Protocol
from bench.records.store import Suite
from bench.spec import AimRelation, RunRecord
from bench.stats.declared import RATE_ALPHA
from bench.stats.format import fixed, plain, written
from bench.stats.rates import RateVerdict
from bench.stats.sequences import until_decided

CAP = 200


@dataclass(frozen=True)
class DecisionOptions:
    """The options of `train --until-decided`; None stands for the declared or the usual value.

    Attributes:
        rate, target: Where none is declared, they must be given.
        relation: Of the target that is given.
    """

    rate: float | None = None
    target: float | None = None  # percent
    cap: int | None = None
    relation: AimRelation | None = None


def declaration(suite: Suite, options: DecisionOptions | None, seeds: list[int]) -> Protocol | None:
    """What the sweep declares: as the suite did before, or anew where it is empty.

    Args:
        suite: Where the runs will lie.
        options: The options given; None for a fixed number of runs, which declares nothing.
        seeds: The first seeds; the later seeds follow them.

    Raises:
        UsageError: bad options, options that differ from the declared ones, or a suite whose runs
            are of the other kind.
    """
    known = suite.protocol()
    if options is None:
        _require_fixed(suite, known)
        return None
    if (known is None and not suite.is_empty()) or (known and known.rule == "declared"):
        raise UsageError(
            "the suite holds runs that --until-decided cannot judge: their number was fixed",
            where=str(suite.folder),
            remedy="give another --suite",
        )
    wanted = _declared(options, seeds, known)
    if known is not None and wanted.sealed() != known.sealed():
        raise UsageError(
            f"the suite was declared with {told(known)}",
            where=str(suite.folder),
            remedy="give the same options, or another --suite",
        )
    return wanted


def keep(suite: Suite, protocol: Protocol) -> None:
    """Declares it before the suite's first run; it never changes afterwards.

    Raises:
        StoreError: something else was declared, or runs are there that nothing was declared of.
    """

    def change(known: Protocol | None) -> Protocol:
        if (known or protocol).sealed() != protocol.sealed() or not (known or suite.is_empty()):
            raise StoreError(
                "the suite is judged by another rule already",
                where=str(suite.folder),
                remedy="choose another --suite",
            )
        return known or protocol

    suite.declare(change)


def _require_fixed(suite: Suite, known: Protocol | None) -> None:
    if known is not None and known.rule == "until-decided":
        raise UsageError(
            "the suite is trained with --until-decided, which sets the number of runs",
            where=str(suite.folder),
            remedy="give `train --until-decided`, or another --suite",
        )


def _declared(options: DecisionOptions, seeds: list[int], known: Protocol | None) -> Protocol:
    """The options, filled up and checked."""
    usual = known or Protocol(cap=CAP, alpha=RATE_ALPHA)
    most = usual.cap or CAP
    rate = usual.rate if options.rate is None else options.rate
    target = usual.target if options.target is None else options.target
    cap = most if options.cap is None else options.cap
    wanted = Goal(target, rate, options.relation or usual.goal.relation)
    wanted.require_possible()
    if sorted(seeds) != list(range(min(seeds), min(seeds) + len(seeds))):
        what = "--until-decided needs first seeds without gaps"
        raise UsageError(what, where="--seeds", remedy="give 5 or 1000-1004")
    if cap < len(seeds):
        raise bad_option(
            "cap", written(cap), f"give {len(seeds)} or more, the number of the first seeds"
        )
    if rate is None or target is None:
        raise UsageError(
            "--until-decided needs a target, and claims/ declares none for these networks",
            where="--target",
            remedy="give --target and --rate, or an [objective] in the file of claims",
        )
    return Protocol(
        rate=rate,
        target=target,
        relation=wanted.kept_relation,
        cap=cap,
        alpha=RATE_ALPHA,
        first_seed=min(seeds),
    )


def told(protocol: Protocol) -> str:
    """The declaration, in the words of the command line."""
    target, rate = goal(protocol)
    above = ' ("above" in the claims)' if protocol.goal.relation == "above" else ""
    return (
        f"--rate {written(rate)} --target {written(target)}{above} "
        f"--cap {protocol.cap or CAP} and seeds from {protocol.first_seed} on"
    )


def unbroken(runs: Iterable[RunRecord], protocol: Protocol) -> list[RunRecord]:
    """The runs of one arm from the first seed up to the first that is missing."""
    by_seed = {run.seed: run for run in runs}
    seeds = takewhile(by_seed.__contains__, count(protocol.first_seed))
    return [by_seed[seed] for seed in seeds]


def judge(
    runs: Iterable[RunRecord],
    protocol: Protocol,
) -> RateVerdict:
    """The verdict of one arm's runs; one that did not complete is a miss.

    Args:
        runs: Of one arm, in any order.
        protocol: As declared.
    """
    _, rate = goal(protocol)
    reached = [is_reached(run, protocol.goal) for run in unbroken(runs, protocol)]
    return until_decided(reached, rate)


def goal(protocol: Protocol) -> tuple[float, float]:
    """The target in percent and the rate, which such a protocol has."""
    assert protocol.target is not None, "runs that continue until they are decided need a target"
    assert protocol.rate is not None, "a target needs a rate"
    return protocol.target, protocol.rate


def is_reached(run: RunRecord, wanted: Goal) -> bool:
    """Whether the run's last epoch meets the target on the test split."""
    right = run.epochs[-1].test_correct if run.completed else None
    return right is not None and right >= wanted.count(run.dataset.n_test)


def next_seeds(runs: list[RunRecord], protocol: Protocol, n_first: int, n_more: int) -> list[int]:
    """The seeds to run next; none for an arm that is decided or at its cap.

    Args:
        runs: Of one arm.
        protocol: As declared.
        n_first: Runs before the first look.
        n_more: Runs of every later block.
    """
    n = len(unbroken(runs, protocol))
    if n >= n_first and judge(runs, protocol).verdict != "undecided":
        return []
    n_wanted = min(protocol.cap or CAP, n_first if n < n_first else n + n_more)
    present = {run.seed for run in runs}
    wanted = range(protocol.first_seed, protocol.first_seed + n_wanted)
    return [seed for seed in wanted if seed not in present]


def state_line(name: str, runs: list[RunRecord], protocol: Protocol) -> str:
    """How far one arm is, in words."""
    found = judge(runs, protocol)
    waiting = len(runs) - found.n
    said = (
        f"{name}: {found.successes} of {found.n} reached {plain(protocol.goal.words)}; "
        f"rate at least {fixed(found.lower, 3)} and at most {fixed(found.upper, 3)}; "
        f"{_verdict(found, protocol)}"
    )
    return f"{said}; {waiting} more runs wait for an earlier seed" if waiting else said


def _verdict(found: RateVerdict, protocol: Protocol) -> str:
    rate = f"a rate of {fixed(found.rate, 2)}"
    if found.verdict != "undecided":
        return f"{rate} is {found.verdict}, after {found.decided_at} runs"
    cap = protocol.cap or CAP
    if found.n >= cap:
        return f"{rate} is undecided at the cap of {cap} runs"
    return (
        f"{rate} is undecided; more runs to confirm it: {found.more_to_confirm} or more, to refute "
        f"it: {found.more_to_refute} or more"
    )
