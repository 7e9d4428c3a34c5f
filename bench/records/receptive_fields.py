"""The receptive fields that a portrait tells: the headline's two, and how a row shows its own.

The first is that of one position of the last feature map before everything is pooled (or
flattened), padding included, so it may be wider than the image. The second is that of the output:
the pixels of the image that a class score depends on. Rows behind the pooling hold pixels of the
image, too. As a bare number that would seem to fall from the rows before, so people read "whole
image" there. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bench.spec import Frozen, Measured
from bench.stats.format import NOT_AVAILABLE, measured_value, plain

MEASURE = "receptive_field"
COLUMN, GATED = "receptive_field", "receptive_field_with_gates"
FIGURE = "receptive_field_pixels"
LAST_MAP = "the last feature map before everything is pooled"
WHOLE = "whole image"

Sides = tuple[int, int]  # pixels of an image: height, width
SIDES: Sides = (28, 28)
Row = Mapping[str, Any]


class Headline(Frozen, frozen=True, kw_only=True):
    """Both receptive fields of a network."""

    last_map: Any  # side in pixels, as measured
    # Whose row ends the last feature map; of branches that meet in it, the one that sees most.
    layer: str | None  # None: the first layer sees everything
    output: str | None  # "whole image", or how many pixels of each side; None: its rows do not say


def headline(measured: Measured, sides: Sides = SIDES) -> Headline | None:
    """The two fields of a network for images of these sides; None where the measure failed."""
    if FIGURE not in measured.values:
        return None
    rows = measured.layers
    maps = [name for name, row in rows.items() if row.get("jump") is not None]
    windows = any(row.get("kernel") is not None for row in rows.values())
    return Headline(
        last_map=measured.values[FIGURE],
        layer=_last(maps, rows, measured.values[FIGURE]) if maps and windows else None,
        output=_of_output(list(rows.values()), sides),
    )


def _last(maps: Sequence[str], rows: Mapping[str, Row], field: Any) -> str:
    """The last map's row that sees so much; the last one where none does."""
    fitting = (name for name in reversed(maps) if _axes(rows[name].get(COLUMN)) == _axes(field))
    return next(fitting, maps[-1])


def lines(measured: Measured, sides: Sides = SIDES) -> list[str]:
    """The headline in sentences without a verb; nothing for a measure that found no such figure."""
    found = headline(measured, sides)
    if found is None:
        return []
    place = f" ({found.layer})" if found.layer else ""
    pixels = plain(measured_value(found.last_map))
    return [
        f"Receptive field of {LAST_MAP}{place}: {pixels} pixels",
        f"Receptive field of the output: {found.output or NOT_AVAILABLE}",
    ]


def shown(row: Row, column: str = COLUMN, sides: Sides = SIDES) -> Any:
    """A row's field as people read it: pixels, or the whole image once everything is seen.

    Args:
        row: A row of the measure, or of a table that it was joined into.
        column: `COLUMN` or `GATED`.
        sides: Of the network's images.
    """
    value = row.get(column)
    sizes, jumps = _axes(value), _axes(row.get("jump") or 0)
    if not sizes or not jumps:
        return value
    n_axes = max(len(sizes), len(jumps), len(set(sides)))
    pairs = [(_at(sizes, axis), _at(jumps, axis)) for axis in range(n_axes)]
    return value if all(jump for _, jump in pairs) else _words(pairs, sides)


def _words(pairs: Iterable[tuple[Fraction, Fraction]], sides: Sides) -> str:
    """Size and jump of each axis; where the jump is 0 every position sees the same pixels."""
    words = [
        str(size) if jump else _of_image(size, side)
        for (size, jump), side in zip(pairs, sides, strict=False)
    ]
    if set(words) == {"whole"}:
        return WHOLE
    return words[0] if len(set(words)) == 1 else " x ".join(words)


def _of_image(size: Fraction, side: int) -> str:
    return "whole" if size == side else f"{size} of {side}"


def _axes(value: Any) -> list[Fraction]:
    """3 -> [3]; "28x14" and [28, 14] -> [28, 14]; "1/2" -> [1/2]; other values -> nothing."""
    parts = value if isinstance(value, list | tuple) else str(value).split("x")
    try:
        return [Fraction(part) for part in parts]
    except (TypeError, ValueError, ZeroDivisionError):
        return []


def _at(values: Sequence[Fraction], axis: int) -> Fraction:
    """One number stands for every axis."""
    return values[axis] if axis < len(values) else values[0]


def _of_output(rows: Sequence[Row], image: Sides) -> str | None:
    """The last row's; where functions pool behind it, what the positions of its map see."""
    last = rows[-1] if rows else {}
    if last.get("jump") is None:
        return WHOLE if not rows else str(shown(last, sides=image))
    sides = _sides(last)
    met = [row for row in rows if row.get("jump") is not None and _sides(row) == sides]
    # Branches of one size may meet behind their rows, so the widest view counts on each axis.
    try:
        spans = [[_seen(row, axis, n, image[axis]) for row in met] for axis, n in enumerate(sides)]
    except IndexError:  # a row without one of the columns
        return None
    sizes = [max(high for _, high in axis) - min(low for low, _ in axis) + 1 for axis in spans]
    return _words([(size, Fraction(0)) for size in sizes], image) if sizes else None


def _sides(row: Row) -> list[int]:
    return list(row.get("output_shape") or ())[1:]


def _seen(row: Row, axis: int, n: int, side: int) -> tuple[Fraction, Fraction]:
    """First and last pixel of the image's side that the n positions along the axis see."""
    columns = (_axes(row.get(name)) for name in (COLUMN, "jump", "start"))
    size, jump, start = (_at(column, axis) for column in columns)
    last = start + (n - 1) * jump + size - 1
    return max(start, Fraction(0)), min(last, Fraction(side - 1))
