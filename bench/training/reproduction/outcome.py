"""Recorded and retrained runs, compared and told. No torch, no files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import mean
from typing import Literal

from bench.records.arms import Split, last_count
from bench.spec import NOT_KNOWN, Environment, Epoch, RunRecord, Status
from bench.stats.declared import FEWEST_RUNS
from bench.stats.format import count, fixed, integer, percentage, plain, points, span
from bench.stats.means import accuracy, standard_deviation
from bench.stats.values import MISSING, Interval

Verdict = Literal["same_bits", "differs", "inside", "outside", "undecided", "failed"]
EXIT_CODES: dict[Verdict, int] = {
    "same_bits": 0,  # also: diverged again at the same step
    "differs": 1,
    "inside": 0,
    "outside": 1,
    "undecided": 0,  # nothing speaks against the record
    "failed": 3,  # the retraining itself went wrong, which says nothing of the record
}
# In another environment an honest rerun lies outside with a chance of 0.1 %. At 95 % one honest
# rerun in twenty would be called not reproduced.
CONFIDENCE = 0.999
OF_INSIDE: dict[bool | None, Verdict] = {True: "inside", False: "outside", None: "undecided"}
COUNTS = ("train_correct", "validation_correct", "test_correct")
STEP = re.compile(r"epoch (\d+), step (\d+)")  # in the reason of a diverged run


@dataclass(frozen=True)
class Side:
    """What one of the two runs ended with, and where."""

    status: Status
    reason: str | None
    n_epochs: int
    correct: int | None  # right answers after the last epoch; None where it did not complete
    weights_sha256: str | None
    fingerprint: str
    device: str
    processor: str
    torch: str
    commit: str | None


@dataclass(frozen=True)
class Difference:
    """The first epoch whose counts differ; a count is None where a side does not have it."""

    epoch: int
    counts: dict[str, tuple[int | None, int | None]]  # count's name -> (recorded, retrained)


@dataclass(frozen=True)
class Rerun:
    """One seed, recorded and trained again."""

    seed: int
    recorded: Side
    retrained: Side
    same_environment: bool
    difference: Difference | None
    same_bits: bool  # also: diverged again at the same step


@dataclass(frozen=True)
class Distribution:
    """The mean of the retrained runs among the recorded ones; all figures are right answers."""

    n_new: int  # retrained runs
    mean_new: float
    n: int  # recorded runs that differ in their seed alone
    mean: float | None
    sd: float | None
    minimum: int | None
    maximum: int | None
    confidence: float
    prediction: Interval | None  # of the mean of so many more runs
    inside: bool | None  # None where it cannot be judged


@dataclass(frozen=True)
class Reproduction:
    """All that was found."""

    run: str
    verdict: Verdict
    same_environment: bool
    split: Split  # whose right answers are compared
    n_images: int
    reruns: tuple[Rerun, ...]
    distribution: Distribution | None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def is_same(recorded: Environment, here: Environment) -> bool:
    """Whether equal bits may be asked for; never of a command of the user's."""
    return recorded.torch != NOT_KNOWN and recorded.fingerprint == here.fingerprint


def compare(
    run: str, pairs: Sequence[tuple[RunRecord, RunRecord]], family: Iterable[RunRecord]
) -> Reproduction:
    """What the retraining says of the records.

    Args:
        run: The first run's name.
        pairs: A recorded run, completed or diverged, and the same run made anew; one at the least.
        family: The suite's completed runs of the records' kind; read in another environment alone.
    """
    retrained = pairs[0][1]
    split: Split = "test" if retrained.evaluate_test else "validation"
    info = retrained.dataset
    n_images = info.n_test if split == "test" else info.n_validation or 0
    reruns = tuple(_rerun(*pair, split) for pair in pairs)
    verdict, distribution = _by_bits(reruns), None
    if verdict is None:
        counts = [last_count(again, split) for _, again in pairs]
        distribution = place(counts, [last_count(each, split) for each in family], n_images)
        verdict = OF_INSIDE[distribution.inside]
    same = all(each.same_environment for each in reruns)
    return Reproduction(run, verdict, same, split, n_images, reruns, distribution)


