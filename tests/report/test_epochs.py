"""Where the axis of accuracies by epoch begins, and what the caption says of what lies below."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.report.figures.curves import Panel
from bench.report.parts.epochs import cut, lowest

THIN = "\N{NARROW NO-BREAK SPACE}"


def panel(*percents: float, says: Sequence[int] = ()) -> Panel:
    """One run's epochs."""
    rows = [(0, epoch, value) for epoch, value in enumerate(percents, 1)]
    epochs = pd.DataFrame(rows, columns=["seed", "epoch", "value"])
    return Panel("test", epochs, says=dict.fromkeys(says, "a run"))


HIGH, LOW = panel(90.0, 97.9, 98.5), panel(60.0, 95.0, 96.0)


def test_it_begins_at_98_where_the_medians_end_high() -> None:
    assert lowest([HIGH], alone=True) == 98
    assert lowest([panel(98.0, 99.0)], alone=True) is None  # nothing is lower


def test_a_plot_of_its_own_is_never_empty() -> None:
    """One of two ends low: their shared axis reaches down, one plot for both need not."""
    assert lowest([HIGH, LOW], alone=False) == 98
    assert lowest([HIGH, LOW], alone=True) is None  # four times 40 is more than there is
    assert lowest([panel(99.0, 98.4), panel(98.0)], alone=True) is None


def test_a_single_low_run_does_not_squeeze_the_others() -> None:
    epochs = pd.DataFrame(
        [(0, 1, 96.0), (1, 1, 96.0), (2, 1, 50.0)], columns=["seed", "epoch", "value"]
    )
    assert lowest([Panel("test", epochs)], alone=True) == 100 - 4 * 4
    assert lowest([Panel("test", epochs, says={0: "a run"})], alone=True) is None


def test_points_below_are_counted() -> None:
    assert cut([HIGH, LOW], 98.0) == f" Below 98.00{THIN}%: 5 of 6 points."
    assert cut([HIGH], None) == ""
