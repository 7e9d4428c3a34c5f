"""Arms: runs that differ in nothing but the seed. No torch.

Runs of another recipe, source, data set or kind of device are another arm: they are shown beside
it and never averaged with it. An arm is named `suite/dataset/architecture/digest`; the digest is
six hex digits over what its runs share.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.records.protocol import Goal, Protocol, Role, arm_key
from bench.records.standing import Standing, chosen, standing
from bench.spec import (
    DatasetInfo,
    Epoch,
    Objective,
    Portrait,
    RunRecord,
    canonical_json,
    digest,
    essence,
)
from bench.stats.means import Accuracy, accuracy
from bench.stats.outcomes import Outcomes, count_outcomes
from bench.stats.rates import RateVerdict
from bench.stats.values import MISSING

Split = Literal["test", "validation"]
SPLITS: tuple[Split, ...] = ("test", "validation")


@dataclass(frozen=True)
class Arm:
    """Runs that differ only in the seed, one a seed, in the seeds' order.

    Runs that helped to choose an arm are an arm of their own: they are in no mean, no rate and no
    verdict of those that judge it.

    Attributes:
        protocol: Of the suite; None where nothing was declared.
        role: What its runs are for.
        label, slug: The name that the report gives it, for a reader and for a file.
        asked: What a document asks of its architecture on its data set; None where none does.
        is_left_out: Whether its document asks only its other networks: then no goal judges it.
    """

    suite: str
    runs: tuple[RunRecord, ...]
    protocol: Protocol | None = None
    role: Role = "judges"
    label: str = ""
    slug: str = ""
    asked: Objective | None = None
    is_left_out: bool = False

    @property
    def first(self) -> RunRecord:
        return self.runs[0]

    @property
    def architecture(self) -> str:
        return self.first.architecture

    @property
    def dataset(self) -> DatasetInfo:
        return self.first.dataset

    @property
    def n_test(self) -> int:
        return self.dataset.n_test

    @property
    def seeds(self) -> list[int]:
        return [run.seed for run in self.runs]

    @cached_property
    def environments(self) -> frozenset[str]:
        """The fingerprints of the environments that the runs were made in."""
        return frozenset(run.environment.fingerprint for run in self.runs)

    @cached_property
    def identity(self) -> str:
        """64 hex digits over what the runs share, whatever the architecture's name."""
        return identity(self.first)

    @cached_property
    def key(self) -> str:
        """`arm_key` of its runs: what the suite's protocol knows it by."""
        return arm_key(self.first)

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.dataset.name}/{self.architecture}/{self.identity[:6]}"

    def n_images(self, split: Split) -> int:
        """Of the split; 0 where nobody knows, and then no run has a count."""
        return self.dataset.n_test if split == "test" else self.dataset.n_validation or 0

    def counts(self, split: Split) -> list[int]:
        """Right answers after the last epoch, (n_runs,); `MISSING` for a run without them."""
        return [last_count(run, split) for run in self.runs]

    def accuracy(self, split: Split = "test") -> Accuracy:
        """Mean and spread after the last epoch, over the runs that have a count."""
        return accuracy(self.counts(split), self.n_images(split))

    @cached_property
    def completed(self) -> tuple[RunRecord, ...]:
        return tuple(run for run in self.runs if run.completed)

    @cached_property
    def tested(self) -> tuple[tuple[RunRecord, int], ...]:
        """Completed runs with their right answers on the test split after the last epoch."""
        counted = ((run, last_count(run, "test")) for run in self.runs)
        return tuple((run, count) for run, count in counted if count != MISSING)

    @property
    def test_counts(self) -> list[int]:
        """Right answers on the test split after the last epoch; completed runs only."""
        return [count for _, count in self.tested]

    @property
    def best_test_counts(self) -> list[int]:
        """The best epoch's right answers on the test split; optimistic by choice."""
        return [best_count(run, "test") for run, _ in self.tested]

    @property
    def best_validation_counts(self) -> list[int]:
        """The best epoch's right answers on the validation split; optimistic by choice."""
        return [best_count(run, "validation") for run in self.completed]

    def right_answers(self) -> NDArray[np.bool_]:
        """Whether each completed run was right about each test image, (n_runs, n_test).

        A run that lists no wrong answers, for it did not look at the test split, has no row.
        """
        lists = [run.test_misses for run in self.completed if run.test_misses is not None]
        right = np.ones((len(lists), self.n_test), dtype=bool)
        for row, misses in zip(right, lists, strict=True):
            row[[index for index, _ in misses if index < self.n_test]] = False
        return right

    @cached_property
    def objective(self) -> Objective:
        """What its runs are held against: the document's, else what its suite declared."""
        if self.is_left_out:
            return Objective()
        asked, declared = self.asked or Objective(), self.standing.goal
        if asked.target is not None or declared is None:
            return asked
        target, rate, relation = declared
        return replace(asked, target=target, rate=rate, relation=relation)

    @property
    def has_target(self) -> bool:
        """Whether its runs looked at the test split and there is something to reach there."""
        return self.first.evaluate_test and self.objective.target is not None

    @property
    def is_decidable(self) -> bool:
        """Whether a verdict follows: what was declared before the runs is that very target."""
        return self.has_target and self.standing.judges(Goal.of(self.objective))

    @property
    def rate(self) -> float:
        """The share of runs that must reach the target; only where there is a target."""
        assert self.objective.rate is not None, f"{self.name} has no rate"
        return self.objective.rate

    @property
    def target(self) -> int:
        """Right answers that the target asks for; only where there is one."""
        return Goal.of(self.objective).count(self.n_test)

    @property
    def n_reached(self) -> int:
        return sum(count >= self.target for count in self.test_counts)

    @cached_property
    def outcomes(self) -> Outcomes:
        """What the epochs of every run say of the target; a run that did not complete is a miss."""
        n_epochs = max(self.first.n_epochs, *(len(run.epochs) for run in self.runs))
        test, validation = [], []
        for run in self.runs:
            epochs = run.epochs if run.completed else []
            rest = [MISSING] * (n_epochs - len(epochs))
            test.append([_known(e.test_correct) for e in epochs] + rest)
            validation.append([_known(e.validation_correct) for e in epochs] + rest)
        return count_outcomes(test, self.target, validation)

    @cached_property
    def standing(self) -> Standing:
        """How its runs are judged, by what was declared before them."""
        return standing(self.protocol, self.key, self.seeds)

    @property
    def is_judged(self) -> bool:
        """Whether its runs judge, and looked at the test split."""
        return self.role == "judges" and self.first.evaluate_test

    @cached_property
    def verdict(self) -> RateVerdict:
        """Over every run, corrected for all attempts; one that failed or diverged is a miss.

        Only where there is a target.
        """
        return self.standing.verdict(self.reached(self.target), self.rate)

    @property
    def in_order(self) -> list[int]:
        """Its seeds as they were declared, or from the lowest on where nothing was."""
        present = set(self.seeds)
        return [seed for seed in self.standing.order if seed in present]

    def verdict_after(self, n: int) -> RateVerdict:
        """The verdict over its first n runs in that order, by the rule that judges all of them.

        Only where there is a target.
        """
        first = set(self.in_order[:n])
        reached = self.reached(self.target).items()
        return self.standing.verdict(
            {seed: hit for seed, hit in reached if seed in first}, self.rate
        )

    @cached_property
    def alone(self) -> RateVerdict:
        """The same as if there were no other attempt."""
        return self.standing.alone(self.reached(self.target), self.rate)

    def reached(self, target: int) -> dict[int, bool]:
        """Seed -> whether the run's last epoch has so many test images right, or more."""
        return {run.seed: last_count(run, "test") >= target for run in self.runs}


