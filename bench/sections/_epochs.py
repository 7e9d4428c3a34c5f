"""Runs by epoch, as panels of curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan

from bench import figures
from bench.arms import Arm
from bench.sections._summary import Summary
from bench.spec import Epoch, RunRecord
from bench.stats import spread
from bench.stats.format import fixed, integer, percent, written

Right = tuple[str, str, Callable[[Epoch], int | None]]
Loss = tuple[str, Callable[[Epoch], float | None]]
RIGHT: tuple[Right, ...] = (  # split, its size in the data set, right answers
    ("train", "n_train", lambda epoch: epoch.train_correct),
    ("validation", "n_validation", lambda epoch: epoch.validation_correct),
    ("test", "n_test", lambda epoch: epoch.test_correct),
)
LOSSES: tuple[Loss, ...] = (
    ("train", lambda epoch: epoch.train_loss),
    ("validation", lambda epoch: epoch.validation_loss),
    ("test", lambda epoch: epoch.test_loss),
)


def begun(arm: Arm) -> list[RunRecord]:
    """Runs that finished an epoch."""
    return [run for run in arm.runs if run.epochs]


def with_epochs(summary: Summary) -> list[Arm]:
    """Arms of which at least one run finished an epoch."""
    return [arm for arm in summary.arms if begun(arm)]


def accuracy_panels(summary: Summary, arm: Arm) -> list[figures.Panel]:
    """A panel a split that was looked at: every run, and the band that they make."""
    panels = []
    for split, size, of in RIGHT:
        n_images = getattr(arm.first.dataset, size)
        ran = [(run, c) for run in begun(arm) if (c := of(run.epochs[-1])) is not None]
        curves = [_percents(run, of, n_images) for run, _ in ran]
        says = tuple(_told(arm, run, percent(correct, n_images)) for run, correct in ran)
        panels.append(_panel(summary, arm, split, curves, says))
    return [panel for panel in panels if panel.runs]


def loss_panels(summary: Summary, arm: Arm) -> list[figures.Panel]:
    """The same of losses; one of 0 or less, which a logarithm does not know, is nan."""
    panels = []
    for split, of in LOSSES:
        ran = [run for run in begun(arm) if of(run.epochs[-1]) is not None]
        curves = [tuple(_positive(of(epoch)) for epoch in run.epochs) for run in ran]
        says = tuple(
            _told(arm, run, fixed(curve[-1], 4) if not isnan(curve[-1]) else "0")
            for run, curve in zip(ran, curves, strict=True)
        )
        panels.append(_panel(summary, arm, split, curves, says))
    return [panel for panel in panels if panel.runs]


def learning_rates(summary: Summary, arm: Arm) -> figures.Panel:
    """The schedule: one line where all runs share it."""
    curves: dict[tuple[float, ...], list[RunRecord]] = {}
    for run in begun(arm):
        curves.setdefault(tuple(epoch.learning_rate for epoch in run.epochs), []).append(run)
    whole = [  # a run that broke off has the beginning of another's
        curve
        for curve in curves
        if not any(curve != other and curve == other[: len(curve)] for other in curves)
    ]
    says = tuple(f"{arm.label}: highest rate {written(max(curve), 6)}" for curve in whole)
    colour = summary.colour(arm.architecture)
    title = "learning rate, thousandths, at the epoch's end"
    return figures.Panel(title, tuple(whole), says, arm.architecture, colour)


def overview_panel(summary: Summary, arm: Arm) -> figures.Panel | None:
    """The band alone, of the test split, or of the validation split where nobody looked at it."""
    split, size, of = RIGHT[2 if arm.first.evaluate_test else 1]
    n_images = getattr(arm.first.dataset, size)
    ran = [run for run in begun(arm) if of(run.epochs[-1]) is not None]
    if not ran:
        return None
    n = integer(len(ran))
    return figures.Panel(
        title=f"{arm.label}, n = {n}" + ("" if split == "test" else f", {split}"),
        series=arm.architecture,
        colour=summary.colour(arm.architecture),
        band=_band([_percents(run, of, n_images) for run in ran], f"{arm.label}, {split}", "%"),
    )


def _panel(
    summary: Summary,
    arm: Arm,
    title: str,
    curves: Sequence[tuple[float, ...]],
    says: tuple[str, ...],
) -> figures.Panel:
    return figures.Panel(
        title=title,
        runs=tuple(curves),
        says=says,
        series=arm.architecture,
        colour=summary.colour(arm.architecture),
        band=_band(curves, f"{arm.label}, {title}") if len(curves) > 1 else None,
    )


def _percents(
    run: RunRecord, of: Callable[[Epoch], int | None], n_images: int
) -> tuple[float, ...]:
    return tuple(nan if (c := of(e)) is None else 100 * c / n_images for e in run.epochs)


def _positive(loss: float | None) -> float:
    return loss if loss is not None and loss > 0 else nan


def _told(arm: Arm, run: RunRecord, last: str) -> str:
    """Model_1, seed 3: best epoch 14, last 99.41 %."""
    if run.selected_epoch is None:
        after = f"{run.status} after epoch {len(run.epochs)}"
        return f"{arm.label}, seed {run.seed}: {after}, last {last}"
    return f"{arm.label}, seed {run.seed}: best epoch {run.selected_epoch}, last {last}"


def _band(curves: Sequence[tuple[float, ...]], who: str, unit: str = "") -> figures.Band:
    """By epoch, over the runs that came so far."""
    n_epochs = max(len(curve) for curve in curves)
    columns = [[c[i] for c in curves if len(c) > i and not isnan(c[i])] for i in range(n_epochs)]
    found = [spread(column) for column in columns]
    band = figures.Band(
        median=tuple(each.median if each else nan for each in found),
        low=tuple(each.minimum if each else nan for each in found),
        high=tuple(each.maximum if each else nan for each in found),
    )
    digits = 2 if unit else 4
    last = found[-1]
    if last is None:
        return band
    low, middle, high = (fixed(v, digits) for v in (last.minimum, last.median, last.maximum))
    says = f"{who}: median of {integer(last.n)} after epoch {n_epochs} {middle}, {low} to {high}"
    return figures.Band(band.median, band.low, band.high, f"{says} {unit}".rstrip())
