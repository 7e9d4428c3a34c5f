"""A row's fields are the columns of a file: the unit is in the name, missing is None.

Counts are exact. Percents are floats of exact fractions, never rounded here.
"""

from __future__ import annotations

from fractions import Fraction

from bench.arms import Arm
from bench.sections._summary import Summary
from bench.spec import Epoch, Frozen, RunRecord
from bench.stats import DECLARED_RATE, TARGET, spread
from bench.stats.format import plain, ranges


class RunRow(Frozen, frozen=True, kw_only=True):
    """One run."""

    suite: str
    dataset: str
    architecture: str
    arm: str  # six hex digits over what runs share that differ in the seed alone
    seed: int
    status: str
    reason: str | None
    n_parameters: int
    epochs_declared: int
    epochs_finished: int
    n_test: int
    last_test_correct: int | None
    last_test_accuracy_percent: float | None
    reached_target: bool | None  # None where the run never looked at the test split
    n_validation: int
    last_validation_correct: int | None
    best_validation_correct: int | None
    selected_epoch: int | None
    selected_test_correct: int | None
    train_seconds: float
    engine_version: int
    device_type: str
    environment: str
    processor: str
    torch: str
    python: str
    commit: str | None
    uncommitted_changes: bool | None
    command: str
    architecture_digest: str
    data_digest: str
    weights_sha256: str | None
    key: str


class EpochRow(Frozen, frozen=True, kw_only=True):
    """One epoch of one run: losses are means over images, counts are exact."""

    dataset: str
    architecture: str
    arm: str
    seed: int
    key: str
    epoch: int
    learning_rate: float
    train_loss: float
    train_correct: int
    validation_loss: float
    validation_correct: int
    test_loss: float | None
    test_correct: int | None
    train_seconds: float


class ResultRow(Frozen, frozen=True, kw_only=True):
    """One arm over its runs. Spreads are over completed runs, rates over all."""

    suite: str
    dataset: str
    architecture: str
    display_name: str
    arm: str
    label: str
    seeds: str
    n_runs: int
    n_completed: int
    n_parameters: int
    epochs: int
    n_test: int
    mean_test_accuracy_percent: float | None
    sd_test_accuracy_points: float | None
    mean_low_percent: float | None  # Student t interval of the mean
    mean_high_percent: float | None
    median_test_accuracy_percent: float | None
    minimum_test_accuracy_percent: float | None
    maximum_test_accuracy_percent: float | None
    n_validation: int
    mean_best_validation_accuracy_percent: float | None
    sd_best_validation_accuracy_points: float | None
    target_percent: float
    target_correct: int
    n_reached: int | None
    declared_rate: float
    rate_lower_bound: float | None
    rate_upper_bound: float | None
    verdict: str | None
    more_runs_to_confirm: int | None


class ParameterRow(Frozen, frozen=True, kw_only=True):
    """A part of the trainable parameters; the parts of a view add up to the total."""

    architecture: str
    display_name: str
    architecture_digest: str
    view: str
    part: str
    n_parameters: int
    at_least: bool


class MeasureRow(Frozen, frozen=True, kw_only=True):
    """One measured figure; `error` says why there is none."""

    architecture: str
    architecture_digest: str
    measure: str
    figure: str
    title: str
    unit: str
    value: int | float | str | bool | list[int] | None
    at_least: bool
    error: str | None


def name_of(arm: Arm) -> str:
    """The arm's digest, as `bench compare` takes it."""
    return arm.identity[:6]


