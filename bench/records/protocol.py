"""What a suite declares before its runs, as it lies in `results/<suite>/protocol.json`. No torch.

A suite either declares, for each arm, which seeds will be run, or goes on until it is decided. The
file is sealed by a digest, and each run names the declaration that it was made under: so a file
that was edited, exchanged or deleted is found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from bench.errors import bad_option
from bench.spec import (
    SCHEMA,
    AimRelation,
    Count,
    ForeignSpec,
    Fraction,
    Frozen,
    Hex,
    Name,
    Objective,
    PositiveInt,
    RunRecord,
    RunSpec,
    canonical_json,
    digest,
)
from bench.stats.format import percentage, written
from bench.stats.rates import target_count

MOST_SEEDS = 1_000_000  # of one range

Role = Literal["judges", "chooses"]
Rule = Literal["declared", "until-decided"]
Percent = Annotated[float, msgspec.Meta(gt=0, le=100)]


class Goal(NamedTuple):
    """What runs were declared to be judged against; no target where they only count."""

    target: float | None = None  # percent of the test images
    rate: float | None = None  # the share of runs that must meet it
    relation: AimRelation = "at_least"  # above: a run that equals the target misses it

    @classmethod
    def of(cls, objective: Objective | None) -> Goal:
        """The objective's; none where there is no objective."""
        return cls(objective.target, objective.rate, objective.relation) if objective else cls()

    def count(self, n_images: int) -> int:
        """The fewest right answers that meet the target; only where there is one."""
        assert self.target is not None, "no target"
        return target_count(n_images, self.target, self.relation == "above")

    @property
    def words(self) -> str:
        """70.50%, or more than 70.50%; only where there is a target."""
        assert self.target is not None, "no target"
        return f"{'more than ' if self.relation == 'above' else ''}{percentage(self.target)}"

    @property
    def kept_relation(self) -> AimRelation | UnsetType:
        """As a protocol stores it: the usual relation stands in no file."""
        return UNSET if self.relation == "at_least" else self.relation

    def require_possible(self) -> None:
        """Raises UsageError for a target or a rate that no run, and no number of runs, can have."""
        if self.rate is not None and not 0 < self.rate < 1:
            remedy = "give a share between 0 and 1, such as 0.90"
            raise bad_option("rate", written(self.rate), remedy)
        if self.target is not None and not 0 < self.target <= 100:
            raise bad_option("target", written(self.target), "give a percentage, such as 75.50")


NO_GOAL = Goal()


class Sweep(Frozen, frozen=True, kw_only=True):
    """The seeds that one command declared for one arm. Immutable."""

    arm: Hex  # `arm_key` of its runs, 64 hex digits
    dataset: Name
    architecture: Name
    seeds: tuple[tuple[Count, Count], ...]  # first and last of each range
    role: Role = "judges"  # runs that helped to choose an arm never judge it
    n_seen: Count = 0  # judging runs of the arm that were there already
    alone_after: PositiveInt | None = None  # runs after which the verdict taken alone is read
    stopped: str = ""  # why no more of the seeds are run, where a result was the reason
    source: str = ""  # where an older declaration is to be found
    # Where they are not the protocol's own; they are in no file that leaves them out.
    target: Percent | UnsetType | None = UNSET
    rate: Fraction | UnsetType | None = UNSET
    relation: AimRelation | UnsetType = UNSET  # of a target of its own

    @property
    def each_seed(self) -> list[int]:
        return [seed for first, last in self.seeds for seed in range(first, last + 1)]