def _rerun(recorded: RunRecord, retrained: RunRecord, split: Split) -> Rerun:
    same = is_same(recorded.environment, retrained.environment)
    difference = first_difference(recorded.epochs, retrained.epochs)
    if "diverged" in (recorded.status, retrained.status):
        alike = _diverged_alike(recorded, retrained) and not (same and difference)
    else:
        alike = recorded.weights_sha256 == retrained.weights_sha256 and not difference
    sides = _side(recorded, split), _side(retrained, split)
    return Rerun(recorded.seed, *sides, same, difference, alike)


def _by_bits(reruns: Sequence[Rerun]) -> Verdict | None:
    """None where the distribution decides: every run completed, and one was made elsewhere."""
    if any(each.retrained.status == "failed" for each in reruns):
        return "failed"
    strict = [each for each in reruns if each.same_environment or _has_diverged(each)]
    if not all(each.same_bits for each in strict):
        return "differs"
    return "same_bits" if len(strict) == len(reruns) else None


def _has_diverged(rerun: Rerun) -> bool:
    return "diverged" in (rerun.recorded.status, rerun.retrained.status)


def _side(record: RunRecord, split: Split) -> Side:
    where, correct = record.environment, last_count(record, split)
    return Side(
        status=record.status,
        reason=record.reason,
        n_epochs=len(record.epochs),
        correct=None if correct == MISSING else correct,
        weights_sha256=record.weights_sha256,
        fingerprint=where.fingerprint,
        device=where.device,
        processor=where.processor,
        torch=where.torch,
        commit=where.commit,
    )


def first_difference(recorded: list[Epoch], retrained: list[Epoch]) -> Difference | None:
    """The first epoch whose counts differ, or that one of the two lacks; None for equal ones."""
    for number, (ours, theirs) in enumerate(zip_longest(recorded, retrained), start=1):
        pairs = {name: (getattr(ours, name, None), getattr(theirs, name, None)) for name in COUNTS}
        counts = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        if counts:
            return Difference(number, counts)
    return None


def _diverged_alike(recorded: RunRecord, retrained: RunRecord) -> bool:
    """Whether both diverged, at the same step."""
    both = recorded.status == retrained.status == "diverged"
    return both and _step(recorded) == _step(retrained)


def _step(record: RunRecord) -> tuple[str, ...] | str | None:
    """(epoch, step) at which it diverged; the whole reason where it names none."""
    match = STEP.search(record.reason or "")
    return match.groups() if match else record.reason


def place(retrained: Sequence[int], family: Iterable[int], n_images: int) -> Distribution:
    """Where the mean of the retrained runs lies among the runs of the suite.

    The interval takes new runs for independent of the suite's, though some of those share their
    seeds: that makes them agree the more, so `outside` is never said too easily for that reason.

    Args:
        retrained: Right answers after the last epoch, one a run.
        family: The same of the suite's runs; `MISSING` ones are left out.
        n_images: Of how many.
    """
    found, n_new, average = accuracy(family, n_images), len(retrained), mean(retrained)
    sd = standard_deviation(found.counts)
    prediction = found.prediction(n_new, CONFIDENCE)
    return Distribution(
        n_new=n_new,
        mean_new=float(average),
        n=len(found.counts),
        mean=mean(map(float, found.counts)) if found.counts else None,
        sd=sd,
        minimum=min(found.counts, default=None),
        maximum=max(found.counts, default=None),
        confidence=CONFIDENCE,
        prediction=prediction,
        inside=average in prediction if prediction else None,
    )


# --- for a person --------------------------------------------------------------------------------


def environment_line(recorded: Environment, here: Environment) -> str:
    """Which comparison it will be, and why."""
    if recorded.torch == NOT_KNOWN:
        return "the bits of your own command are not known: its accuracy must fit the suite's"
    if is_same(recorded, here):
        return f"same environment ({_place(here)}): every bit must be equal"
    return (
        f"another environment: recorded on {_place(recorded)}; here {_place(here)}: the accuracy "
        "must fit the suite's runs"
    )


def _place(where: Environment) -> str:
    return f"{where.processor}, torch {where.torch}, fingerprint {where.fingerprint}"


def lines(outcome: Reproduction) -> list[str]:
    """The outcome in words; the last line is the verdict."""
    counted = [line for each in outcome.reruns if (line := _count_line(outcome, each))]
    return [plain(line) for line in (*counted, *_verdict_lines(outcome))]


