"""`bench plan`: seeds for a margin and for a rate, against hand-worked and other libraries' n."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom
from statsmodels.stats.power import TTestIndPower

from bench.errors import UsageError
from bench.evidence.forecast import questions, show
from bench.evidence.forecast.questions import Pilot, for_margin, for_rate
from bench.records.store import Suite
from tests import factories
from tests.support import ROOT

Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """Three runs 10 images of 10,000 apart: an sd of 0.1 points."""
    kept = Suite(tmp_path / "results", "local")
    for seed, count in enumerate((9930, 9940, 9950)):
        kept.add_run(factories.record("model_1", seed, test_correct=count), None)
    return Pilot(tmp_path / "results", "local")


def add(pilot: Pilot, *runs: Any) -> None:
    for run in runs:
        Suite(pilot.results, pilot.suite).add_run(run, None)


def test_seeds_for_a_margin(pilot: Pilot) -> None:
    (arm,) = for_margin(0.05, pilot).arms
    assert arm.plan is not None
    assert arm.plan.sd == pytest.approx(0.1)
    # t(17) 0.1 / sqrt(18) = 2.1098 x 0.02357 = 0.0497; with 17 runs 2.1199 x 0.02425 = 0.0514
    assert arm.plan.seeds == 18
    assert arm.plan.cautious_seeds > 18
    assert arm.noise.sampling_sd_points == pytest.approx(100 * (0.994 * 0.006 / 10_000) ** 0.5)


def test_seeds_to_tell_two_arms_apart(pilot: Pilot) -> None:
    (arm,) = for_margin(0.05, pilot).arms
    assert arm.difference is not None
    n = TTestIndPower().solve_power(effect_size=0.5, power=0.8, alpha=0.05)
    assert arm.difference.seeds == 64 == int(n) + 1
    at_hand = TTestIndPower().power(effect_size=0.5, nobs1=3, alpha=0.05)
    assert arm.difference.power_at_hand == pytest.approx(at_hand)
    assert not arm.difference.is_visible
    (wide,) = for_margin(0.5, pilot).arms
    assert wide.difference is not None
    assert wide.difference.is_visible


def test_runs_without_a_count_are_said_and_give_no_spread(pilot: Pilot) -> None:
    add(pilot, factories.failed("model_1", 3))
    add(pilot, *(factories.record("model_2", seed, test_correct=9940) for seed in range(3)))
    add(pilot, factories.failed("model_3", 0))
    answer = for_margin(0.05, pilot)
    assert [(arm.n, arm.noise.n) for arm in answer.arms] == [(4, 3), (3, 3), (1, 0)]
    said = "\n".join(show.lines(questions.Forecast("local", answer, None)))
    assert "more seeds extend these runs, so a confidence sequence" in said
    assert "test split: n = 4, 1 without a count, sd 0.100 points" in said
    assert "n = 3; no spread to plan with: the runs are all equal" in said
    assert "no spread to plan with: 3 completed runs are needed" in said


def test_the_pilot_may_be_of_the_validation_split(tmp_path: Path) -> None:
    kept = Suite(tmp_path, "search")
    for seed in range(1000, 1004):
        kept.add_run(factories.record("model_1", seed, evaluate_test=False), None)
    (arm,) = for_margin(0.05, Pilot(tmp_path, "search")).arms
    assert (arm.split, arm.noise.n_images, arm.n) == ("validation", 6000, 4)


def test_one_architecture_of_the_pilot(pilot: Pilot) -> None:
    add(pilot, *(factories.record("model_2", seed) for seed in range(3)))
    answer = for_margin(0.05, Pilot(pilot.results, pilot.suite, ("model_2",)))
    assert [arm.name.split("/")[2] for arm in answer.arms] == ["model_2"]


def test_allowed_misses_of_the_protocol() -> None:
    allowed = [(each.misses, each.seeds) for each in for_rate(0.90, 0.97, None).allowed]
    assert allowed == [(0, 29), (1, 46), (2, 61), (3, 76)]


def test_chances_of_a_verdict() -> None:
    (assumed,) = for_rate(0.90, 0.97, 12).assumed
    chances = {each.n: each for each in assumed.chances}
    assert chances[29].confirmed == pytest.approx(0.97**29)
    assert chances[46].confirmed == pytest.approx(binom.cdf(1, 46, 0.03))
    assert chances[12].confirmed == 0
    assert assumed.plan.seeds == 76  # three misses: the first n whose chance reaches 0.80
    assert binom.cdf(3, 76, 0.03) >= 0.80 > binom.cdf(2, 75, 0.03)


def test_the_declared_rate_itself_is_never_decided() -> None:
    answer = for_rate(0.90, 0.90, None)
    said = "\n".join(show.lines(questions.Forecast(None, None, answer)))
    assert "no number of seeds decides, because it equals the declared rate" in said


@pytest.mark.parametrize("margin", [0.0, -1.0, 100.0, float("nan"), 1e-9])
def test_margins_that_no_sweep_can_have(pilot: Pilot, margin: float) -> None:
    with pytest.raises(UsageError, match="bad margin"):
        for_margin(margin, pilot)


@pytest.mark.parametrize(
    ("rate", "assume", "n", "message"),
    [
        (0.0, None, None, "bad rate '0'"),
        (1.0, None, None, "bad rate '1'"),
        (90.0, None, None, r"bad rate '90' \(--rate\): give a share"),
        (1 - 1e-9, None, None, "bad rate '0.999999999'.*give a lower one"),
        (0.9, 97.0, None, "bad assume '97'"),
        (0.9, None, 0, "bad seeds '0'"),
        (0.9, None, 10**6, "bad seeds '1000000'"),
    ],
)
def test_bad_rates(rate: float, assume: float | None, n: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        for_rate(rate, assume, n)


def test_the_command_answers_both_questions(bench: Bench) -> None:
    done = bench("plan", "--suite", "reference", "--results", str(ROOT / "results"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    arm = re.compile(
        r"reference/mnist/(\w+)/[0-9a-f]{6}, test split: n = (\d+), sd 0\.[01]\d\d points"
    )
    told = [found.groups() for line in lines if (found := arm.match(line))]
    paths = (ROOT / "results" / "reference" / "mnist").glob("*/seed-*.json")
    runs = [json.loads(path.read_bytes()) for path in paths]
    chose = ("p4m_3772", range(200, 205))  # declared so in the suite's protocol
    by_recipe = Counter(
        (run["architecture"], json.dumps(run["recipe"]))
        for run in runs
        if run["architecture"] != chose[0] or run["seed"] not in chose[1]
    )
    assert len(by_recipe) >= 8
    assert Counter(told) == Counter((name, str(n)) for (name, _), n in by_recipe.items())
    most = "  the most misses that still confirm the rate: 0 of 29, 1 of 46, 2 of 61, 3 of 76"
    assert most in lines


def test_a_rate_needs_no_pilot_and_json_is_the_answer(bench: Bench) -> None:
    done = bench("plan", "--rate", "0.90", "--assume", "0.97", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["margin"] is None
    assert found["suite"] is None
    assert found["rate"]["assumed"][0]["plan"]["seeds"] == 76


def test_a_margin_without_a_pilot_is_one_line(bench: Bench, tmp_path: Path) -> None:
    done = bench("plan", "--margin", "0.05")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no suite 'local' (results): ")
    assert list(tmp_path.iterdir()) == []
