"""Figures of training that is not ours: from words and numbers to the epochs of a record.

Whatever contradicts itself is refused: a figure given twice, an accuracy that is no whole number
of images, fractions among percents, more right answers than images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import gcd
from reprlib import repr as shortened
from typing import Any, Literal

from bench.spec import DatasetInfo, Epoch

SPLITS = ("train", "validation", "test")
LOSSES = tuple(f"{split}_loss" for split in SPLITS)
COUNTS = tuple(f"{split}_correct" for split in SPLITS)
ACCURACIES = tuple(f"{split}_accuracy" for split in SPLITS)
SIZES = tuple(f"n_{split}" for split in SPLITS)  # told beside a figure: only checked
FIGURES = ("learning_rate", *LOSSES, *COUNTS, *ACCURACIES)
NAMES = ("epoch", *FIGURES, *SIZES)
MOST_EPOCHS = 10_000  # more are steps of a batch
MOST = 2**63 - 1  # of a whole number; a record's reader takes no more
LUCK = 1e-5  # of exact figures that look rounded
ROUNDING = 0.02  # images; an accuracy in float32 is as exact as that for 100,000 images

Unit = Literal["fraction", "percent"]


class BadFigures(ValueError):
    """Figures that contradict themselves or say too little, in one line."""


def number(name: str, value: object) -> float:
    """The number that a cell, or a value of JSON, holds.

    Raises:
        BadFigures: it is none.
    """
    if isinstance(value, str):
        text = value.strip().removesuffix("%").strip()
        try:
            return float(text)
        except ValueError:
            if text.count(",") == 1 and text.replace(",", "").lstrip("+-").isdigit():
                raise BadFigures(
                    f"{name} '{text}' has a comma as decimal sign: write {text.replace(',', '.')}"
                ) from None
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            return float(value)
        except (OverflowError, ValueError):  # 10**400, or a Decimal that signals
            pass
    raise BadFigures(f"{name} {shortened(value)} is no number")


def whole(name: str, value: object) -> int:
    """The whole number, 0 or more, that the value holds; BadFigures where it holds none."""
    if isinstance(value, str) and "," in value:
        raise BadFigures(f"{name} {shortened(value)} has a comma: write its digits alone")
    found = number(name, value)
    exact: int | float = value if isinstance(value, int) else found
    if isinstance(value, str) and value.strip().isdecimal() and math.isfinite(found):
        exact = int(value)  # a float has 53 bits
    if not (0 <= exact <= MOST and exact == int(exact)):
        raise BadFigures(f"{name} {shortened(value)} is no whole number from 0 to 2^63 - 1")
    return int(exact)


@dataclass
class Figures:
    """The figures of one run, gathered epoch by epoch.

    Attributes:
        dataset: What the counts are counts of.
        unit: Of its accuracies; None where the values themselves are to tell.
        first_epoch: The number of the first epoch, 0 or 1.
        n_wanted: The epochs that were asked for; None where nobody knows.
    """

    dataset: DatasetInfo
    unit: Unit | None = None
    first_epoch: int = 1
    n_wanted: int | None = None
    found: dict[int, dict[str, float]] = field(default_factory=dict)  # epoch from 1 -> figures

    def add(self, epoch: object, row: Mapping[str, Any]) -> int:
        """Adds figures of one epoch; returns its number, from 1.

        Raises:
            BadFigures: a bad number, a figure that is there already, another size of a split.
        """
        at = whole("epoch", epoch) + 1 - self.first_epoch
        if at < 1:
            raise BadFigures("there is no epoch 0: epochs count from 1 without first_epoch = 0")
        if self.n_wanted and at > self.n_wanted:
            raise BadFigures(f"it holds epoch {at}, but {self.n_wanted} epochs were asked for")
        if at > MOST_EPOCHS:
            raise BadFigures(f"epoch {at:,} looks like a step: {MOST_EPOCHS:,} epochs are the most")
        known = dict(self.found.get(at, {}))  # a bad row leaves nothing behind
        for name, value in row.items():
            if name in SIZES:
                self._check_size(name, value)
                continue
            if name in known:
                raise BadFigures(f"epoch {at} has {name} twice")
            known[name] = whole(name, value) if name in COUNTS else number(name, value)
        self.found[at] = known
        return at

    def _check_size(self, name: str, value: object) -> None:
        size = getattr(self.dataset, name)
        if size is not None and whole(name, value) != size:
            raise BadFigures(f"{name} is {value}, but {size:,} was declared")

    @property
    def has_diverged(self) -> str | None:
        """The first loss that is no finite number, in words."""
        for at, row in sorted(self.found.items()):
            for name in LOSSES:
                if not math.isfinite(row.get(name, 0.0)):
                    return f"{name} is not finite at epoch {at}"
        return None

    def accuracies(self) -> list[float]:
        """Every accuracy, as it was given."""
        return [row[name] for row in self.found.values() for name in ACCURACIES if name in row]

    def counted(self, split: str, unit: Unit) -> list[int]:
        """Right answers of the split, where they were told as an accuracy of a known size."""
        size: int | None = getattr(self.dataset, f"n_{split}")
        shares = [row.get(f"{split}_accuracy", math.nan) for row in self.found.values()]
        whole_split = 100 if unit == "percent" else 1
        told = [share / whole_split for share in shares if math.isfinite(share)]
        return [round(share * size) for share in told] if size else []

    def epochs(self) -> list[Epoch]:
        """The record's epochs, from 1 to the last without gaps; what was not told is None.

        Raises:
            BadFigures: counts or accuracies that cannot be, or that are rounded.
        """
        unit = self.unit or unit_of(self.accuracies())
        require_exact([self], unit)
        rows = [self.found.get(at, {}) for at in range(1, max(self.found, default=0) + 1)]
        return [
            Epoch(
                epoch=at,
                learning_rate=row.get("learning_rate"),
                train_loss=_finite(row.get("train_loss")),
                train_correct=self._correct(at, row, "train", unit),
                validation_loss=_finite(row.get("validation_loss")),
                validation_correct=self._correct(at, row, "validation", unit),
                test_loss=_finite(row.get("test_loss")),
                test_correct=self._correct(at, row, "test", unit),
                train_seconds=None,
            )
            for at, row in enumerate(rows, start=1)
        ]

    def _correct(self, at: int, row: Mapping[str, float], split: str, unit: Unit) -> int | None:
        """Right answers of the split, whichever way they were told."""
        told, share = row.get(f"{split}_correct"), row.get(f"{split}_accuracy")
        size: int | None = getattr(self.dataset, f"n_{split}")
        if told is not None and size is not None and told > size:
            raise BadFigures(
                f"epoch {at} has {int(told):,} right answers of {size:,} {split} images"
            )
        if share is None:
            return None if told is None else int(told)
        if size is None:
            raise BadFigures(f"{split}_accuracy needs the number of {split} images: give n_{split}")
        counted = count_of(share, unit, size, f"epoch {at}: {split}_accuracy")
        if told is not None and told != counted:
            raise BadFigures(
                f"epoch {at}: {split}_accuracy {share:g} is {counted:,} right answers, but "
                f"{split}_correct says {int(told):,}"
            )
        return counted


def require_exact(runs: Iterable[Figures], unit: Unit) -> None:
    """Refuses accuracies that were rounded: all of them are whole tens or hundreds of images.

    Raises:
        BadFigures: exact ones would look like that once in 100,000 times.
    """
    runs = list(runs)
    for split in SPLITS:
        counts = {count for run in runs for count in run.counted(split, unit)}
        step = gcd(*counts)
        tens = next((tens for tens in (1000, 100, 10) if step % tens == 0), 1)
        if step and tens ** -len(counts) < LUCK:
            raise BadFigures(
                f"{len(counts)} different values of {split}_accuracy are all whole multiples of "
                f"{tens} images, as rounded ones are: give more digits, or the counts"
            )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def unit_of(values: list[float]) -> Unit:
    """Whether accuracies are fractions or percents, by themselves.

    Raises:
        BadFigures: some look like the one, some like the other.
    """
    above = [value for value in values if value > 1]
    below = [value for value in values if 0 < value <= 1]
    if above and below:
        raise BadFigures(
            f"accuracies as fractions ({below[0]:g}) and as percents ({above[0]:g}): "
            "say accuracy = 'percent' or 'fraction'"
        )
    return "percent" if above else "fraction"


def count_of(value: float, unit: Unit, n_images: int, name: str) -> int:
    """An accuracy as the number of right answers that it is of so many images.

    Raises:
        BadFigures: it is no accuracy, or no whole number of images.
    """
    share = value / 100 if unit == "percent" else value
    if not 0 <= share <= 1:
        raise BadFigures(f"{name} {value:g} is no {unit} of right answers")
    exact = share * n_images
    if abs(exact - round(exact)) > ROUNDING:
        raise BadFigures(
            f"{name} {value:.9g} of {n_images:,} images is {exact:,.2f} right answers, no whole "
            "number: give the counts, or the split's true size"
        )
    return round(exact)
