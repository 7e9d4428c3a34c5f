"""Loss by epoch of one architecture, a line for each seed."""

from __future__ import annotations

from functools import partial

from bench.records.arms import Arm
from bench.report.figures.canvas import MANY_RUNS
from bench.report.figures.curves import Panel, loss_curves
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.epochs import begun, lines_told, panels, with_epochs
from bench.report.summary import Summary
from bench.stats.format import integer

ORDER = 55
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)


def section(summary: Summary) -> Section | None:
    """None where no run finished an epoch with a loss that a logarithmic axis has a place for."""
    drawn = [(arm, panels(summary, arm, "loss")) for arm in with_epochs(summary)]
    plots = tuple(_plot(summary, arm, found) for arm, found in drawn if found)
    return Section(title="Loss by epoch", nav="Loss", plots=plots) if plots else None


def _plot(summary: Summary, arm: Arm, found: list[Panel]) -> Plot:
    n = len(begun(arm))
    titles = ", ".join(panel.title for panel in found)
    band = " Line and band: median and range of the runs that lasted so long." if n > 1 else ""
    band += f" There is {lines_told(arm)}." if n > MANY_RUNS else ""
    ends = "; ".join(panel.band for panel in found if panel.band)
    return Plot(
        name=f"{summary.place}-{arm.slug}-loss",
        alt=(f"Loss of {arm.label} by epoch, {lines_told(arm)}: {titles}. {ends}".strip()),
        caption=(
            f"{'Loss' if arm.first.foreign else 'Mean cross-entropy'} on {arm.first.dataset.name}, "
            f"n = {integer(n)} ({titles}), logarithmic.{band}"
        ),
        draw=partial(loss_curves, found),
    )