def last_count(run: RunRecord, split: Split) -> int:
    """Right answers after the last epoch; `MISSING` for a run that did not complete."""
    if not run.completed:
        return MISSING
    return _known(_count(run.epochs[-1], split))


def best_count(run: RunRecord, split: Split) -> int:
    """Right answers after the best epoch, chosen on that same split; `MISSING` as above."""
    if not run.completed:
        return MISSING
    counts = [_count(epoch, split) for epoch in run.epochs]
    return max((count for count in counts if count is not None), default=MISSING)


def _count(epoch: Epoch, split: Split) -> int | None:
    return epoch.test_correct if split == "test" else epoch.validation_correct


def _known(count: int | None) -> int:
    return MISSING if count is None else count


def arms(
    suite: str,
    runs: Iterable[RunRecord],
    split: Split,
    protocol: Protocol | None = None,
) -> list[Arm]:
    """The arms that can be counted on the split, sorted by data set, architecture and size.

    A seed that was run both with and without the test split is one run: its bits are the same.
    Runs that helped to choose an arm are left out, unless they are all that there is to count on
    the validation split.

    Args:
        suite: The name of their suite.
        runs: Of any arms, in any order.
        split: What is to be counted.
        protocol: Of the suite.
    """
    groups: dict[tuple[str, str, str], dict[int, RunRecord]] = {}
    for run in runs:
        if split == "test" and not run.evaluate_test:
            continue
        group = groups.setdefault((run.dataset.name, run.architecture, identity(run)), {})
        if run.seed not in group or run.evaluate_test:
            group[run.seed] = run
    found = []
    for group in groups.values():
        judging = sorted(set(group) - chosen(protocol, arm_key(next(iter(group.values())))))
        seeds = judging or (sorted(group) if split == "validation" else [])
        if seeds:
            role: Role = "judges" if judging else "chooses"
            found.append(Arm(suite, tuple(group[seed] for seed in seeds), protocol, role))
    return sorted(found, key=lambda a: (a.dataset.name, a.architecture, -len(a.runs), a.identity))


def is_of_file(run: RunRecord, portraits: Collection[Portrait], at_hand: str | None) -> bool:
    """Whether a run is of the source and the recipe in its architecture's file.

    `claims` and the report both judge by it. A run of an older source stays a record. But it says
    nothing of the network that a reader finds in the file, so no claim is judged by it.

    Args:
        run: Of any source.
        portraits: Measures of any architecture and version. An architecture without a portrait has
            no recipe to tell by: each run of the source at hand passes.
        at_hand: Digest of the source in the file; None where there is no file. Then each measured
            version passes.
    """
    if at_hand not in (None, run.architecture_digest):
        return False
    own = [
        (portrait.architecture_digest, portrait.recipe)
        for portrait in portraits
        if portrait.architecture == run.architecture
        and at_hand in (None, portrait.architecture_digest)
    ]
    return not own or (run.architecture_digest, run.recipe) in own


def identity(run: RunRecord) -> str:
    """64 hex digits over all that decides a run's bits but its seed.

    Whether a run looked at the test split changes none of its bits, so it is no part. The digest
    of an architecture that is not ours is over all that is known of how its runs were made. A field
    that joins the recipes later changes it as little as it changes the keys of runs.
    """
    return _identity(
        run.architecture_digest,
        run.recipe,
        run.dataset,
        run.numerics,
        run.engine_version,
    )


@lru_cache
def _identity(*shared: Any) -> str:
    """One digest for the thousands of runs that share all of it."""
    return digest(canonical_json([essence(each) for each in shared]))
