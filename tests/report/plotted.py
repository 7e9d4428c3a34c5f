"""What a figure's SVG shows, read back: positions through the axes' ticks, marks by their words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bench.report.figures.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
Map = Callable[[float], float]
Node = ElementTree.Element


def parsed(figure: Figure) -> Node:
    """The figure as it stands on a page."""
    return ElementTree.fromstring(svg(figure, "read"))


def uses(root: Node) -> list[Node]:
    """Markers that can speak."""
    return [node for node in root.iter(f"{SVG}use") if node.get("class") == "mark"]


def path(root: Node, says: str, number: int = 0) -> list[tuple[float, float]]:
    """The corners, in points, of the mark with these words; `number` where there are several."""
    found = [node for node in root.iter(f"{SVG}g") if node.get("data-tip") == says]
    drawn = found[number].find(f"{SVG}path")
    assert drawn is not None
    return corners(drawn)


def corners(drawn: Node) -> list[tuple[float, float]]:
    """Of one path, in points."""
    pairs = re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", drawn.get("d", ""))
    return [(float(x), float(y)) for x, y in pairs]


def styled(root: Node, words: str) -> list[Node]:
    """Paths whose style has these words, as "stroke: var(--target)"."""
    return [node for node in root.iter(f"{SVG}path") if words in node.get("style", "")]


def opacity(drawn: Node) -> float:
    """Of a path; what is opaque does not say so."""
    found = re.search(r"(?:^|[; -])opacity: ([\d.]+)", drawn.get("style", ""))
    return float(found[1]) if found else 1.0


def pixels(paths: Sequence[Node], column: Map, row: Map) -> dict[tuple[int, int], float]:
    """Row and column -> opacity, of shapes that are rectangles of whole pixels."""
    found: dict[tuple[int, int], float] = {}
    for drawn in paths:
        ends = corners(drawn)
        assert len(ends) % 4 == 0
        for (left, top), _, (right, bottom), _ in (ends[k : k + 4] for k in range(0, len(ends), 4)):
            rows = range(edge(row(top)), edge(row(bottom)))
            columns = range(edge(column(left)), edge(column(right)))
            for place in product(rows, columns):
                assert place not in found
                found[place] = opacity(drawn)
    return found


def edge(place: float) -> int:
    """The pixel that begins there: pixel 3 reaches from 2.5 to 3.5."""
    assert place + 0.5 == pytest.approx(round(place + 0.5), abs=0.02)
    return round(place + 0.5)


def texts(root: Node) -> list[tuple[str, float, float]]:
    """Words with the point where they stand."""
    return [
        (node.text or "", float(node.get("x", "nan")), float(node.get("y", "nan")))
        for node in root.iter(f"{SVG}text")
    ]


def texts_of(figure: Figure) -> dict[str, Bbox]:
    """Words that are drawn, with their place on the figure -> the box of their letters."""
    figure.draw_without_rendering()
    hidden = {text for axes in figure.axes for text in _not_drawn(axes)}
    found = [each for each in figure.findobj(Text) if each not in hidden]
    drawn = [each for each in found if each.get_visible() and each.get_text().strip()]
    boxes = [(each.get_text(), each.get_window_extent()) for each in drawn]
    return {f"{words!r} at {box.x0:.1f}, {box.y0:.1f}": box for words, box in boxes}


def _not_drawn(axes: Axes) -> Iterator[Text]:
    """Words of axes that are off, and labels of ticks that lie beyond the axis."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        is_off = not (axes.axison and axis.get_visible())
        if is_off:
            yield axis.label
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if is_off or not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def require_apart(figure: Figure) -> None:
    """No text over another one or out of the figure; a pixel is as good as none."""
    boxes = texts_of(figure)
    width, height = figure.get_size_inches() * figure.dpi
    for words, box in boxes.items():
        assert min(box.x0, box.y0) >= -1, f"{words} leaves the figure"
        assert box.x1 <= width + 1, f"{words} leaves the figure"
        assert box.y1 <= height + 1, f"{words} leaves the figure"
    for (one, first), (other, second) in combinations(boxes.items(), 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(across, down) <= 1, f"{one} lies over {other}"


def horizontal(root: Node, panel: int = 0) -> Map:
    """Points -> the horizontal axis' value, from its first and last tick."""
    return straight(_ticks(panel_of(root, panel), "x", "middle"))


def maps(root: Node, panel: int, scale: Callable[[float], float] | None = None) -> tuple[Map, Map]:
    """Both axes of a panel; the upright one in `scale`, minus log10 of the error for None.

    A panel without an upright axis of its own shares that of its neighbour at the left.
    """
    group = panel_of(root, panel)
    ticks = _labelled(group, "y", "end")
    if not ticks:
        group = panel_of(root, panel - 1)
        ticks = _ticks(group, "y", "end")
    titled = any("accuracy" in (node.text or "") for node in group.iter(f"{SVG}text"))
    placed = scale or (logged if titled else float)
    upright = [(point, float(placed(value))) for point, value in ticks]
    return horizontal(root, panel), straight(upright)


def logged(percent_right: float) -> float:
    """99 % -> 0, 99.9 % -> 1."""
    return float(-np.log10(100 - percent_right))


def percent(height: float) -> float:
    """The other way."""
    return float(100 - 10**-height)


def panel_of(root: Node, number: int) -> Node:
    """Panels are the groups of the whole figure's group."""
    whole = root.find(f"{SVG}g")
    assert whole is not None
    return list(whole)[number]


def _ticks(group: Node, axis: str, anchor: str) -> list[tuple[float, float]]:
    ticks = _labelled(group, axis, anchor)
    assert len(ticks) >= 2
    return ticks


def _labelled(group: Node, axis: str, anchor: str) -> list[tuple[float, float]]:
    """Labels that are numbers: where the tick beside them stands, and its number."""
    ticks = []
    for tick in group.iter(f"{SVG}g"):
        parts = list(tick)
        marker = next((use for part in parts[:-1] for use in part.iter(f"{SVG}use")), None)
        label = parts[-1].find(f"{SVG}text") if parts else None
        if (
            marker is None
            or label is None
            or f"text-anchor: {anchor}" not in label.get("style", "")
        ):
            continue
        number = (label.text or "").replace(",", "").replace("\N{MINUS SIGN}", "-")
        if re.fullmatch(r"[+-]?[\d.]+", number):
            ticks.append((float(marker.get(axis, "nan")), float(number)))
    return ticks


def straight(ticks: list[tuple[float, float]]) -> Map:
    """The straight line through the first and the last tick; the others must lie on it."""
    (one, low), (other, high) = ticks[0], ticks[-1]
    slope = (high - low) / (other - one)

    def found(place: float) -> float:
        return low + slope * (place - one)

    for place, value in ticks:
        assert abs(found(place) - value) <= 0.02 * abs(slope) + 1e-9, "ticks are not even"
    return found