class Protocol(Frozen, frozen=True, kw_only=True):
    """All that a suite declares. Immutable; sweeps are only ever added."""

    schema: int = SCHEMA
    rule: Rule = "until-decided"
    rate: Fraction | None = None  # the share of runs that must meet the target
    target: Percent | None = None  # percent of the test images; None: the runs only count
    relation: AimRelation | UnsetType = UNSET  # unset: a run must reach the target at least
    alpha: Fraction  # one-sided, of each bound
    cap: PositiveInt | None = None  # until-decided: runs of an architecture at most
    first_seed: Count = 0  # until-decided: runs are judged in the order of seeds, from this one
    sweeps: tuple[Sweep, ...] = ()
    attempts: tuple[Hex, ...] = ()  # arms at one target: their verdicts are corrected together
    sha256: str = ""  # of the file without it

    def of(self, arm: str, role: Role | None = None) -> list[Sweep]:
        """The arm's sweeps, in the order in which they were declared."""
        return [each for each in self.sweeps if each.arm == arm and role in (None, each.role)]

    def seeds(self, arm: str, role: Role | None = None) -> set[int]:
        """The seeds of the same."""
        return {seed for sweep in self.of(arm, role) for seed in sweep.each_seed}

    @property
    def goal(self) -> Goal:
        """That of every sweep which has none of its own."""
        return Goal(self.target, self.rate, self.relation or "at_least")

    def goal_of(self, sweep: Sweep) -> Goal:
        """What the sweep's runs are judged against."""
        if sweep.target is UNSET:
            return self.goal if sweep.rate is UNSET else self.goal._replace(rate=sweep.rate)
        rate = self.rate if sweep.rate is UNSET else sweep.rate
        return Goal(sweep.target, rate, sweep.relation or "at_least")

    def n_attempts(self, arm: str) -> int:
        """By how many attempts the arm's verdict is corrected; 1 for an arm that is none."""
        return len(self.attempts) if arm in self.attempts else 1

    def declaration_of(self, run: RunRecord | RunSpec | ForeignSpec) -> str | None:
        """12 hex digits over what was declared of that run; None where nothing was."""
        if self.rule == "until-decided":
            return _short(self._head())
        sweeps = self.of(arm_key(run))
        return next((self._name(each) for each in sweeps if run.seed in each.each_seed), None)

    def names(self) -> set[str]:
        """Every such declaration."""
        return {_short(self._head())} | {self._name(sweep) for sweep in self.sweeps}

    def sealed(self) -> Protocol:
        """The same, with the digest of its content."""
        open_ = msgspec.structs.replace(self, sha256="")
        return msgspec.structs.replace(self, sha256=digest(canonical_json(open_)))

    @property
    def is_sealed(self) -> bool:
        """Whether nothing was changed since; older files of until-decided suites have no seal."""
        is_older = not (self.sha256 or self.sweeps or self.attempts)
        return is_older or self == self.sealed()

    def problems(self) -> Iterator[str]:
        """What contradicts itself, in words."""
        known: dict[tuple[str, int], Sweep] = {}
        ranges = [each for sweep in self.sweeps for each in sweep.seeds]
        if any(not first <= last < first + MOST_SEEDS for first, last in ranges):
            yield f"a range of seeds is not a range, or has more than {MOST_SEEDS} seeds"
            return
        for sweep in self.sweeps:
            name = f"{sweep.dataset}/{sweep.architecture}/{sweep.arm[:6]}"
            for seed in sweep.each_seed:
                other = known.setdefault((sweep.arm, seed), sweep)
                if other is sweep:
                    continue
                if other.role != sweep.role:
                    yield f"seed {seed} of {name} both chooses and judges"
                else:
                    yield f"seed {seed} of {name} is declared twice"
                break
        arms = {sweep.arm for sweep in self.sweeps}
        for arm in self.attempts:
            if arm not in arms:
                yield f"the attempts name the arm {arm[:12]}, but it has no declared runs"

    def _head(self) -> Protocol:
        return msgspec.structs.replace(self, sweeps=(), attempts=(), sha256="")

    def _name(self, sweep: Sweep) -> str:
        return _short((self._head(), sweep))


def arm_key(run: RunRecord | RunSpec | ForeignSpec) -> str:
    """64 hex digits over all that decides a run's bits but its seed: what a sweep names its arm by.

    It is the key of seed 0, so a field that joins the recipes later changes it as little as keys.
    Whether a run looks at the test split changes none of its bits, so it is no part.
    """
    spec = run.spec if isinstance(run, RunRecord) else run
    if isinstance(spec, ForeignSpec):
        return msgspec.structs.replace(spec, seed=0).key
    return msgspec.structs.replace(spec, seed=0, evaluate_test=True).key


def _short(value: object) -> str:
    return digest(canonical_json(value))[:12]