def _count_line(outcome: Reproduction, rerun: Rerun) -> str:
    """Recorded, now and the difference; nothing where one of the two has no count."""
    before, now = rerun.recorded.correct, rerun.retrained.correct
    if before is None or now is None:
        return ""
    change = "the same number"
    if now != before:
        change = f"{count(abs(now - before), 'image')} {'more' if now > before else 'fewer'}"
    return (
        f"seed {rerun.seed}: {integer(before)} of {integer(outcome.n_images)} {outcome.split} "
        f"images right in the record, {integer(now)} now: {change}"
    )


def _verdict_lines(outcome: Reproduction) -> list[str]:
    reruns = outcome.reruns
    if outcome.verdict == "failed":
        reasons = [e.retrained.reason for e in reruns if e.retrained.status == "failed"]
        return [f"failed: the retraining went wrong: {reasons[0]}"]
    if found := outcome.distribution:
        return [_suite_line(found), _fit_line(found)]
    if outcome.verdict == "differs":
        return _difference_lines(outcome)
    if len(reruns) > 1:
        return [f"reproduced: the same bits in all {len(reruns)} runs"]
    (only,) = reruns
    if only.recorded.status == "diverged":
        return [f"reproduced: diverged again, {only.retrained.reason}"]
    weights = (only.retrained.weights_sha256 or "")[:12]
    return [f"reproduced: the same bits (weights {weights}, epochs {only.retrained.n_epochs})"]


def _difference_lines(outcome: Reproduction) -> list[str]:
    """The first run that is not the recorded one; before it, other code, which may be why."""
    first = next(
        each
        for each in outcome.reruns
        if not each.same_bits and (each.same_environment or _has_diverged(each))
    )
    before, now = first.recorded.commit, first.retrained.commit
    seed = f"seed {first.seed}: " if len(outcome.reruns) > 1 else ""
    told = f"not reproduced: {seed}{'; '.join(_differences(first))}"
    if not first.same_environment or before == now:
        return [told]
    return [f"other code: commit {before or 'unknown'} recorded, {now or 'unknown'} now", told]


def _differences(rerun: Rerun) -> list[str]:
    """What differs, the ends first."""
    recorded, retrained, first = rerun.recorded, rerun.retrained, rerun.difference
    found = []
    if _has_diverged(rerun):
        found.append(f"{_end(recorded)} recorded, {_end(retrained)} now")
    elif recorded.weights_sha256 != retrained.weights_sha256:
        pair = (recorded.weights_sha256 or "none", retrained.weights_sha256 or "none")
        found.append(f"weights {pair[0][:12]} recorded, {pair[1][:12]} now")
    else:
        found.append("the weights are equal")
    if first is None:
        return [*found, "the counts of every epoch are equal"]
    counts = ", ".join(_pair(name, *pair) for name, pair in first.counts.items())
    return [*found, f"the counts differ first in epoch {first.epoch}: {counts}"]


def _end(side: Side) -> str:
    return f"{side.status}, {side.reason}," if side.reason else side.status


def _pair(name: str, recorded: int | None, retrained: int | None) -> str:
    split = name.removesuffix("_correct")
    before, now = ("none" if each is None else integer(each) for each in (recorded, retrained))
    return f"{split} {before} recorded, {now} now"


def _suite_line(found: Distribution) -> str:
    if found.mean is None or found.minimum is None or found.maximum is None:
        return "the suite has no completed run of this kind"
    runs = count(found.n, "completed run")
    return (
        f"the suite has {runs} of this kind: mean {fixed(found.mean, 2)} right, "
        f"sd {points(found.sd, 2)}, from {integer(found.minimum)} to {integer(found.maximum)}"
    )


def _fit_line(found: Distribution) -> str:
    if found.n < FEWEST_RUNS:
        return f"not judged: the suite needs {FEWEST_RUNS} completed runs, and it has {found.n}"
    if found.prediction is None:
        return "not judged: the suite's runs are all equal, so they give no spread"
    new = "one more run" if found.n_new == 1 else f"the mean of {found.n_new} more runs"
    now = fixed(found.mean_new, 0 if found.n_new == 1 else 2)
    word, place_ = ("reproduced", "inside") if found.inside else ("not reproduced", "outside")
    sure = percentage(100 * found.confidence, 1)
    edges = span(found.prediction, 1)
    return f"{word}: {now} lies {place_} {edges}, the {sure} prediction interval of {new}"
