"""Accuracy by epoch of one architecture: a line for each seed, and the learning rate."""

from __future__ import annotations

from functools import partial

from bench.records.arms import Arm
from bench.report.figures.canvas import MANY_RUNS
from bench.report.figures.curves import Panel, accuracy_curves
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.epochs import (
    begun,
    cut,
    learning_rates,
    limit_words,
    lines_told,
    lowest,
    panels,
    with_epochs,
)
from bench.report.summary import Summary
from bench.spec import Augmentation
from bench.stats.format import integer

ORDER = 52
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture", "arm")
TEXT = (
    "One thin line is one seed. The axis is stretched so that each halving of the remaining errors "
    "takes the same height."
)
WHILE_LEARNING = (
    "Training accuracy is counted{images} while the network still learns, so it can lie below the "
    "others."
)


def section(summary: Summary) -> Section | None:
    """None where no run told an accuracy."""
    arms = with_epochs(summary)
    drawn = [(arm, _panels(summary, arm)) for arm in arms]
    plots = tuple(_plot(summary, arm, found) for arm, found in drawn if found)
    if not plots:
        return None
    text = (" ".join([TEXT, *_of_training(arms)]),)
    return Section(title="Accuracy by epoch, every seed", nav="Accuracy", text=text, plots=plots)


def _panels(summary: Summary, arm: Arm) -> list[Panel]:
    """Every split; of another recipe or source the last alone, so that a page stays small."""
    found = panels(summary, arm, "percent")
    return found if summary.is_own(arm) else found[-1:]


def _of_training(arms: list[Arm]) -> list[str]:
    """How the training accuracy comes about; nothing where no run is ours."""
    recipes = [arm.first.recipe for arm in arms if arm.first.recipe]
    augmented = any(recipe.augmentation != Augmentation() for recipe in recipes)
    images = " on augmented images" if augmented else ""
    return [WHILE_LEARNING.format(images=images)] if recipes else []


def _plot(summary: Summary, arm: Arm, found: list[Panel]) -> Plot:
    rates = learning_rates(summary, arm)
    n = len(begun(arm))
    titles = ", ".join(panel.title for panel in found)
    band = "; band: median and range" if n > 1 else ""
    band += f"; {lines_told(arm)}" if n > MANY_RUNS else ""
    aimed = summary.aims(arm)
    dashed = " Dashed: the target." if aimed else ""
    marked = any(panel.published is not None for panel in found)
    said = f" Triangle: the {summary.label}'s run." if marked else ""
    floor, limit = lowest(found, alone=True), arm.objective.epochs_at_most
    return Plot(
        name=f"{summary.place}-{arm.slug}-accuracy",
        alt=(f"Accuracy of {arm.label} by epoch, {lines_told(arm)}: {titles}. {_ends(arm)}"),
        caption=(
            f"Accuracy on {arm.first.dataset.name}, n = {integer(n)}{band}.{said}{dashed}"
            f"{limit_words(limit)}{cut(found, floor)}"
        ),
        draw=partial(
            accuracy_curves,
            found,
            summary.target if aimed else None,
            limit=limit,
            learning_rate=rates,
            lowest=floor,
        ),
    )


def _ends(arm: Arm) -> str:
    counts = arm.test_counts
    if not counts:
        return "No run with a test accuracy completed."
    low, high = integer(min(counts)), integer(max(counts))
    return f"Last epoch on the test split: {low} to {high} of {integer(arm.n_test)} right."
