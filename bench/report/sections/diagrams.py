"""The document's networks layer by layer, side by side."""

from __future__ import annotations

from bench.records.layers import merged
from bench.report.model import Cell, PageKind, Scope, Section, Stack
from bench.report.parts.finding import subjects
from bench.report.parts.layers import boxes
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import count

ORDER = 47
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("comparisons",)
MOST = 6  # networks, where no document says which


def section(summary: Summary) -> Section | None:
    """None for fewer than two networks that were measured."""
    names = [row.architecture for row in subjects(summary)] or list(summary.shown)
    known = [summary.portrait_of[name] for name in names if name in summary.portrait_of]
    stacks = [found for portrait in known[:MOST] if (found := _stack(summary, portrait)).boxes]
    if len(stacks) < 2:
        return None
    return Section(
        title="Layers, side by side",
        nav="Layers",
        text=("From the image down: operation, size of the output, parameters, receptive field.",),
        stacks=tuple(stacks),
    )


def _stack(summary: Summary, portrait: Portrait) -> Stack:
    found, counted = boxes(merged(portrait), portrait.sides), portrait.measures.get("parameters")
    n = counted.values.get("n_parameters") if counted else None
    said = [count(n, "parameter")] if isinstance(n, int) else []
    return Stack(
        name=Cell(portrait.display_name, href=summary.page_of(portrait.architecture)),
        size=", ".join([*said, count(len(found), "layer")]),
        boxes=found,
    )