def run_row(summary: Summary, arm: Arm, name: str, run: RunRecord) -> RunRow:
    """The record's figures and where it was made."""
    last = run.epochs[-1] if run.completed else None
    test = last.test_correct if last else None
    here = run.environment
    return RunRow(
        suite=summary.suite,
        dataset=run.dataset.name,
        architecture=run.architecture,
        arm=name,
        seed=run.seed,
        status=run.status,
        reason=run.reason,
        n_parameters=run.n_parameters,
        epochs_declared=run.recipe.epochs,
        epochs_finished=len(run.epochs),
        n_test=run.dataset.n_test,
        last_test_correct=test,
        last_test_accuracy_percent=_percent(test, run.dataset.n_test),
        reached_target=test is not None and test >= arm.target if run.evaluate_test else None,
        n_validation=run.dataset.n_validation,
        last_validation_correct=last.validation_correct if last else None,
        best_validation_correct=_best(run),
        selected_epoch=run.selected_epoch,
        selected_test_correct=_selected(run),
        train_seconds=run.train_seconds,
        engine_version=run.engine_version,
        device_type=run.numerics.device_type,
        environment=here.fingerprint,
        processor=here.processor,
        torch=here.torch,
        python=here.python,
        commit=here.commit,
        uncommitted_changes=here.dirty,
        command=here.command,
        architecture_digest=run.architecture_digest,
        data_digest=run.dataset.digest,
        weights_sha256=run.weights_sha256,
        key=run.key,
    )


def epoch_row(run: RunRecord, name: str, epoch: Epoch) -> EpochRow:
    """The epoch's measurements under the run's name."""
    measured = {name: getattr(epoch, name) for name in Epoch.__struct_fields__}
    return EpochRow(
        dataset=run.dataset.name,
        architecture=run.architecture,
        arm=name,
        seed=run.seed,
        key=run.key,
        **measured,
    )


def result_row(summary: Summary, arm: Arm) -> ResultRow:
    """The arm's centre, spread and rate; None where no run looked at the test split."""
    tested = arm.first.evaluate_test
    test = _Spread(arm.test_counts, arm.n_test)
    best = _Spread(arm.best_validation_counts, arm.first.dataset.n_validation)
    verdict = arm.verdict if tested else None
    return ResultRow(
        suite=summary.suite,
        dataset=arm.first.dataset.name,
        architecture=arm.architecture,
        display_name=summary.display_name(arm.architecture),
        arm=name_of(arm),
        label=arm.label,
        seeds=plain(ranges([run.seed for run in arm.runs])),
        n_runs=len(arm.runs),
        n_completed=len(arm.completed),
        n_parameters=arm.first.n_parameters,
        epochs=arm.first.recipe.epochs,
        n_test=arm.n_test,
        mean_test_accuracy_percent=test.mean,
        sd_test_accuracy_points=test.sd,
        mean_low_percent=test.low,
        mean_high_percent=test.high,
        median_test_accuracy_percent=test.median,
        minimum_test_accuracy_percent=test.minimum,
        maximum_test_accuracy_percent=test.maximum,
        n_validation=arm.first.dataset.n_validation,
        mean_best_validation_accuracy_percent=best.mean,
        sd_best_validation_accuracy_points=best.sd,
        target_percent=float(100 * TARGET),
        target_correct=arm.target,
        n_reached=arm.n_reached if tested else None,
        declared_rate=DECLARED_RATE,
        rate_lower_bound=verdict.lower if verdict else None,
        rate_upper_bound=verdict.upper if verdict else None,
        verdict=verdict.verdict if verdict and summary.comparable else None,
        more_runs_to_confirm=verdict.more_to_confirm if verdict and summary.comparable else None,
    )


class _Spread:
    """Centre and spread of counts in percent; the mean is exact before it becomes a float."""

    def __init__(self, counts: list[int], n_images: int) -> None:
        found = spread(counts)
        interval = found.interval if found else None
        self.mean = float(Fraction(100 * sum(counts), n_images * len(counts))) if counts else None
        self.sd = _scaled(found.sd if found else None, n_images)
        self.low = _scaled(interval.low if interval else None, n_images)
        self.high = _scaled(interval.high if interval else None, n_images)
        self.median = _scaled(found.median if found else None, n_images)
        self.minimum = _percent(min(counts, default=None), n_images)
        self.maximum = _percent(max(counts, default=None), n_images)


def _percent(correct: int | None, n_images: int) -> float | None:
    return None if correct is None else float(Fraction(100 * correct, n_images))


def _scaled(value: float | None, n_images: int) -> float | None:
    return None if value is None else float(100 * Fraction(value) / n_images)


def _best(run: RunRecord) -> int | None:
    return max((e.validation_correct for e in run.epochs), default=None) if run.completed else None


def _selected(run: RunRecord) -> int | None:
    if not run.completed or run.selected_epoch is None:
        return None
    return run.epochs[run.selected_epoch - 1].test_correct
