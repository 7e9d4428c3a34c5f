"""Draws the figures of the documentation, by the code that draws the report's.

python docs/figures.py      # writes docs/figures/*.svg; commit them
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "figures"
sys.path.insert(0, str(HERE.parent))

from bench.records.arms import Arm, arms  # noqa: E402
from bench.records.store import Suite  # noqa: E402
from bench.report.drawing import Here, draw  # noqa: E402
from bench.report.figures.canvas import DASHED, GREY, STAND_INS, STYLE  # noqa: E402
from bench.report.figures.rows import row_canvas  # noqa: E402
from bench.report.figures.strips import strips  # noqa: E402
from bench.report.model import Plot  # noqa: E402
from bench.report.pages import standalone  # noqa: E402
from bench.stats.means import accuracy  # noqa: E402
from bench.stats.rates import lower_bound, upper_bound  # noqa: E402

NETWORK = "p4m_4988"  # the network with most recorded runs
N_GROUPS, GROUP = 6, 5
RATE = 0.9
# Runs that reached the target, and all runs.
COUNTS = ((1, 1), (5, 5), (9, 10), (10, 10), (29, 29), (45, 46), (61, 61), (270, 300))


def plots() -> Iterator[Plot]:
    """Every figure."""
    arm = recorded()
    yield Plot(
        "five-runs",
        f"Test accuracy of six groups of five runs of one network, and of all its "
        f"{len(arm.runs)} runs. The means of the groups differ.",
        "",
        partial(strips, groups(arm), None),
    )
    yield Plot(
        "rates",
        "What a share of runs proves. " + "; ".join(said(*counts) for counts in COUNTS) + ".",
        "",
        drawn_rates,
    )


def recorded() -> Arm:
    """The network's runs in the reference suite, by its own recipe."""
    suite = Suite(HERE.parent / "results", "reference")
    runs = [run for run in suite.runs() if run.architecture == NETWORK]
    return max(arms(suite.name, runs, "test"), key=lambda arm: len(arm.runs))


def groups(arm: Arm) -> pd.DataFrame:
    """The first runs in groups of five, in the order of their seeds, and all runs together."""
    counts = arm.test_counts
    parts = {
        f"runs {first + 1} to {first + GROUP}": counts[first : first + GROUP]
        for first in range(0, N_GROUPS * GROUP, GROUP)
    }
    parts["all"] = counts
    return pd.concat(strip(label, part, arm.n_test) for label, part in parts.items())


def strip(label: str, counts: list[int], n_images: int) -> pd.DataFrame:
    """The frame of `strips` for these runs."""
    found = accuracy(counts, n_images)
    assert found.interval is not None
    frame = pd.DataFrame({"percent": found.percents})
    return frame.assign(
        label=label,
        architecture=NETWORK,
        mean=float(found.mean_percent or 0),
        low=found.interval.low,
        high=found.interval.high,
        published=float("nan"),
        said_by="",
        says="",
    )


def bounds(k: int, n: int) -> tuple[float, float]:
    """What k of n runs prove of the rate: its two one-sided 95 % bounds."""
    return lower_bound(k, n), upper_bound(k, n)


def said(k: int, n: int) -> str:
    """The same in words."""
    low, high = bounds(k, n)
    return f"{k} of {n} runs: the rate lies from {low:.3f} to {high:.3f}"


def drawn_rates() -> Figure:
    """The bounds beside the rate that “consistently” asks for."""
    with matplotlib.rc_context(STYLE):
        figure, axes = row_canvas([f"{k} of {n} runs" for k, n in COUNTS], 0.22)
        axes.axvline(RATE, lw=1.2, color=STAND_INS["target"], linestyle=DASHED)
        for place, (k, n) in enumerate(COUNTS):
            low, high = bounds(k, n)
            line = axes.errorbar(
                k / n,
                -place,
                xerr=[[k / n - low], [high - k / n]],
                fmt="o",
                ms=7,
                color=STAND_INS["ink"],
                ecolor=GREY,
                elinewidth=2,
                capsize=3,
            )
            for part in (line[0], *line[1], *line[2]):
                part.set_clip_on(False)
        axes.set(xlim=(0, 1), xlabel="share of runs that reach the target")
        return figure


def main() -> None:
    """Writes every figure."""
    FOLDER.mkdir(exist_ok=True)
    for plot in plots():
        text = standalone(plot, Here().submit(draw, plot))
        (FOLDER / f"{plot.name}.svg").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
