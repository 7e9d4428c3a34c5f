"""Accuracy by epoch of all architectures: the median of the runs in its band."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.records.arms import Arm
from bench.report.figures.curves import Panel, accuracy_curves
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.epochs import begun, overview_panel, with_epochs
from bench.report.parts.verdicts import n_each
from bench.report.summary import Summary
from bench.stats.format import integer, percentage

ORDER = 36
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "markdown")
FAR = 4  # times the errors of the worst median: bands are cut here
TEXT = (
    "The axis is stretched so that each halving of the remaining errors takes the same height. "
    "Every seed's curve, with {splits}, stands with its architecture."
)


def section(summary: Summary) -> Section | None:
    """None where no run finished an epoch."""
    shown = [
        (arm, panel)
        for arm in with_epochs(summary)
        if (panel := overview_panel(summary, arm)) is not None
    ]
    if not shown:
        return None
    plot = _plot(summary, [arm for arm, _ in shown], [panel for _, panel in shown])
    text = TEXT.format(splits=_other_splits([arm for arm, _ in shown]))
    return Section(title="Accuracy by epoch", nav="Curves", text=(text,), plots=(plot,))


def _other_splits(arms: list[Arm]) -> str:
    validated = any(arm.dataset.n_validation for arm in arms)
    return "training and validation" if validated else "training"


def _plot(summary: Summary, arms: list[Arm], panels: list[Panel]) -> Plot:
    tested = [arm for arm in arms if arm.first.evaluate_test]
    split = "Test" if tested else "Validation"
    lowest = _lowest(panels)
    cut = f" Bands are cut at {percentage(lowest)}." if lowest is not None else ""
    aimed = next((arm for arm in tested if summary.aims(arm)), None)
    dashed = f" Dashed: the target, {integer(aimed.target)} right." if aimed else ""
    n_runs = n_each([(arm.label, len(begun(arm))) for arm in arms])
    ends = "; ".join(panel.band for panel in panels)
    return Plot(
        name=f"{summary.place}-curves",
        alt=f"{split} accuracy by epoch, a panel an architecture. {ends}.",
        caption=(
            f"{split} accuracy by epoch on {summary.prefix} ({n_runs}). Line: median of the runs "
            "that came so far; band: from the lowest to the highest of them, no interval."
            f"{cut}{dashed}"
        ),
        draw=partial(
            accuracy_curves,
            panels,
            summary.target,
            lowest=lowest,
        ),
    )


def _lowest(panels: list[Panel]) -> float | None:
    """Where the axis begins if single runs lie so low that the others would be squeezed."""
    spread = pd.concat([panel.spread for panel in panels])
    floor = 100 - FAR * (100 - spread["median"].min())
    return floor if floor > spread["min"].min() else None
