"""What one unit of each layer sees, drawn over a digit."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.records.layers import Rows
from bench.records.receptive_fields import SIDES, WHOLE, Sides, shown
from bench.report.figures.growth import Box, growth
from bench.report.model import PageKind, Plot, Scope, Section
from bench.report.parts.misses import Shown, typical_digit
from bench.report.summary import Summary
from bench.spec import Portrait
from bench.stats.format import TIMES, count, with_article

ORDER = 71
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("architecture",)
MEASURE = "receptive_field"


def section(summary: Summary) -> Section | None:
    """None where no layer's receptive field is known."""
    digit = typical_digit(summary)
    plots = tuple(
        _plot(summary, portrait, boxes, digit)
        for portrait in summary.portraits
        if MEASURE in portrait.measures
        and (boxes := seen(portrait.measures[MEASURE].layers, portrait.sides))
    )
    if not plots:
        return None
    image = with_article(summary.noun)
    return Section(title=f"Receptive field on {image}", nav=f"Field on {image}", plots=plots)


def seen(rows: Rows, sides: Sides = SIDES) -> list[Box]:
    """What the middle unit of each layer sees, where that differs from the layer before it."""
    boxes: list[Box] = []
    for layer, row in rows.items():
        pixels = _pixels(row)
        if pixels is None or (boxes and boxes[-1].pixels == pixels):
            continue
        top, left, bottom, right = pixels
        pair = f"{bottom - top + 1} {TIMES} {right - left + 1}"
        size = WHOLE if shown(row, sides=sides) == WHOLE else pair
        operation = row.get("operation") or "layer"
        says = f"{layer}, {operation}: {size if size == WHOLE else f'{size} pixels'}"
        boxes.append(Box(f"{size}  {operation}", layer, pixels, says))
    return boxes


def _pixels(row: dict[str, Any]) -> tuple[int, int, int, int] | None:
    """Top, left, bottom, right of the middle unit's box, inclusive."""
    sides = [_pair(row.get(name)) for name in ("receptive_field", "start", "jump")]
    shape = row.get("output_shape")
    sizes, starts, jumps = sides
    if sizes is None or starts is None:
        return None
    steps = jumps or (0, 0)
    maps = shape[-2:] if isinstance(shape, list | tuple) and len(shape) > 2 else (1, 1)
    low = [start + (n - 1) // 2 * step for start, n, step in zip(starts, maps, steps, strict=True)]
    high = [first + size - 1 for first, size in zip(low, sizes, strict=True)]
    return low[0], low[1], high[0], high[1]


def _pair(value: object) -> tuple[int, int] | None:
    """Rows and columns; one number stands for both."""
    if isinstance(value, int):
        return value, value
    if isinstance(value, list | tuple) and len(value) == 2:
        return (value[0], value[1]) if all(isinstance(v, int) for v in value) else None
    return None


def _plot(summary: Summary, portrait: Portrait, boxes: list[Box], digit: Shown | None) -> Plot:
    name, (height, width) = portrait.display_name, portrait.sides
    digit = digit if digit and digit.shape[1:] == portrait.sides else None
    data = summary.prefix if summary.dataset else ""
    if digit:
        below = f"over {digit.words} on {data}"
    else:
        below = f"over an empty image{f', as large as those of {data}' if data else ''}"
    return Plot(
        name=f"{_stem(portrait, summary)}-receptive-field",
        alt=(
            f"Receptive field of {name}: what the middle unit of a layer sees grows in "
            f"{count(len(boxes), 'step')} from {boxes[0].label.split('  ')[0]} to "
            f"{max(boxes, key=_area).label.split('  ')[0]}; the image has {height} x {width} "
            "pixels."
        ),
        caption=(
            f"Each frame is one layer, {below}. Later layers have stronger frames. A frame "
            "outside the image sees the padding."
        ),
        draw=partial(
            growth,
            boxes,
            digit.pixels if digit else None,
            portrait.architecture,
            shape=digit.shape if digit else portrait.input_shape,
        ),
    )


def _area(box: Box) -> int:
    top, left, bottom, right = box.pixels
    return (bottom - top + 1) * (right - left + 1)


def _stem(portrait: Portrait, summary: Summary) -> str:
    """Two versions of one architecture have two figures."""
    several = sum(p.architecture == portrait.architecture for p in summary.portraits) > 1
    version = f"-{portrait.architecture_digest[:6]}" if several else ""
    return f"{portrait.architecture}{version}"
