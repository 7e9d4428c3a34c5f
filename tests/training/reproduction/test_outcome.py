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
    # 5010, 5012, 5014: mean 5012, sd 2; t(2) at 0.9995 is 31.5991, times 2 sqrt(4 / 3) is 72.975.
    [(4939, "outside", 1), (4940, "inside", 0), (5084, "inside", 0), (5085, "outside", 1)],
)
def test_the_prediction_interval_decides(test_correct: int, verdict: str, code: int) -> None:
    family = runs(5010, 5012, 5014)
    found = outcome.compare("run", [(family[0], again(test_correct))], family)
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert found.distribution is not None
    assert found.distribution.prediction is not None
    assert found.distribution.prediction.low == pytest.approx(5012 - 72.975, abs=1e-3)
    assert found.distribution.prediction.high == pytest.approx(5012 + 72.975, abs=1e-3)
    apart = f"{abs(test_correct - 5010)} images {'more' if test_correct > 5010 else 'fewer'}"
    assert outcome.lines(found) == [
        f"seed 0: 5,010 of 10,000 test images right in the record, {test_correct:,} now: {apart}",
        (
            "the suite has 3 completed runs of this kind: mean 5,012.00 right, sd 2.00, "
            "from 5,010 to 5,014"
        ),
        ("reproduced: " if code == 0 else "not reproduced: ")
        + f"{test_correct:,} lies {'inside' if code == 0 else 'outside'} 4,939.0 to 5,085.0, "
        "the 99.9 % prediction interval of one more run",
    ]


@pytest.mark.parametrize(
    ("now", "verdict"),
    # As above, times 2 sqrt(2 / 3) for the mean of three: 5012 +- 51.601.
    [((5010, 5012, 5168), "inside"), ((5010, 5012, 5169), "outside")],
)
def test_three_seeds_are_judged_by_their_mean(now: tuple[int, ...], verdict: str) -> None:
    family = runs(5010, 5012, 5014)
    pairs = [
        (old, replace(again(new), seed=old.seed)) for old, new in zip(family, now, strict=True)
    ]
    found = outcome.compare("run", pairs, family)
    assert found.verdict == verdict
    assert found.distribution is not None
    assert found.distribution.prediction is not None
    assert found.distribution.prediction.high == pytest.approx(5012 + 51.601, abs=1e-3)
    lines = outcome.lines(found)
    assert lines[0] == (
        "seed 0: 5,010 of 10,000 test images right in the record, 5,010 now: the same number"
    )
    assert [line.split(":")[0] for line in lines[1:3]] == ["seed 1", "seed 2"]
    assert "the 99.9 % prediction interval of the mean of 3 more runs" in lines[-1]


def test_no_interval_leaves_what_a_network_can_have_right() -> None:
    found = outcome.place([9999], [9990, 9995, 10_000], 10_000)
    assert found.prediction is not None
    assert found.prediction.high == 10_000
    assert found.inside


def test_one_of_three_runs_with_other_bits_is_named() -> None:
    """Where the environment is the record's, each run must have the record's bits."""
    family = runs(5010, 5012, 5014)
    pairs = [(run, run) for run in family]
    assert outcome.lines(outcome.compare("run", pairs, family))[-1] == (
        "reproduced: the same bits in all 3 runs"
    )
    pairs[1] = (family[1], replace(family[1], weights_sha256="1" * 64))
    found = outcome.compare("run", pairs, family)
    assert (found.verdict, found.exit_code) == ("differs", 1)
    assert outcome.lines(found)[-1].startswith("not reproduced: seed 1: weights ")


def test_a_run_that_was_made_here_must_have_its_bits_beside_others() -> None:
    """Of two runs one was recorded elsewhere: its accuracy decides, but only if the other holds."""
    family = runs(5010, 5012, 5014)
    here = replace(family[1], weights_sha256="1" * 64)
    found = outcome.compare("run", [(family[0], again(5010)), (family[1], here)], family)
    assert found.verdict == "differs"
    found = outcome.compare("run", [(family[0], again(5010)), (family[1], family[1])], family)
    assert found.verdict == "inside"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([], ["no completed run of this kind", "needs 3 completed runs, and it has 0"]),
        ([10], ["1 completed run of this kind: mean 10.00 right, sd n/a", "and it has 1"]),
        ([10, 12], ["2 completed runs of this kind: mean 11.00 right, sd 1.41", "and it has 2"]),
        ([10, 10, 10], ["mean 10.00 right, sd 0.00", "all equal, so they give no spread"]),
    ],
)
def test_too_few_runs_judge_nothing(counts: list[int], words: list[str]) -> None:
    found = outcome.compare("run", [(factories.record(), again(9000))], runs(*counts))
    assert (found.verdict, found.exit_code) == ("undecided", 0)
    assert outcome.lines(found)[-1].startswith("not judged: ")
    for word in words:
        assert word in "\n".join(outcome.lines(found))


def test_a_run_made_without_the_test_split_is_compared_on_validation() -> None:
    family = [factories.record(seed=seed, evaluate_test=False) for seed in range(5)]
    retrained = replace(family[0], environment=factories.WORKSTATION)
    found = outcome.compare("run", [(family[0], retrained)], family)
    assert found.distribution is not None
    assert (found.split, found.n_images, found.distribution.n) == ("validation", 6000, 5)
    assert found.distribution.mean_new == family[0].epochs[-1].validation_correct


def test_the_first_of_several_differing_epochs_is_named() -> None:
    record = factories.record()
    epochs = list(record.epochs)
    for index, name in ((6, "validation_correct"), (4, "train_correct"), (4, "test_correct")):
        epochs[index] = replace(epochs[index], **{name: 1234})
    found = outcome.compare("run", [(record, replace(record, epochs=epochs))], [])
    assert (found.verdict, found.exit_code) == ("differs", 1)
    train, test = record.epochs[4].train_correct, record.epochs[4].test_correct
    _, line = outcome.lines(found)
    assert line == (
        "not reproduced: the weights are equal; the counts differ first in epoch 5: "
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
        "run", [(record, replace(record, environment=newer, weights_sha256="1" * 64))], []
    )
    _, first, last = outcome.lines(found)
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
    found = outcome.compare("run", [(record, replace(record, **retrained))], [])
    assert found.verdict == verdict
    assert len(outcome.lines(found)) == 1


def test_a_completed_record_whose_retraining_diverges_differs_anywhere() -> None:
    for where in (factories.LAPTOP, factories.WORKSTATION):
        diverged = factories.failed(environment=where)
        found = outcome.compare("run", [(factories.record(), diverged)], runs(10, 12, 14))
        assert (found.verdict, found.exit_code) == ("differs", 1)
        assert "completed recorded, diverged, the loss was not finite" in outcome.lines(found)[-1]


def test_in_another_environment_a_diverged_run_may_have_other_counts() -> None:
    record = factories.failed()
    moved = replace(record, environment=factories.WORKSTATION, epochs=record.epochs[::-1])
    assert outcome.compare("run", [(record, moved)], []).verdict == "same_bits"
