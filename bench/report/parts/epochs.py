"""Runs by epoch, as panels of curves."""

from __future__ import annotations

import msgspec
import pandas as pd

from bench.records.arms import Arm
from bench.report import figures
from bench.report.summary import Summary
from bench.spec import RunRecord
from bench.stats.format import fixed, integer, percent, written

SPLITS = ("train", "validation", "test")


def begun(arm: Arm) -> list[RunRecord]:
    """Runs that finished an epoch."""
    return [run for run in arm.runs if run.epochs]


def with_epochs(summary: Summary) -> list[Arm]:
    """Arms of which at least one run finished an epoch."""
    return [arm for arm in summary.arms if begun(arm)]


def epochs_of(arm: Arm) -> pd.DataFrame:
    """One row an epoch of a run.

    Returns:
        A frame with the columns `seed`, those of `bench.spec.Epoch`, and the accuracies
        `train_percent`, `validation_percent` and `test_percent`.
    """
    rows = [
        {"seed": run.seed, **msgspec.structs.asdict(epoch)}
        for run in begun(arm)
        for epoch in run.epochs
    ]
    epochs = pd.DataFrame(rows)
    for split in SPLITS:
        right = epochs[f"{split}_correct"].astype(float)
        epochs[f"{split}_percent"] = 100 * right / getattr(arm.first.dataset, f"n_{split}")
    return epochs


def accuracy_panels(summary: Summary, arm: Arm) -> list[figures.Panel]:
    """A panel a split that was looked at: every run, and the band that the runs make."""
    return _panels(summary, arm, "percent")


def loss_panels(summary: Summary, arm: Arm) -> list[figures.Panel]:
    """The same for the losses."""
    return _panels(summary, arm, "loss")


def learning_rates(summary: Summary, arm: Arm) -> figures.Panel:
    """The schedule, which the runs of an arm share."""
    rates = _values(epochs_of(arm), "learning_rate")
    return figures.Panel(
        title="learning rate, thousandths, at the epoch's end",
        epochs=rates,
        band=f"{arm.label}: highest rate {written(rates['value'].max(), 6)}",
        series=arm.architecture,
        colour=summary.colour(arm.architecture),
    )


def overview_panel(summary: Summary, arm: Arm) -> figures.Panel | None:
    """The band alone: of the test split, or of the validation split where no run tested."""
    split = "test" if arm.first.evaluate_test else "validation"
    values = _values(epochs_of(arm), f"{split}_percent")
    if values.empty:
        return None
    n = integer(values["seed"].nunique())
    return figures.Panel(
        title=f"{arm.label}, n = {n}" + ("" if split == "test" else f", {split}"),
        epochs=values,
        band=_together(values, f"{arm.label}, {split}", 2) + " %",
        series=arm.architecture,
        colour=summary.colour(arm.architecture),
    )


def _panels(summary: Summary, arm: Arm, quantity: str) -> list[figures.Panel]:
    epochs, panels = epochs_of(arm), []
    for split in SPLITS:
        values = _values(epochs, f"{split}_{quantity}")
        seeds = set(values["seed"])
        panel = figures.Panel(
            title=split,
            epochs=values,
            says={
                run.seed: _told(arm, run, _last(run, split, quantity))
                for run in begun(arm)
                if run.seed in seeds
            },
            band=_together(values, f"{arm.label}, {split}", 4) if len(seeds) > 1 else "",
            series=arm.architecture,
            colour=summary.colour(arm.architecture),
        )
        panels += [panel] if seeds else []
    return panels


def _values(epochs: pd.DataFrame, column: str) -> pd.DataFrame:
    """`seed`, `epoch` and that column as `value`, which a logarithmic axis has a place for."""
    values = epochs[["seed", "epoch", column]].set_axis(["seed", "epoch", "value"], axis=1)
    return values[values["value"] > 0] if column.endswith("_loss") else values.dropna()


def _last(run: RunRecord, split: str, quantity: str) -> str:
    """The last epoch's loss or accuracy in words; accuracies are rounded from exact counts."""
    last = run.epochs[-1]
    if quantity == "loss":
        return fixed(getattr(last, f"{split}_loss"), 4)
    return percent(getattr(last, f"{split}_correct"), getattr(run.dataset, f"n_{split}"))


def _told(arm: Arm, run: RunRecord, last: str) -> str:
    """Model_1, seed 3: best epoch 14, last 99.41 %."""
    if run.selected_epoch is None:
        after = f"{run.status} after epoch {len(run.epochs)}"
        return f"{arm.label}, seed {run.seed}: {after}, last {last}"
    return f"{arm.label}, seed {run.seed}: best epoch {run.selected_epoch}, last {last}"


def _together(values: pd.DataFrame, who: str, digits: int) -> str:
    """The median and the range of the runs that came to the last epoch."""
    n_epochs = values["epoch"].max()
    last = values[values["epoch"] == n_epochs]["value"]
    low, middle, high = (fixed(value, digits) for value in (last.min(), last.median(), last.max()))
    return f"{who}: median of {integer(len(last))} after epoch {n_epochs} {middle}, {low} to {high}"
