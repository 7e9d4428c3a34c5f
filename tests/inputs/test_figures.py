"""Figures of runs that are not ours: what is read, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bench.inputs.figures import BadFigures, Figures, count_of, number, whole
from bench.records.foreign import dataset_info

MNIST = dataset_info("mnist", n_test=10_000, n_validation=6_000)


def gathered(*rows: dict[str, Any], **options: Any) -> Figures:
    figures = Figures(MNIST, **options)
    for row in rows:
        figures.add(row.pop("epoch"), row)
    return figures


def test_counts_and_accuracies_become_the_same_counts() -> None:
    by_count = gathered({"epoch": 1, "test_correct": "9912", "validation_correct": 5940})
    by_share = gathered({"epoch": 1, "test_accuracy": 0.9912, "validation_accuracy": "0.99"})
    by_percent = gathered({"epoch": 1, "test_accuracy": "99.12 %", "validation_accuracy": 99})
    (epoch,) = by_count.epochs()
    assert (epoch.test_correct, epoch.validation_correct) == (9912, 5940)
    assert by_share.epochs() == by_percent.epochs() == [epoch]


def test_what_was_not_told_is_none_and_an_epoch_left_out_is_there() -> None:
    figures = gathered({"epoch": 3, "test_correct": 9000})
    first, second, third = figures.epochs()
    assert (first.epoch, first.test_correct, second.test_correct) == (1, None, None)
    assert (third.test_correct, third.train_loss, third.train_seconds) == (9000, None, None)


def test_epochs_may_count_from_zero() -> None:
    figures = gathered({"epoch": 0, "test_correct": 9000}, first_epoch=0)
    assert [epoch.epoch for epoch in figures.epochs()] == [1]


def test_a_loss_that_is_not_finite_is_a_divergence() -> None:
    figures = gathered({"epoch": 2, "test_correct": 980, "test_loss": float("nan")})
    assert figures.has_diverged == "test_loss is not finite at epoch 2"
    assert figures.epochs()[1].test_loss is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"test_correct": 1}, {"test_correct": 1}], "epoch 1 has test_correct twice"),
        ([{"test_correct": 10_001}], "10,001 right answers of 10,000 test images"),
        ([{"test_correct": 99.5}], "test_correct 99.5 is no whole number"),
        ([{"test_correct": True}], "test_correct True is no number"),
        ([{"test_accuracy": "99,41"}], "'99,41' has a comma as decimal sign: write 99.41"),
        ([{"test_correct": "9,941"}], "'9,941' has a comma: write its digits alone"),
        ([{"test_correct": 10**400}], "test_correct 1000.* is no number"),
        ([{"test_accuracy": "high"}], "test_accuracy 'high' is no number"),
        ([{"test_accuracy": 101}], "101 is no percent of right answers"),
        ([{"test_accuracy": float("nan")}], "is no fraction of right answers"),
        ([{"test_accuracy": 0.99415}], "9,941.50 right answers, no whole number"),
        ([{"test_accuracy": 0.99, "test_correct": 9901}], "but test_correct says 9,901"),
        ([{"train_accuracy": 0.9}], "give n_train"),
        ([{"n_test": 5000}], "n_test is 5000, but 10,000 was declared"),
        (
            [{"test_accuracy": 0.99, "validation_accuracy": 99}],
            r"fractions \(0.99\) and as percents \(99\)",
        ),
    ],
)
def test_a_contradiction_is_refused(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(BadFigures, match=message):
        gathered(*({"epoch": 1, **row} for row in rows)).epochs()


def rounded(counts: list[int], decimals: int) -> Figures:
    """Fractions of 10,000 images, printed with so many decimals."""
    shares = [round(count / 10_000, decimals) for count in counts]
    rows = [{"epoch": at, "test_accuracy": share} for at, share in enumerate(shares, start=1)]
    return gathered(*rows)


def test_rounded_accuracies_are_refused() -> None:
    counts = [9512, 9733, 9781, 9804, 9856, 9871]
    assert [epoch.test_correct for epoch in rounded(counts, 4).epochs()] == counts
    # To three decimals: 9510, 9730, 9780, 9800, 9860, 9870. To two: 9500, 9700, 9800, 9900.
    with pytest.raises(BadFigures, match=r"6 different values .* whole multiples of 10 images"):
        rounded(counts, 3).epochs()
    with pytest.raises(BadFigures, match=r"4 different values .* whole multiples of 100 images"):
        rounded(counts, 2).epochs()


def test_round_numbers_may_be_true() -> None:
    """Four whole tens are luck once in 10,000 times; a collapsed run says 0.1 each epoch."""
    assert len(rounded([9510, 9730, 9780, 9800], 4).epochs()) == 4
    assert len(rounded([1000] * 15, 4).epochs()) == 15
    assert len(gathered(*({"epoch": at, "test_correct": 100 * at} for at in range(1, 9))).epochs())


@pytest.mark.parametrize("epoch", [0, -1, 1.5, "one", 10**9, 46_900])
def test_a_bad_epoch_is_refused(epoch: object) -> None:
    with pytest.raises(BadFigures, match="epoch"):
        Figures(MNIST).add(epoch, {"test_correct": 1})


def test_a_row_that_is_refused_leaves_nothing_behind() -> None:
    figures = gathered({"epoch": 1, "test_correct": 9})
    with pytest.raises(BadFigures, match="test_correct -1"):
        figures.add(2, {"test_loss": 0.1, "test_correct": -1})
    assert len(figures.epochs()) == 1


@pytest.mark.parametrize("value", [2**53 + 1, str(2**53 + 1), str(2**63 - 1), "3.0", 3.0])
def test_a_whole_number_is_read_to_its_last_digit(value: object) -> None:
    assert whole("seed", value) == int(Decimal(value))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [2**63, str(2**63), "1e300", "nan", "inf", "9" * 5000])
def test_a_number_that_no_record_can_hold_is_refused(value: object) -> None:
    with pytest.raises(BadFigures, match="is no whole number from 0 to"):
        whole("seed", value)


@pytest.mark.parametrize("n_images", [100, 1_000, 10_000, 26_032, 60_000])
def test_every_accuracy_in_single_precision_is_one_count(n_images: int) -> None:
    import numpy as np

    counts = np.arange(0, n_images + 1, 7)
    shares = (counts / n_images).astype(np.float32)
    found = [count_of(float(each), "fraction", n_images, "accuracy") for each in shares]
    assert found == counts.tolist()


def test_a_number_may_have_thousands_and_a_comma_of_them_is_no_number() -> None:
    assert number("x", "1e-3") == 0.001
    with pytest.raises(BadFigures):
        number("x", "9,912")
