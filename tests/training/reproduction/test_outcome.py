"""A recorded and a retrained run compared: intervals and epochs worked by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.spec import RunRecord
from bench.training.reproduction import outcome
from tests import factories


def runs(*test_counts: int) -> list[RunRecord]:
    return [factories.record(seed=s, test_correct=c) for s, c in enumerate(test_counts)]


def again(test_correct: int, **changes: object) -> RunRecord:
    record = factories.record(seed=0, test_correct=test_correct, environment=factories.WORKSTATION)
    return replace(record, **changes)


@pytest.mark.parametrize(
    ("test_correct", "verdict", "code"),
    # 10, 12, 14: mean 12, sd 2; t(2) at 0.975 is 4.3027, times 2 sqrt(4 / 3) gives 9.9366.
    [(2, "outside", 1), (3, "inside", 0), (21, "inside", 0), (22, "outside", 1)],
)
def test_the_prediction_interval_decides(test_correct: int, verdict: str, code: int) -> None:
    family = runs(10, 12, 14)
    found = outcome.compare("run", family[0], again(test_correct), family)
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert found.distribution is not None
    assert found.distribution.prediction is not None
    assert found.distribution.prediction.low == pytest.approx(2.0634, abs=1e-4)
    assert found.distribution.prediction.high == pytest.approx(21.9366, abs=1e-4)
    assert outcome.lines(found) == [
        f"test right, last epoch: {test_correct} of 10,000",
        "the suite's completed runs of this kind: 3, mean 12.00, sd 2.00, from 10 to 14",
        ("consistent: inside" if code == 0 else "not consistent: outside")
        + " the 95 % prediction interval of one more run, 2.1 to 21.9",
    ]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([], ["kind: none", "cannot be judged: 3 runs are needed, the suite has 0"]),
        ([10], ["kind: 1, mean 10.00, sd n/a", "3 runs are needed, the suite has 1"]),
        ([10, 12], ["kind: 2, mean 11.00, sd 1.41", "3 runs are needed, the suite has 2"]),
        ([10, 10, 10], ["kind: 3, mean 10.00, sd 0.00", "all equal, so they give no spread"]),
    ],
)
def test_too_few_runs_judge_nothing(counts: list[int], words: list[str]) -> None:
    found = outcome.compare("run", factories.record(), again(9000), runs(*counts))
    assert (found.verdict, found.exit_code) == ("undecided", 0)
    for word in words:
        assert word in "\n".join(outcome.lines(found))


def test_a_run_made_without_the_test_split_is_compared_on_validation() -> None:
    family = [factories.record(seed=seed, evaluate_test=False) for seed in range(5)]
    retrained = replace(family[0], environment=factories.WORKSTATION)
    found = outcome.compare("run", family[0], retrained, family).distribution
    assert found is not None
    assert (found.split, found.n_images, found.n) == ("validation", 6000, 5)
    assert found.correct == family[0].epochs[-1].validation_correct


def test_the_first_of_several_differing_epochs_is_named() -> None:
    record = factories.record()
    epochs = list(record.epochs)
    for index, name in ((6, "validation_correct"), (4, "train_correct"), (4, "test_correct")):
        epochs[index] = replace(epochs[index], **{name: 1234})
    found = outcome.compare("run", record, replace(record, epochs=epochs), [])
    assert (found.verdict, found.exit_code) == ("differs", 1)
    train, test = record.epochs[4].train_correct, record.epochs[4].test_correct
    (line,) = outcome.lines(found)
    assert line == (
        "not reproduced: the weights are equal; the first epoch whose counts differ is 5: "
        f"train {train:,} recorded, 1,234 now, test {test:,} recorded, 1,234 now"
    )
    shorter = outcome.first_difference(record.epochs, record.epochs[:-1])
    assert shorter is not None
    assert shorter.epoch == 15
    assert {pair[1] for pair in shorter.counts.values()} == {None}


def test_another_commit_is_named_where_bits_differ() -> None:
    record = factories.record()
    newer = replace(record.environment, commit="f" * 40)
    found = outcome.compare(
        "run", record, replace(record, environment=newer, weights_sha256="1" * 64), []
    )
    first, last = outcome.lines(found)
    assert first == f"other code: commit {record.environment.commit} recorded, {'f' * 40} now"
    assert last.startswith("not reproduced: weights ")


@pytest.mark.parametrize(
    ("retrained", "verdict"),
    [
        ({}, "same_bits"),
        ({"reason": "loss is not finite at epoch 3, step 17"}, "same_bits"),
        ({"reason": "loss is not finite at epoch 3, step 18"}, "differs"),
        ({"reason": "loss is not finite at epoch 2, step 17"}, "differs"),
        ({"status": "completed", "reason": None}, "differs"),
        ({"status": "failed", "reason": "no memory"}, "failed"),
        ({"epochs": []}, "differs"),  # its counts are bits too
    ],
)
def test_a_diverged_record(retrained: dict[str, object], verdict: str) -> None:
    record = factories.failed()
    found = outcome.compare("run", record, replace(record, **retrained), [])
    assert found.verdict == verdict
    assert len(outcome.lines(found)) == 1


def test_a_completed_record_whose_retraining_diverges_differs_anywhere() -> None:
    for where in (factories.LAPTOP, factories.WORKSTATION):
        diverged = factories.failed(environment=where)
        found = outcome.compare("run", factories.record(), diverged, runs(10, 12, 14))
        assert (found.verdict, found.exit_code) == ("differs", 1)
        assert "completed recorded, diverged, the loss was not finite" in outcome.lines(found)[-1]


def test_in_another_environment_a_diverged_run_may_have_other_counts() -> None:
    record = factories.failed()
    moved = replace(record, environment=factories.WORKSTATION, epochs=record.epochs[::-1])
    assert outcome.compare("run", record, moved, []).verdict == "same_bits"
