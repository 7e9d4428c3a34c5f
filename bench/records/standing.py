"""How the runs of an arm are judged: by what its suite declared, and when. No torch.

What judges a rate is decided here once, for every target and every rate that is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice, takewhile
from typing import Literal

from bench.records.protocol import Goal, Protocol
from bench.stats.declared import RATE_ALPHA
from bench.stats.format import count, fixed, integer
from bench.stats.rates import RateVerdict
from bench.stats.sequences import Levels, until_decided
from bench.stats.sweeps import extended_verdict, rate_verdict

Kind = Literal["undeclared", "declared", "extended", "stopped", "until decided"]


@dataclass(frozen=True)
class Standing:
    """How many runs were declared, what became of it, and among how many attempts.

    Attributes:
        kind: What decides the rule. Runs of a declared number, and those of which nothing was
            declared, are judged by exact bounds; all others by a confidence sequence.
        order: The seeds in the order in which a confidence sequence takes them.
        n_declared: Runs that were declared before the first; 0 where nothing was, or where the
            runs go on until they are decided.
        n_attempts: Sweeps at one target that the verdict is corrected for (Bonferroni).
        alone_after: Runs after which the verdict taken alone is read; None for all.
        why: Of a stopped sweep, the result that it was stopped for.
        goals: What the runs were declared to be judged against; nothing where nothing was declared.
    """

    kind: Kind
    order: tuple[int, ...]
    n_declared: int = 0
    n_attempts: int = 1
    alone_after: int | None = None
    why: str = ""
    goals: frozenset[Goal] = frozenset()

    @property
    def goal(self) -> Goal | None:
        """The one that every run was declared for; None where nothing was, or several were."""
        return next(iter(self.goals)) if len(self.goals) == 1 else None

    def judges(self, goal: Goal) -> bool:
        """Whether the runs may be judged against it: they were declared for it, or for nothing."""
        return not self.goals or self.goals == {goal}

    @property
    def goal_words(self) -> str:
        """What the runs were declared for."""
        if self.goal is None:
            return "declared for several targets"
        if self.goal.target is None or self.goal.rate is None:
            return "declared without a target"
        return f"declared for {self.goal.words} in {fixed(self.goal.rate, 2)} of runs"

    @property
    def is_sequence(self) -> bool:
        """Whether a confidence sequence judges."""
        return self.kind in ("extended", "stopped", "until decided")

    def is_incomplete(self, n: int) -> bool:
        """Whether declared runs are missing; those of a stopped sweep are not waited for."""
        return self.kind in ("declared", "extended") and n < len(self.order)

    def verdict(self, reached: Mapping[int, bool], rate: float) -> RateVerdict:
        """The verdict, corrected for all attempts.

        Args:
            reached: Seed -> whether that run met the target; of the runs that judge.
            rate: The share of runs that must meet it.
        """
        return self._judge(reached, rate, RATE_ALPHA / self.n_attempts)

    def alone(self, reached: Mapping[int, bool], rate: float) -> RateVerdict:
        """The same as if it were the only attempt."""
        first = self.order[: self.alone_after]
        if self.alone_after and self.kind == "declared" and all(s in reached for s in first):
            return rate_verdict(sum(reached[seed] for seed in first), len(first), rate)
        return self._judge(reached, rate, RATE_ALPHA)

    def _judge(self, reached: Mapping[int, bool], rate: float, alpha: float) -> RateVerdict:
        if not self.is_sequence:
            n, whole = len(reached), max(self.n_declared, len(reached))
            return rate_verdict(sum(reached.values()), n, rate, declared=whole, alpha=alpha)
        unbroken = [reached[seed] for seed in self.unbroken(reached)]
        if self.kind == "extended" and len(unbroken) > self.n_declared:
            return extended_verdict(unbroken, self.n_declared, rate, alpha=alpha)
        if self.kind == "extended":  # a declared run is missing: nothing was looked at yet
            k = sum(unbroken)
            return rate_verdict(k, len(unbroken), rate, declared=self.n_declared, alpha=alpha)
        return until_decided(unbroken, rate, Levels(alpha, alpha))

    def unbroken(self, seeds: Collection[int] | Mapping[int, bool]) -> list[int]:
        """The seeds up to the first missing one; of a stopped sweep those that were run."""
        if self.kind == "stopped":
            return [seed for seed in self.order if seed in seeds]
        return list(takewhile(lambda seed: seed in seeds, self.order))

    def bounds(self, n: int) -> str:
        """What the two bounds of the rate are, for n runs."""
        level = f"one-sided 95% bounds, corrected for {count(self.n_attempts, 'attempt')},"
        if self.n_attempts == 1:
            level = "one-sided 95% bounds"
        kind = "confidence sequence's" if self.is_sequence or self.is_incomplete(n) else "exact"
        return f"{kind} {level}"

    def note(self, n: int) -> str:
        """What a reader must know of n runs: "incomplete, 29 of 49"; nothing where all is plain."""
        parts = [
            self._how(),
            f"incomplete, {integer(n)} of {integer(len(self.order))}"
            if self.is_incomplete(n)
            else "",
        ]
        return "; ".join(part for part in parts if part)

    def _how(self) -> str:
        if self.kind == "extended":
            return f"extended after {count(self.n_declared, 'run')}"
        if self.kind == "stopped":
            return f"stopped because of a result, {integer(self.n_declared)} declared"
        return ""


def standing(protocol: Protocol | None, arm: str, seeds: Collection[int]) -> Standing:
    """How the runs of an arm are judged.

    Args:
        protocol: Of its suite; None where nothing was declared.
        arm: `arm_key` of its runs.
        seeds: Of its judging runs.
    """
    present = sorted(seeds)
    if protocol is None:
        return Standing("undeclared", tuple(present))
    if protocol.rule == "until-decided":
        order = islice(count_from(protocol.first_seed), max(present, default=-1) + 1)
        return Standing(
            kind="until decided",
            order=tuple(order),
            n_attempts=protocol.n_attempts(arm),
            goals=frozenset([protocol.goal]),
        )
    sweeps = protocol.of(arm, "judges")
    first = [sweep for sweep in sweeps if not sweep.n_seen]
    planned = sorted(seed for sweep in first for seed in sweep.each_seed)
    later = [seed for sweep in sweeps if sweep.n_seen for seed in sweep.each_seed]
    strays = [seed for seed in present if seed not in {*planned, *later}]
    if not planned:  # runs of which nothing was declared come first
        planned, strays = strays, []
    added = [*later, *strays]
    if not planned:  # every sweep was declared after runs of which nothing was declared
        planned, added = added, []
    why = next((sweep.stopped for sweep in first if sweep.stopped), "")
    kind: Kind = "undeclared" if not sweeps else "declared"
    if not set(present).isdisjoint(added):
        kind = "extended"
    elif why:
        kind = "stopped"
    return Standing(
        kind=kind,
        order=(*planned, *added),
        n_declared=len(planned) if sweeps else 0,
        n_attempts=protocol.n_attempts(arm),
        alone_after=next((sweep.alone_after for sweep in first if sweep.alone_after), None),
        why=why,
        goals=frozenset(map(protocol.goal_of, sweeps)),
    )


def chosen(protocol: Protocol | None, arm: str) -> set[int]:
    """The seeds whose runs helped to choose the arm: they never judge it."""
    return protocol.seeds(arm, "chooses") if protocol else set()
