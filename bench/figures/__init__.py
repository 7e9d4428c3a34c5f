"""Numbers -> matplotlib figures -> SVG text; no files, no global state of pyplot.

Colours are roles, not values: a figure is drawn in stand-in colours that become CSS variables in
the SVG (`templates/palette.css` gives them for light and dark). An architecture's colour is its
place among the sorted names, so it is the same in every figure.
"""

from bench.figures._canvas import N_SERIES, STAND_INS, STYLE, canvas, margins, series
from bench.figures._svg import mark, svg
from bench.figures.curves import Panel, accuracy_curves, loss_curves
from bench.figures.heatmap import Focus, focus
from bench.figures.strips import Strip, strips

__all__ = [
    "N_SERIES",
    "STAND_INS",
    "STYLE",
    "Focus",
    "Panel",
    "Strip",
    "accuracy_curves",
    "canvas",
    "focus",
    "loss_curves",
    "margins",
    "mark",
    "series",
    "strips",
    "svg",
]
