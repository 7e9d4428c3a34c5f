"""Numbers -> figures of matplotlib and seaborn -> SVG text; no files, no figure kept by pyplot.

Colours are roles, not values: a figure is drawn in stand-in colours that become CSS variables in
the SVG (`templates/palette.css` gives them for light and dark). An architecture's colour is its
place among the sorted names, so it is the same in every figure.
"""

from bench.report.figures._canvas import N_SERIES, STAND_INS, STYLE, canvas, margins, series
from bench.report.figures._svg import mark, svg
from bench.report.figures.curves import Panel, accuracy_curves, loss_curves
from bench.report.figures.differences import Difference, differences
from bench.report.figures.digits import Digit, digits
from bench.report.figures.heatmap import Focus, focus
from bench.report.figures.matrix import matrix
from bench.report.figures.pareto import Candidate, Field, is_crowd, pareto
from bench.report.figures.rates import Rate, rates
from bench.report.figures.strips import cut, strips

__all__ = [
    "N_SERIES",
    "STAND_INS",
    "STYLE",
    "Candidate",
    "Difference",
    "Digit",
    "Field",
    "Focus",
    "Panel",
    "Rate",
    "accuracy_curves",
    "canvas",
    "cut",
    "differences",
    "digits",
    "focus",
    "is_crowd",
    "loss_curves",
    "margins",
    "mark",
    "matrix",
    "pareto",
    "rates",
    "series",
    "strips",
    "svg",
]
