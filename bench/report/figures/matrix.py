"""A square of numbers, shaded by their size."""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from bench.report.figures.canvas import ACCENT, GREY, SMALL, STAND_INS, STYLE, canvas
from bench.report.figures.svg import mark

DARKEST = 0.45  # opacity at which ink on it is still easily read, light and dark
LEAST = 1 / 15  # of the darkest: a surface to point at
SHORT_NAME, LETTER_INCHES = 3, 0.075  # letters that the margin holds; width of each further one


def matrix(cells: pd.DataFrame, owner: str = "") -> Figure:
    """The cells with their numbers; the last row and the last column are sums, set apart.

    Args:
        cells: One row a cell. The first two columns are the names of the cell's row and column;
            the figure sorts them, and has the columns' titles. `share` is from 0 (no shade) to 1
            (the largest), `text` stands in the cell, `says` is what it says when it is asked.
        owner: The architecture whose numbers these are, in the accent; those of all are grey.
    """
    import seaborn  # takes a second, which only those who draw need to spend

    row, column, *_ = cells.columns
    shares, texts, says = (
        cells.pivot(index=row, columns=column, values=name) for name in ("share", "text", "says")
    )
    paint = ACCENT if owner else GREY
    shades = LinearSegmentedColormap.from_list(
        "shades", [to_rgba(paint, 0), to_rgba(paint, DARKEST)]
    )
    longest = max(len(str(name)) for name in shares.index)
    extra = max(0, longest - SHORT_NAME) * LETTER_INCHES  # of the margins that hold names
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = canvas(0.3 * len(shares) + 0.7 + extra)
        seaborn.heatmap(
            shares.where(shares == 0, shares.clip(lower=LEAST)),
            vmin=0,
            vmax=1,
            cmap=shades,
            cbar=False,
            annot=texts,
            fmt="",
            annot_kws={"color": STAND_INS["ink"], "fontsize": SMALL},
            linewidths=1,
            linecolor=STAND_INS["paper"],
            clip_on=False,
            ax=axes,
        )
        mark(axes.collections[0], list(says.to_numpy().flat), owner)
        for line in (axes.axhline, axes.axvline):
            line(len(shares) - 1, color=STAND_INS["grid"], lw=1)
        axes.xaxis.set_label_position("top")
        axes.tick_params(top=False, labeltop=True, bottom=False, labelbottom=False, length=0)
        axes.tick_params(axis="y", labelrotation=0)
        axes.tick_params(axis="x", labelrotation=90 if extra else 0)
        width, height = figure.get_size_inches()
        left, top = 0.45 + extra, 0.61 + extra  # inches
        axes.set_position(
            (left / width, 0.05 / height, 1 - (left + 0.05) / width, 1 - (top + 0.05) / height)
        )
        return figure
