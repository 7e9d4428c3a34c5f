"""What every figure shares: colours by role, type, width, margins."""

from __future__ import annotations

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# One drawing for every page: on a phone of 390 CSS pixels its 9.7 points are 10 pixels.
INCHES = 4.8
SMALL = 8.5  # points, of the smallest text
MANY_RUNS = 100  # of one arm: more have no mark of their own, so that a page stays small
STAND_INS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "paper": "#040404",
    "target": "#050505",
    "published": "#060606",
    "good": "#070707",
    "bad": "#080808",
    "link": "#090909",
}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's own face
    "font.size": 9.7,
    "axes.edgecolor": STAND_INS["grid"],
    "axes.labelcolor": STAND_INS["ink"],
    "axes.titlesize": 9.7,
    "axes.titlecolor": STAND_INS["ink"],
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else matplotlib lays everything out twice to find a place
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": STAND_INS["ink"],
    "xtick.color": STAND_INS["grid"],
    "ytick.color": STAND_INS["grid"],
    "xtick.labelcolor": STAND_INS["muted"],
    "ytick.labelcolor": STAND_INS["muted"],
    "grid.color": STAND_INS["grid"],
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
}


DASHED, DOTTED = (0, (4, 3)), (0, (1, 2))
# Of one network's own figure, and of what stands out among others; all others are grey.
ACCENT, GREY = STAND_INS["link"], STAND_INS["muted"]


def wrapped(words: str, letters: int) -> str:
    """In lines of so many letters; a number stays with its name, as in n = 5."""
    whole = words.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return "\n".join(textwrap.wrap(whole, letters)).replace("\N{NO-BREAK SPACE}", " ")


def canvas(height: float, n_rows: int = 1, n_columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Panels row by row; more than two beside each other are too small on a phone."""
    figure = Figure(figsize=(INCHES, height))
    figure.patch.set_visible(False)
    all_axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes in all_axes:
        axes.patch.set_visible(False)
    return figure, all_axes


def margins(
    figure: Figure, *, left: float, bottom: float, top: float, right: float = 0.97, **more: float
) -> None:
    """`left` and `right` as a fraction of the width, the others in inches."""
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=left, right=right, bottom=bottom / height, top=1 - top / height, **more
    )
