"""Accuracy by epoch, a line for each seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import figures
from bench.sections import PageKind, Plot, Scope, Section
from bench.sections._format import count, integer
from bench.sections._summary import Arm, Summary
from bench.spec import Epoch

ORDER = 50
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")
TEXT = (
    (
        "One line is one seed. The axis is stretched so that each halving of the remaining errors "
        "takes the same height. Training accuracy is counted on augmented images while the network "
        "still learns, so it can lie below the others."
    ),
)
SPLITS: tuple[tuple[str, str, Callable[[Epoch], int | None]], ...] = (
    ("train", "n_train", lambda epoch: epoch.train_correct),
    ("validation", "n_validation", lambda epoch: epoch.validation_correct),
    ("test", "n_test", lambda epoch: epoch.test_correct),
)


def section(summary: Summary) -> Section | None:
    """None where no run finished an epoch."""
    arms = [arm for arm in summary.arms if any(run.epochs for run in arm.runs)]
    if not arms:
        return None
    plots = tuple(_plot(summary, arm) for arm in arms)
    return Section(title="Accuracy by epoch", nav="Curves", text=TEXT, plots=plots)


def _plot(summary: Summary, arm: Arm) -> Plot:
    panels = [panel for split in SPLITS if (panel := _panel(arm, *split)).runs]
    tested = arm.first.evaluate_test
    n = sum(bool(run.epochs) for run in arm.runs)
    titles = ", ".join(panel.title for panel in panels)
    dashed = " Dashed: the target." if tested else ""
    return Plot(
        name=f"{summary.prefix}-{arm.slug}-accuracy",
        alt=(
            f"Accuracy of {arm.label} by epoch, one line for each of {count(n, 'seed')}: {titles}. "
            f"{_ends(arm)}"
        ),
        caption=(
            f"{arm.label} on {arm.first.dataset.name}: accuracy by epoch, "
            f"n = {integer(n)} ({titles}).{dashed}"
        ),
        draw=partial(
            figures.accuracy_curves,
            panels,
            summary.colour(arm.architecture),
            100 * arm.target / arm.n_test if tested else None,
        ),
    )


def _panel(arm: Arm, title: str, size: str, of: Callable[[Epoch], int | None]) -> figures.Panel:
    n_images: int = getattr(arm.first.dataset, size)
    curves = [
        tuple(100 * count / n_images for epoch in run.epochs if (count := of(epoch)) is not None)
        for run in arm.runs
    ]
    return figures.Panel(title, tuple(curve for curve in curves if curve))


def _ends(arm: Arm) -> str:
    counts = arm.test_counts
    if not counts:
        return "No run with a test accuracy completed."
    low, high = integer(min(counts)), integer(max(counts))
    return f"Last epoch on the test split: {low} to {high} of {integer(arm.n_test)} right."
