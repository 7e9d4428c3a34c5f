"""What every figure shares: colours by role, type, width, margins."""

from __future__ import annotations

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDE_INCHES, NARROW_INCHES = 7.5, 3.6  # 720 and 346 CSS pixels: text keeps its size
N_SERIES = 8  # colours in the palette; from the ninth architecture on they come again
STAND_INS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "paper": "#040404",
    "target": "#050505",
    "published": "#060606",
    "good": "#070707",
    "bad": "#080808",
    **{f"series-{i}": f"#0000{16 + i:02x}" for i in range(N_SERIES)},
}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's own face
    "font.size": 9.0,
    "axes.edgecolor": STAND_INS["grid"],
    "axes.labelcolor": STAND_INS["ink"],
    "axes.titlesize": 9.0,
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


def series(colour: int) -> str:
    """The stand-in of an architecture's colour."""
    return STAND_INS[f"series-{colour % N_SERIES}"]


def wrapped(words: str, letters: int) -> str:
    """In lines of so many letters; a number stays with its name, as in n = 5."""
    whole = words.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return "\n".join(textwrap.wrap(whole, letters)).replace("\N{NO-BREAK SPACE}", " ")


def canvas(
    narrow: bool, height: float, n_panels: int, stacked: bool = False
) -> tuple[Figure, list[Axes]]:
    """Panels side by side; below each other on a phone, or where asked for."""
    figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, height))
    figure.patch.set_visible(False)
    shape = (n_panels, 1) if narrow or stacked else (1, n_panels)
    all_axes = [axes for row in figure.subplots(*shape, squeeze=False) for axes in row]
    for axes in all_axes:
        axes.patch.set_visible(False)
    return figure, all_axes


def margins(figure: Figure, *, left: float, bottom: float, top: float, **more: float) -> None:
    """`left` as a fraction of the width, the others in inches."""
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=left, right=0.97, bottom=bottom / height, top=1 - top / height, **more
    )
