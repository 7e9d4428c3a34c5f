"""Loss by epoch, a line for each seed, on the architecture's own page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import figures
from bench.sections import PageKind, Plot, Scope, Section
from bench.sections._format import count, integer
from bench.sections._summary import Arm, Summary
from bench.spec import Epoch

ORDER = 55
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
SPLITS: tuple[tuple[str, Callable[[Epoch], float | None]], ...] = (
    ("train", lambda epoch: epoch.train_loss),
    ("validation", lambda epoch: epoch.validation_loss),
    ("test", lambda epoch: epoch.test_loss),
)


def section(summary: Summary) -> Section | None:
    """None where no run finished an epoch."""
    arms = [arm for arm in summary.arms if any(run.epochs for run in arm.runs)]
    if not arms:
        return None
    return Section(
        title="Loss by epoch", nav="Loss", plots=tuple(_plot(summary, arm) for arm in arms)
    )


def _plot(summary: Summary, arm: Arm) -> Plot:
    panels = [panel for split in SPLITS if (panel := _panel(arm, *split)).runs]
    n = sum(bool(run.epochs) for run in arm.runs)
    titles = ", ".join(panel.title for panel in panels)
    return Plot(
        name=f"{summary.prefix}-{arm.slug}-loss",
        alt=f"Loss of {arm.label} by epoch, one line for each of {count(n, 'seed')}: {titles}.",
        caption=(
            f"{arm.label} on {arm.first.dataset.name}: mean cross-entropy by epoch, "
            f"n = {integer(n)} ({titles}), logarithmic."
        ),
        draw=partial(figures.loss_curves, panels, summary.colour(arm.architecture)),
    )


def _panel(arm: Arm, title: str, of: Callable[[Epoch], float | None]) -> figures.Panel:
    """Losses above 0 only: a logarithmic axis has no place for others."""
    curves = [
        tuple(loss for epoch in run.epochs if (loss := of(epoch)) is not None and loss > 0)
        for run in arm.runs
    ]
    return figures.Panel(title, tuple(curve for curve in curves if curve))
