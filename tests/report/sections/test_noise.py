"""The two kinds of noise, worked by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace
from statsmodels.stats.power import TTestIndPower

from bench.report.model import Section
from bench.report.sections import noise
from bench.report.summary import summarise
from bench.spec import RunRecord
from tests import factories


def runs_of(*counts: int, name: str = "model_1") -> list[RunRecord]:
    return factories.runs(name, counts)


def section_of(runs: Sequence[RunRecord]) -> Section | None:
    return noise.section(
        summarise("local", list(runs), [], factories.published(), {}, "command")[0]
    )


def row_of(runs: Sequence[RunRecord]) -> list[tuple[str, str]]:
    section = section_of(runs)
    assert section is not None
    return [(cell.text, cell.note) for cell in section.tables[0].rows[0]]


def test_both_kinds_of_noise_by_hand() -> None:
    """Counts 9,938, 9,940, 9,942: sd 2 images; p = 0.994 of 10,000 images."""
    row = row_of(runs_of(9938, 9940, 9942))
    chance = 100 * math.sqrt(0.994 * 0.006 / 10000)
    assert row[1] == ("3", "")
    assert row[2][0] == "0.020"
    assert row[3][0] == f"{chance:.3f}" == "0.077"
    assert row[4][0] == f"{(0.02 / chance) ** 2:.2f}"


def test_what_n_runs_see_agrees_with_statsmodels() -> None:
    row = row_of(runs_of(9938, 9940, 9942, 9941, 9937))
    sd = float(np.std([38, 40, 42, 41, 37], ddof=1)) / 100
    effect = TTestIndPower().solve_power(nobs1=5, alpha=0.05, power=0.8)
    assert float(row[6][0]) == pytest.approx(effect * sd, abs=6e-4)
    needed = TTestIndPower().solve_power(effect_size=0.05 / sd, alpha=0.05, power=0.8)
    assert row[7] == ("yes" if needed <= 5 else "no", f"takes {math.ceil(needed)} runs each")


def test_wide_and_narrow_spreads_are_told_apart() -> None:
    runs = [
        *runs_of(9940, 9941, 9942, 9941, 9940),
        *runs_of(9900, 9940, 9960, 9920, 9930, name="model_2"),
    ]
    section = section_of(runs)
    assert section is not None
    assert "is seen with the runs at hand for model_1, not for model_2." in section.text[1]


def test_the_spread_by_single_images() -> None:
    """Two runs of two, each missing one image of its own and one that both miss.

    Two images with variance 1/2 each over two runs: sd = 100 sqrt(1) / 10,000.
    """
    first, second = runs_of(9998, 9998)
    runs = [
        replace(first, test_misses=[(1, 0), (2, 0)]),
        replace(second, test_misses=[(1, 0), (3, 0)]),
    ]
    section = section_of(runs)
    assert section is not None
    assert section.tables[0].rows[0][5].sort == pytest.approx(0.01)


def test_equal_runs_have_a_spread_of_nothing_and_no_judgement() -> None:
    row = row_of(runs_of(9940, 9940))
    assert row[2] == ("0.000", "")
    assert row[7] == ("n/a", "")


def test_one_run_says_nothing() -> None:
    assert section_of(runs_of(9940)) is None
    assert section_of([]) is None
    assert section_of([factories.failed("model_1", seed) for seed in range(3)]) is None
