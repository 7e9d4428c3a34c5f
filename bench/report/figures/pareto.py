"""Accuracy against what a network costs: every arm a mark, the best trade-offs a step line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bench.report.figures.canvas import (
    DASHED,
    DOTTED,
    GREY,
    SMALL,
    STAND_INS,
    STYLE,
    canvas,
    margins,
)
from bench.report.figures.svg import mark
from bench.stats.format import fixed, number

LOG_FROM = 5.0  # times from the least cost to the largest, from which on the axis is logarithmic
CHARACTER_POINTS, LINE_POINTS = 5.2, 11.5  # of a label, about
# Where a label may stand: points right and up of the mark, and how it hangs there; best first.
NEAR = (
    (8, -3, "left"),
    (-8, -3, "right"),
    (8, 7, "left"),
    (8, -13, "left"),
    (-8, 7, "right"),
    (-8, -13, "right"),
)
# Where few marks stand so near that the name would be taken for theirs.
FAR = (
    (0, 18, "center"),
    (0, -24, "center"),
    (8, 18, "left"),
    (8, -24, "left"),
)
AWAY = 3.0  # what a point of height between mark and name counts, in hidden square points
CROWD = 10  # with more arms than this names may be left out
HIDDEN = 0.25  # of a name's box, above which it is left out of a crowd
DOT = 4  # how often a hidden dot counts: it would seem to bear another's name
APART = 1.5  # characters of room at a name's far end, so that it is not taken for the next mark's
Point = tuple[float, float]  # to the right and up, in points
Box = tuple[float, float, float, float]  # left, bottom, right, top in points
Place = tuple[int, int, str]  # one of NEAR or FAR


@dataclass(frozen=True)
class Candidate:
    """One arm: mean test accuracy in percent with its 95 % interval, None for one run.

    Attributes:
        published: What the document `said_by` gives for one run, in percent.
    """

    label: str
    cost: float
    mean: float
    interval: tuple[float, float] | None
    published: float | None
    says: str = ""
    series: str = ""
    said_by: str = "document"


@dataclass(frozen=True)
class Field:
    """One panel: who costs what, and the front from the cheapest up.

    Attributes:
        front: Cost and mean of those that nobody beats.
        limit: A cost that must not be passed, with its words.
        divisor: What the axis divides costs by, as its title says.
    """

    title: str
    candidates: tuple[Candidate, ...]
    front: tuple[tuple[float, float], ...]
    limit: tuple[float, str] | None = None
    divisor: float = 1.0


def pareto(fields: Sequence[Field], target: float | None) -> Figure:
    """Accuracy against each kind of cost.

    In a crowd a name that finds no room is left out; the front's are the first to find it.

    Args:
        fields: A panel each.
        target: In percent; None draws no line.
    """
    with matplotlib.rc_context(STYLE):
        n = len(fields)
        figure, all_axes = canvas(3.0 * n + 0.1, n)
        # Half a cost of six digits may stand out at the right.
        margins(figure, left=0.155, right=0.95, bottom=0.5, top=0.12, hspace=0.28)
        for axes, field in zip(all_axes, fields, strict=True):
            _scale(axes, field)
            _accuracies(axes, fields, target)
            _references(axes, field, target)
            _front(axes, field)
            for candidate in field.candidates:
                _candidate(axes, candidate, field.divisor)
            _names(axes, field, target, is_crowd(fields))
            axes.set_ylabel("mean test accuracy (%)")
        return figure


def is_crowd(fields: Sequence[Field]) -> bool:
    """Whether a panel has more arms than `CROWD`."""
    return max(len(field.candidates) for field in fields) > CROWD


def _scale(axes: Axes, field: Field) -> None:
    """The costs' axis, logarithmic where they span much, with room for the names."""
    costs = [candidate.cost / field.divisor for candidate in field.candidates]
    if field.limit is not None:
        costs.append(field.limit[0] / field.divisor)
    low, high = min(costs), max(costs)
    if low > 0 and high / low >= LOG_FROM:
        axes.set_xscale("log")
        room = (high / low) ** 0.14
        axes.set_xlim(low / room, high * room)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        room = 0.2 * ((high - low) or high or 1)
        axes.set_xlim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_xlabel(field.title)
    axes.grid()
    axes.set_axisbelow(True)


def _accuracies(axes: Axes, fields: Sequence[Field], target: float | None) -> None:
    """The same heights in every panel."""
    heights = [] if target is None else [target]
    for candidate in (each for field in fields for each in field.candidates):
        heights += [candidate.mean, *(candidate.interval or ())]
        heights += [] if candidate.published is None else [candidate.published]
    room = 0.08 * ((max(heights) - min(heights)) or 0.1)
    axes.set_ylim(max(min(heights) - room, 0), min(max(heights) + room, 100))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 2)))


