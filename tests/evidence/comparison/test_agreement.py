"""`compare`, the report and the claims say one thing of the same runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.evidence.claims import Published
from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.metrics import judge
from bench.evidence.claims.rules import Gain
from bench.evidence.comparison import outcome
from bench.records.arms import Arm, arms
from bench.records.places import Place
from bench.records.store import Suite
from bench.report.parts import pairs
from bench.report.summary import summarise
from bench.spec import Claim, Portrait, RunRecord
from bench.stats.comparison import Comparison
from tests.support import ROOT

RESULTS = ROOT / "results"
NAMES = "model_1", "model_2"


@cache
def records() -> tuple[list[RunRecord], list[Portrait]]:
    """Runs and portraits of the two networks in the suite that is shipped."""
    suite = Suite(RESULTS, "reference")
    runs = [
        run for run in suite.runs() if run.architecture in NAMES and run.dataset.name == "mnist"
    ]
    return runs, [each for each in suite.portraits() if each.architecture in NAMES]


@cache
def counts() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Right answers of the ten runs of each, read from the records alone."""
    ours, theirs = (
        tuple(arm.counts("test"))
        for name in NAMES
        for arm in arms("reference", records()[0], "test")
        if arm.architecture == name and len(arm.runs) == 10
    )
    return ours, theirs


def largest(found: list[Arm], name: str) -> Arm:
    return max((arm for arm in found if arm.architecture == name), key=lambda arm: len(arm.runs))


def by_compare() -> Comparison:
    digests = [largest(arms("reference", records()[0], "test"), n).identity[:6] for n in NAMES]
    places = [Place("reference", "mnist", *each) for each in zip(NAMES, digests, strict=True)]
    (row,) = outcome.compare(outcome.Request(*places, RESULTS)).rows
    return row.comparison


def by_report() -> Comparison:
    (summary,) = summarise("reference", *records(), Published(), {}, "command")
    ours, theirs = (largest(list(summary.arms), name) for name in NAMES)
    (pair,) = pairs.tested([(ours, theirs)])
    return pair.result


def by_claims() -> Comparison:
    said = Claim(
        id="gain",
        file="mine",
        line=1,
        quote="words",
        subject=NAMES[0],
        against=NAMES[1],
        metric="accuracy_gain_points",
        published=0.0,
    )
    gain = judge(said, arranged([SuiteContents("reference", *records())], [said]))
    assert isinstance(gain, Gain)
    return gain.compared


@pytest.mark.parametrize("says", [by_compare, by_report, by_claims])
def test_two_arms_are_compared_as_two_independent_samples(
    says: Callable[[], Comparison],
) -> None:
    """Against scipy's Welch interval, and every one of the 184,756 ways to deal twenty runs."""
    ours, theirs = map(np.array, counts())
    found = says()
    assert found.difference_points == pytest.approx((ours.mean() - theirs.mean()) / 100)
    welch = scipy_stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((welch.low / 100, welch.high / 100))
    pooled = np.concatenate([ours, theirs])
    sums = pooled[np.array(list(combinations(range(20), 10)))].sum(axis=1)
    away = np.abs(2 * sums - pooled.sum())  # arms of one size: Welch's order is that of the means
    p = (away >= abs(int(ours.sum() - theirs.sum()))).mean()
    assert found.test is not None
    assert found.test.p == pytest.approx(p)
    assert p == pytest.approx(0.154, abs=5e-4)
