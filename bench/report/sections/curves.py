"""Test accuracy by epoch: a panel a network where they are few, else all in one plot."""

from __future__ import annotations

from functools import partial

from bench.records.arms import Arm
from bench.report.figures.curves import Panel, accuracy_curves, overview
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.epochs import (
    begun,
    cut,
    limit_words,
    lowest,
    overview_panel,
    with_epochs,
)
from bench.report.parts.verdicts import n_words
from bench.report.summary import Summary
from bench.stats.format import fixed, integer

ORDER = 36
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "leaderboard", "markdown")
FEW = 4  # panels; more networks are in one plot
TEXT = (
    "The axis is stretched so that each halving of the remaining errors takes the same height. "
    "Every seed's curve, with {splits}, stands with its architecture."
)


def section(summary: Summary) -> Section | None:
    """None where no run finished an epoch."""
    shown = [
        (arm, panel)
        for arm in _chosen(summary)
        if (panel := overview_panel(summary, arm)) is not None
    ]
    if not shown:
        return None
    plot = _plot(summary, [arm for arm, _ in shown], [panel for _, panel in shown])
    text = TEXT.format(splits=_other_splits([arm for arm, _ in shown]))
    return Section(title="Accuracy by epoch", nav="Curves", text=(text,), plots=(plot,))


def _chosen(summary: Summary) -> list[Arm]:
    """All where they are few, else the networks without their variations."""
    arms = with_epochs(summary)
    networks = [arm for arm in arms if not summary.is_variation(arm)]
    return networks if len(arms) > FEW and networks else arms


def _other_splits(arms: list[Arm]) -> str:
    validated = any(arm.dataset.n_validation for arm in arms)
    return "training and validation" if validated else "training"


def _plot(summary: Summary, arms: list[Arm], panels: list[Panel]) -> Plot:
    few = len(panels) <= FEW
    tested = [arm for arm in arms if arm.first.evaluate_test]
    split = "Test" if tested else "Validation"
    floor, limit = lowest(panels, alone=few), summary.objective.epochs_at_most
    aimed = next((arm for arm in tested if summary.aims(arm)), None)
    dashed = " Dashed: the target." if aimed else ""
    n = n_words(len(begun(arm)) for arm in arms)
    what, ends = (_apart if few else _together)(summary, panels, n)
    # The index and the pages of all networks have a figure of this section each.
    which = "" if summary.of_document().arms == summary.arms else "-all"
    return Plot(
        name=f"{summary.place}-curves{which}",
        alt=f"{split} accuracy by epoch on {summary.prefix}. {ends}.",
        caption=(
            f"{split} accuracy on {summary.prefix}{what}{dashed}"
            f"{limit_words(limit)}{cut(panels, floor)}"
        ),
        draw=partial(
            accuracy_curves if few else overview,
            panels,
            summary.target,
            limit=limit,
            lowest=floor,
        ),
    )


def _apart(summary: Summary, panels: list[Panel], n: str) -> tuple[str, str]:
    """What each panel shows, and its numbers for a reader who cannot see it."""
    marked = any(panel.published is not None for panel in panels)
    said = f" Triangle: the {summary.label}'s run." if marked else ""
    what = f", {n}: median and range.{said}"
    return what, "; ".join(panel.band for panel in panels)


def _together(summary: Summary, panels: list[Panel], n: str) -> tuple[str, str]:
    medians = [panel.spread["median"].iloc[-1] for panel in panels]
    low, high = fixed(min(medians), 2), fixed(max(medians), 2)
    dark = any(panel.leads for panel in panels)
    said = f" Dark: the {summary.label}'s." if dark else ""
    networks = f"{integer(len(panels))} networks"
    ends = f"The medians of {networks} end between {low} and {high} %"
    return f": medians of {networks}, {n}.{said}", ends
