"""Runs by epoch, as panels of curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.records.arms import Arm
from bench.report.figures.canvas import MANY_RUNS
from bench.report.figures.curves import Panel
from bench.report.frames import epochs_of
from bench.report.summary import Summary
from bench.spec import RunRecord
from bench.stats.format import count, fixed, integer, percent, percentage, written

SPLITS = ("train", "validation", "test")
ZOOM, HIGH = 98.0, 98.5  # percent: the axis begins there where the medians end above HIGH
FAR = 4  # elsewhere: times the errors of the worst median
NAMED = 20  # runs that have a line of their own where there are many
ADDABLE = 1e300  # a loss far beyond any axis, of which two can still be added


def begun(arm: Arm) -> list[RunRecord]:
    """Runs that finished an epoch."""
    return [run for run in arm.runs if run.epochs]


def with_epochs(summary: Summary) -> list[Arm]:
    """Arms of which at least one run finished an epoch."""
    return [arm for arm in summary.arms if begun(arm)]


def panels(summary: Summary, arm: Arm, quantity: str) -> list[Panel]:
    """A panel a split that was looked at: every run, and the band that the runs make.

    Args:
        summary: Of the arm.
        arm: At least one of its runs finished an epoch.
        quantity: `percent`, the accuracy, or `loss`.
    """
    epochs, found = epochs_of(arm), []
    for split in SPLITS:
        values = _values(epochs, f"{split}_{quantity}")
        seeds = _with_line(values)
        panel = Panel(
            title=split,
            epochs=values,
            says={
                run.seed: _told(arm, run, _last(run, split, quantity))
                for run in begun(arm)
                if run.seed in seeds
            },
            band=_together(values, f"{arm.label}, {split}", 4) if len(seeds) > 1 else "",
            series=arm.architecture,
            **(_published(summary, arm) if (split, quantity) == ("test", "percent") else {}),
        )
        found += [panel] if seeds else []
    return found


def lines_told(arm: Arm) -> str:
    """one line for each of 5 seeds; of many, which runs have a line."""
    n = len(begun(arm))
    if n <= MANY_RUNS:
        return f"one line for each of {count(n, 'seed')}"
    return f"a line for {NAMED} of {integer(n)} seeds, from the lowest to the highest last value"


def _with_line(values: pd.DataFrame) -> set[int]:
    """Seeds that have a line of their own; of many, evenly by the rank of their last value."""
    last = values.groupby("seed")["value"].last().sort_values(kind="stable")
    if len(last) <= MANY_RUNS:
        return set(last.index)
    return set(last.index[np.linspace(0, len(last) - 1, NAMED).round().astype(int)])


def learning_rates(summary: Summary, arm: Arm) -> Panel | None:
    """The schedule, which the runs of an arm share; None where nobody knows it."""
    rates = _values(epochs_of(arm), "learning_rate")
    if rates.empty:
        return None
    return Panel(
        title="learning rate, thousandths",
        epochs=rates,
        band=f"{arm.label}: highest rate {written(rates['value'].max(), 6)}",
        series=arm.architecture,
    )


def overview_panel(summary: Summary, arm: Arm) -> Panel | None:
    """The band alone: of the test split, or of the validation split where no run tested."""
    split = "test" if arm.first.evaluate_test else "validation"
    values = _values(epochs_of(arm), f"{split}_percent")
    if values.empty:
        return None
    n = integer(values["seed"].nunique())
    return Panel(
        title=f"{arm.label}, n = {n}" + ("" if split == "test" else f", {split}"),
        epochs=values,
        band=_together(values, f"{arm.label}, {split}", 2) + " %",
        series=arm.architecture,
        leads=arm.architecture in (summary.document.networks if summary.document else ()),
        **(_published(summary, arm) if split == "test" else {}),
    )


def lowest(panels: list[Panel], *, alone: bool) -> float | None:
    """Where the axis begins, so that what is low does not squeeze the rest; None shows all.

    Args:
        panels: Of accuracies in percent.
        alone: Each has a plot of its own, which must not be empty.
    """
    spread = pd.concat([panel.spread for panel in panels])
    ends = [panel.spread["median"].iloc[-1] for panel in panels]
    if (min if alone else max)(ends) >= HIGH:
        floor = ZOOM
    elif any(panel.says for panel in panels):  # a line a run, each of them whole
        return None
    else:
        floor = 100 - FAR * (100 - spread["median"].min())
    return floor if floor > spread["min"].min() else None


def cut(panels: list[Panel], floor: float | None) -> str:
    """How much lies below the axis, in words; nothing where nothing does."""
    values = pd.concat([panel.epochs["value"] for panel in panels])
    if floor is None:
        return ""
    n = integer(int((values < floor).sum()))
    return f" Below {percentage(floor)}: {n} of {integer(len(values))} points."


def limit_words(limit: int | None) -> str:
    """What the dotted line is."""
    return f" Dotted: {integer(limit)} epochs at most." if limit is not None else ""


def _published(summary: Summary, arm: Arm) -> dict[str, Any]:
    """What the document says of one run after its last epoch, for a panel of the test split."""
    claim = summary.published_beside(arm)
    if claim is None:
        return {}
    said = f"{arm.label}: the {summary.label} says {fixed(claim.published, 2)} %"
    return {"published": claim.published, "said": said}


def _values(epochs: pd.DataFrame, column: str) -> pd.DataFrame:
    """`seed`, `epoch` and that column as `value`, which a logarithmic axis has a place for."""
    values = epochs[["seed", "epoch", column]].set_axis(["seed", "epoch", "value"], axis=1)
    if not column.endswith("_loss"):
        return values.dropna()
    known = values[values["value"] > 0]
    return known.assign(value=known["value"].clip(upper=ADDABLE))


def _last(run: RunRecord, split: str, quantity: str) -> str:
    """The last known loss or accuracy in words; accuracies are rounded from exact counts."""
    name = f"{split}_loss" if quantity == "loss" else f"{split}_correct"
    known = (getattr(epoch, name) for epoch in reversed(run.epochs))
    last = next(value for value in known if value is not None)
    if quantity == "loss":
        return fixed(last, 4)
    return percent(last, getattr(run.dataset, f"n_{split}"))


def _told(arm: Arm, run: RunRecord, last: str) -> str:
    """Network, seed 3: best epoch 14, last 70.41 %."""
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