def _references(axes: Axes, field: Field, target: float | None) -> None:
    if target is not None:
        axes.axhline(target, color=STAND_INS["target"], lw=1.2, linestyle=DASHED)
    if field.limit is None:
        return
    cost, words = field.limit
    axes.axvline(cost / field.divisor, color=STAND_INS["target"], lw=1.2, linestyle=DOTTED)
    axes.annotate(
        words,
        (cost / field.divisor, 0.0),
        xytext=(-4, 4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left",
        va="bottom",
        rotation=90,
        rotation_mode="anchor",
        fontsize=SMALL,
        color=STAND_INS["muted"],
    )


def _front(axes: Axes, field: Field) -> None:
    """Steps: what the accuracy is that at most so much buys."""
    if not field.front:
        return
    xs = [cost / field.divisor for cost, _ in field.front]
    ys = [mean for _, mean in field.front]
    (line,) = axes.step(
        [*xs, axes.get_xlim()[1]],
        [*ys, ys[-1]],
        where="post",
        color=STAND_INS["muted"],
        alpha=0.4,
        lw=3,
        zorder=1.5,  # under the marks
    )
    mark(line, f"Pareto front: no other network costs less ({field.title}) and is as accurate")


def _candidate(axes: Axes, one: Candidate, divisor: float) -> None:
    x = one.cost / divisor
    if one.interval is not None:
        (bar,) = axes.plot([x, x], one.interval, color=GREY, lw=2.4, alpha=0.45)
        low, high = (fixed(end, 3) for end in one.interval)
        mark(bar, f"{one.label}: 95% t interval of the mean, {low} to {high}", one.series)
    (dot,) = axes.plot([x], [one.mean], "o", color=GREY, markersize=6.5, markeredgewidth=0)
    mark(dot, [one.says or f"{one.label}: mean {fixed(one.mean, 3)}"], one.series)
    if one.published is not None:
        style: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.3}
        edge = STAND_INS["published"]
        (triangle,) = axes.plot([x], [one.published], "v", ms=6, markeredgecolor=edge, **style)
        said = f"{one.label}: the {one.said_by} says {fixed(one.published, 2)}"
        mark(triangle, [said], one.series)


def _names(axes: Axes, field: Field, target: float | None, crowded: bool) -> None:
    """A name beside each mark, where it hides least; in a crowd only where it hides little."""
    points: float = axes.figure.dpi / 72

    def at(cost: float, percent: float) -> Point:
        x, y = axes.transData.transform((cost / field.divisor, percent)) / points
        return float(x), float(y)

    left, bottom, right, top = (float(edge) / points for edge in axes.get_window_extent().extents)
    frame = (left, bottom, right, top)
    height = None if target is None else at(1.0, target)[1]
    taken: list[Box] = [] if height is None else [(left, height - 1, right, height + 1)]
    taken += [box for one in field.candidates for box in _marks(one, at)]
    taken += _steps([at(*point) for point in field.front], right)
    places = NEAR if crowded else NEAR + FAR
    for one in sorted(field.candidates, key=lambda each: (not _leads(each, field), -each.mean)):
        offers = [(place, _box(one.label, at(one.cost, one.mean), place)) for place in places]
        place, box = min(offers, key=lambda each: _badness(each[0], each[1], taken, frame))
        if not crowded or _hidden(box, taken, frame) <= HIDDEN * _size(box):
            taken.append(box)
            _name(axes, one, field.divisor, place)


def _name(axes: Axes, one: Candidate, divisor: float, place: Place) -> None:
    right, up, hangs = place
    axes.annotate(
        one.label,
        (one.cost / divisor, one.mean),
        xytext=(right, up),
        textcoords="offset points",
        ha=hangs,
        fontsize=SMALL,
    )


def _badness(place: Place, box: Box, taken: Sequence[Box], frame: Box) -> float:
    _, up, _ = place
    return _hidden(box, taken, frame) + AWAY * abs(up - NEAR[0][1])


def _marks(one: Candidate, at: Callable[[float, float], Point]) -> list[Box]:
    """What the arm's dot, the document's triangle and the interval cover."""
    x, y = at(one.cost, one.mean)
    boxes = DOT * [(x - 5, y - 5, x + 5, y + 5)]
    if one.published is not None:
        y = at(one.cost, one.published)[1]
        boxes.append((x - 5, y - 5, x + 5, y + 5))
    if one.interval is not None:
        low, high = (at(one.cost, end)[1] for end in one.interval)
        boxes.append((x - 2, low, x + 2, high))
    return boxes


def _steps(points: Sequence[Point], right: float) -> list[Box]:
    """The front's line: a level from each point, then a rise to the next.

    Thinner than it is drawn: a name over a line is read more easily than one over a mark.
    """
    levels = [(x, y - 1, end, y + 1) for (x, y), (end, _) in pairwise([*points, (right, 0.0)])]
    rises = [(x - 1, low, x + 1, y) for (_, low), (x, y) in pairwise(points)]
    return levels + rises


def _leads(one: Candidate, field: Field) -> bool:
    return (one.cost, one.mean) in field.front


def _box(label: str, at: Point, place: Place) -> Box:
    right, up, hangs = place
    width = CHARACTER_POINTS * (len(label) + APART)
    left = at[0] + right - {"left": 0.0, "right": width, "center": width / 2}[hangs]
    bottom = at[1] + up - 2
    return left, bottom, left + width, bottom + LINE_POINTS


def _hidden(box: Box, taken: Sequence[Box], inside: Box) -> float:
    """Square points of the box that other things cover, or that stand out of the panel."""
    outside = _size(box) - _shared(box, inside)
    return sum(_shared(box, other) for other in taken) + 2 * outside


def _size(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
