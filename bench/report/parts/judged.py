"""The figure of a claim's runs: their numbers beside the published one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from pathlib import PurePosixPath

import pandas as pd

from bench.evidence.claims.ledger import Entry
from bench.evidence.claims.rules import Judgement
from bench.report.figures.dots import Limits
from bench.report.figures.judged import judged as drawn
from bench.report.model import Plot
from bench.report.summary import Summary
from bench.spec import Claim
from bench.stats.format import count

SEED = re.compile(r"seed-0*(\d+)")
UNITS = {"_percent": " %", "_points": " points"}  # by the end of a metric's name
POSSIBLE: Mapping[str, Limits] = {" %": (0.0, 100.0), " points": (-100.0, 100.0)}
OF_A_RATE = re.compile("consistent_|sustained_")  # metrics whose number a run reaches or not

# Metrics in points of runs whose own numbers are in percent: neither the published number nor its
# interval lies on the runs' axis.
BETWEEN_RUNS = re.compile("test_accuracy_sd_|accuracy_gain_|mean_test_accuracy_gain_")


def strip(summary: Summary, part: Entry, about: str) -> Plot | None:
    """The runs that judged the claim, one figure for all claims that say the same of them.

    Args:
        summary: Whose ledger.
        part: The claim with what judged it.
        about: Its metric in words.

    Returns:
        None where no run judges it.
    """
    claim, judged = part.claim, part.judged
    if not judged.values:
        return None
    is_rate, is_between = (r.match(claim.metric) is not None for r in (OF_A_RATE, BETWEEN_RUNS))
    number = None if part.published is None or is_between else claim.published
    interval = None if is_between else judged.interval
    unit = " %" if is_between else unit_of(claim)
    runs, n = _runs(summary, claim, judged, unit), len(judged.values)
    which = (claim.dataset, claim.subject, claim.metric, claim.against)
    said = "" if number is None else f"{claim.relation}-{number:g}"
    return Plot(
        "-".join(["judged", *filter(None, (*which, said))]),
        f"{summary.display_name(claim.subject)}: {about}, {count(n, 'run')}",
        "",
        partial(
            drawn,
            [runs[:n], runs[n:]] if judged.others else [runs],
            None if is_rate else number,
            number if is_rate else None,
            (interval.low, interval.high) if interval else None,
            POSSIBLE.get(unit, (0.0, inf)),
            claim.subject,
        ),
    )


def unit_of(claim: Claim) -> str:
    """What stands behind its numbers: a percent sign, points, or nothing."""
    return next((unit for end, unit in UNITS.items() if claim.metric.endswith(end)), "")


def _runs(summary: Summary, claim: Claim, judged: Judgement, unit: str) -> pd.DataFrame:
    """A row a run, the other network's last; its seed is known where each run has a value."""
    values = (*judged.values, *judged.others)
    names = [claim.subject] * len(judged.values) + [claim.against] * len(judged.others)
    seeds: Sequence[str] = [f", {where(place)}" for place in judged.stands_on]
    if len(seeds) != len(values):
        seeds = [""] * len(values)
    rows = [
        (value, f"{summary.display_name(name)}{seed}: {value:.6g}{unit}")
        for name, seed, value in zip(names, seeds, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["percent", "says"])


def where(place: str) -> str:
    """seed 3, else the file's name."""
    seed = SEED.match(PurePosixPath(place).name)
    return f"seed {seed[1]}" if seed else PurePosixPath(place).name
