"""A recorded and a retrained run, compared and told. No torch, no files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from bench.records.arms import Split, last_count
from bench.spec import Environment, Epoch, RunRecord, Status
from bench.stats import means
from bench.stats.declared import FEWEST_RUNS
from bench.stats.format import fixed, integer, plain, points, span
from bench.stats.means import prediction_interval
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
OF_INSIDE: dict[bool | None, Verdict] = {True: "inside", False: "outside", None: "undecided"}
COUNTS = ("train_correct", "validation_correct", "test_correct")
STEP = re.compile(r"epoch (\d+), step (\d+)")  # in the reason of a diverged run


@dataclass(frozen=True)
class Side:
    """What one of the two runs ended with, and where."""

    status: Status
    reason: str | None
    n_epochs: int
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
class Distribution:
    """The retrained run's last epoch among the suite's runs; all figures are right answers."""

    split: Split
    n_images: int
    correct: int  # the retrained run's
    n: int  # the suite's runs
    mean: float | None
    sd: float | None
    minimum: float | None
    maximum: float | None
    prediction: Interval | None  # 95 %, of one more run
    inside: bool | None  # None where it cannot be judged


@dataclass(frozen=True)
class Reproduction:
    """All that was found."""

    run: str
    verdict: Verdict
    same_environment: bool
    recorded: Side
    retrained: Side
    difference: Difference | None
    distribution: Distribution | None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def is_same(recorded: Environment, here: Environment) -> bool:
    """Whether equal bits may be asked for."""
    return recorded.fingerprint == here.fingerprint


def compare(
    run: str, recorded: RunRecord, retrained: RunRecord, family: list[RunRecord]
) -> Reproduction:
    """What the retraining says of the record.

    Args:
        run: The run's name.
        recorded: A completed or diverged run.
        retrained: The same run, made anew.
        family: The suite's completed runs of the record's kind; read in another environment alone.
    """
    same = is_same(recorded.environment, retrained.environment)
    difference = first_difference(recorded.epochs, retrained.epochs)
    distribution = None
    if retrained.status == "failed":
        verdict: Verdict = "failed"
    elif "diverged" in (recorded.status, retrained.status):
        alike = _diverged_alike(recorded, retrained) and not (same and difference)
        verdict = "same_bits" if alike else "differs"
    elif same:
        equal = recorded.weights_sha256 == retrained.weights_sha256 and not difference
        verdict = "same_bits" if equal else "differs"
    else:
        distribution = place(retrained, family)
        verdict = OF_INSIDE[distribution.inside]
    sides = _side(recorded), _side(retrained)
    return Reproduction(run, verdict, same, *sides, difference, distribution)


def _side(record: RunRecord) -> Side:
    where = record.environment
    return Side(
        status=record.status,
        reason=record.reason,
        n_epochs=len(record.epochs),
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


def place(retrained: RunRecord, family: list[RunRecord]) -> Distribution:
    """Where the retrained run's last epoch lies among the runs of the suite.

    The interval takes the new run for independent of the suite's, though one of those may share
    its seed: that makes it agree the more, so `outside` is never said too easily for that reason.
    """
    split: Split = "test" if retrained.evaluate_test else "validation"
    info, correct = retrained.dataset, last_count(retrained, split)
    counts = [count for run in family if (count := last_count(run, split)) != MISSING]
    spread = means.spread(counts)
    prediction = prediction_interval(counts) if len(counts) >= FEWEST_RUNS else None
    return Distribution(
        split=split,
        n_images=info.n_test if split == "test" else info.n_validation,
        correct=correct,
        n=len(counts),
        **{name: getattr(spread, name, None) for name in ("mean", "sd", "minimum", "maximum")},
        prediction=prediction,
        inside=correct in prediction if prediction else None,
    )


def environment_line(recorded: Environment, here: Environment) -> str:
    """Which comparison it will be, and why."""
    if is_same(recorded, here):
        return f"same environment ({_place(here)}): comparing bits"
    return (
        f"another environment: recorded on {_place(recorded)}; here {_place(here)}: comparing with "
        "the suite's distribution"
    )


def _place(where: Environment) -> str:
    return f"{where.processor}, torch {where.torch}, fingerprint {where.fingerprint}"


def lines(outcome: Reproduction) -> list[str]:
    """The outcome for a person; the last line is the verdict."""
    if outcome.verdict == "failed":
        return [f"failed: the retraining went wrong: {outcome.retrained.reason}"]
    if found := outcome.distribution:
        counts = f"{integer(found.correct)} of {integer(found.n_images)}"
        return [
            f"{found.split} right, last epoch: {counts}",
            _suite_line(found),
            _verdict_line(found),
        ]
    if outcome.verdict == "differs":
        before, now = outcome.recorded.commit, outcome.retrained.commit
        other = outcome.same_environment and before != now  # which may be why
        code = f"other code: commit {before or 'unknown'} recorded, {now or 'unknown'} now"
        told = f"not reproduced: {'; '.join(_differences(outcome))}"
        return [code, told] if other else [told]
    if outcome.recorded.status == "diverged":
        return [f"reproduced: diverged again, {outcome.retrained.reason}"]
    weights = (outcome.retrained.weights_sha256 or "")[:12]
    return [f"reproduced: same bits (weights {weights}, epochs {outcome.retrained.n_epochs})"]


def _differences(outcome: Reproduction) -> list[str]:
    """What differs, the ends first."""
    recorded, retrained, first = outcome.recorded, outcome.retrained, outcome.difference
    found = []
    if "diverged" in (recorded.status, retrained.status):
        found.append(f"{_end(recorded)} recorded, {_end(retrained)} now")
    elif recorded.weights_sha256 != retrained.weights_sha256:
        pair = (recorded.weights_sha256 or "none", retrained.weights_sha256 or "none")
        found.append(f"weights {pair[0][:12]} recorded, {pair[1][:12]} now")
    else:
        found.append("the weights are equal")
    if first is None:
        return [*found, "the counts of every epoch are equal"]
    counts = ", ".join(_pair(name, *pair) for name, pair in first.counts.items())
    return [*found, f"the first epoch whose counts differ is {first.epoch}: {counts}"]


def _end(side: Side) -> str:
    return f"{side.status}, {side.reason}," if side.reason else side.status


def _pair(name: str, recorded: int | None, retrained: int | None) -> str:
    split = name.removesuffix("_correct")
    before, now = ("none" if each is None else integer(each) for each in (recorded, retrained))
    return f"{split} {before} recorded, {now} now"


def _suite_line(found: Distribution) -> str:
    if found.mean is None or found.minimum is None or found.maximum is None:
        return "the suite's completed runs of this kind: none"
    return (
        f"the suite's completed runs of this kind: {found.n}, mean {fixed(found.mean, 2)}, "
        f"sd {points(found.sd, 2)}, from {fixed(found.minimum, 0)} to {fixed(found.maximum, 0)}"
    )


def _verdict_line(found: Distribution) -> str:
    if found.n < FEWEST_RUNS:
        return f"cannot be judged: {FEWEST_RUNS} runs are needed, the suite has {found.n}"
    if found.prediction is None:
        return "cannot be judged: the suite's runs are all equal, so they give no spread"
    edges = plain(span(found.prediction, 1))
    where = "inside" if found.inside else "outside"
    word = "consistent" if found.inside else "not consistent"
    return f"{word}: {where} the 95 % prediction interval of one more run, {edges}"
