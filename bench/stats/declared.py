"""What is declared before the runs, whatever the document: how sure a statement must be."""

from __future__ import annotations

CONSISTENT_RATE = 0.90  # the share of runs that "consistently" asks for, where nobody says another
MARGIN_POINTS = 0.05  # a smaller difference does not matter: five images of 10,000

CONFIDENCE = 0.95  # of a two-sided interval
RATE_ALPHA = 0.05  # the chance that a one-sided bound of a rate lies on the wrong side of it
TEST_ALPHA = 0.05  # two arms differ where a test's p, corrected by Holm, lies below
FEWEST_RUNS = 3  # with two, the t quantile is 12.7 and the interval says next to nothing

DRAW_SEED = 0  # of what is drawn, so that the same records give the same bytes
