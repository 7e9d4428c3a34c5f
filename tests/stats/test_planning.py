"""Plans against statsmodels' power and against simulated sweeps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as oracle
from statsmodels.stats.power import TTestIndPower

from bench.stats.planning import (
    allowed_misses,
    cautious_sd,
    difference_power,
    margin_plan,
    minimal_detectable_difference,
    rate_chances,
    rate_plan,
    refuting_misses,
    seeds_for_difference,
    seeds_for_margin,
    seeds_for_misses,
)
from bench.stats.sequences import decision_chances
from bench.stats.sweeps import rate_verdict
from benchmarks.calibration import normal
from tests.stats.coverage import assert_share


@pytest.mark.parametrize("n", [2, 5, 20, 80])
@pytest.mark.parametrize("effect", [0.0, 0.5, 1.5])
def test_power_is_statsmodels(n: int, effect: float) -> None:
    found = difference_power(8, 8 * effect, n)
    assert found == pytest.approx(TTestIndPower().power(effect, n, 0.05), abs=1e-6)


def test_a_difference_beyond_doubt_is_seen() -> None:
    assert difference_power(1, 1000, 5) == 1.0


def test_seeds_for_a_difference_are_the_fewest() -> None:
    n = seeds_for_difference(8, 5)
    assert difference_power(8, 5, n) >= 0.8
    assert difference_power(8, 5, n - 1) < 0.8
    detectable = minimal_detectable_difference(8, n)
    assert detectable is not None
    assert detectable <= 5
    assert difference_power(8, detectable, n) == pytest.approx(0.8)


def test_seeds_for_a_difference_are_statsmodels() -> None:
    exact = TTestIndPower().solve_power(5 / 8, alpha=0.05, power=0.8)
    assert seeds_for_difference(8, 5) == np.ceil(exact)


@pytest.mark.parametrize(("n_pairs", "seeds"), [(1, 4), (3, 5), (10, 6)])
def test_no_spread_is_too_small_for_the_runs_that_the_permutation_test_needs(
    n_pairs: int, seeds: int
) -> None:
    """2 of 70 deals are .029, three times 2 of 252 .024, ten times 2 of 924 .022."""
    assert seeds_for_difference(1e-6, 5, n_pairs) == seeds


def test_seeds_for_one_of_several_differences_are_statsmodels() -> None:
    exact = TTestIndPower().solve_power(5 / 8, alpha=0.05 / 3, power=0.8)
    assert seeds_for_difference(8, 5, 3) == np.ceil(exact)


@pytest.mark.parametrize(("n", "sd"), [(1, 8.0), (0, 8.0), (5, 0.0)])
def test_nothing_is_detectable_without_runs_or_spread(n: int, sd: float) -> None:
    assert minimal_detectable_difference(sd, n) is None


def test_seeds_for_a_margin_are_the_fewest() -> None:
    """t(n - 1) 8 / sqrt(n) <= 5: 2.179 at n = 13 gives 4.83, 2.201 at n = 12 gives 5.08."""
    assert seeds_for_margin(8, 5) == 13
    assert seeds_for_margin(1e-6, 5) == 3  # fewer have no interval


def test_a_pilot_makes_a_plan() -> None:
    pilot = [9940, 9935, 9950, 9930, 9941]
    plan = margin_plan(pilot, 5)
    assert plan is not None
    assert plan.sd == pytest.approx(np.std(pilot, ddof=1))
    assert plan.seeds == seeds_for_margin(plan.sd, 5)
    assert plan.cautious_sd == pytest.approx(plan.sd * (4 / oracle.chi2.ppf(0.2, 4)) ** 0.5)
    assert plan.cautious_seeds > plan.seeds


@pytest.mark.parametrize("pilot", [[], [9940], [9940, 9950], [9940] * 5])
def test_a_pilot_of_fewer_than_three_runs_or_of_equal_ones_plans_nothing(pilot: list[int]) -> None:
    assert margin_plan(pilot, 5) is None


def test_the_cautious_sd_is_large_enough_80_times_of_100() -> None:
    pilots = normal(np.random.default_rng(0), (3000, 5))
    deviations = pilots.std(axis=1, ddof=1)
    assert_share([cautious_sd(float(sd), 5) >= 8 for sd in deviations], 0.8, 0.81)


@pytest.mark.parametrize(("misses", "n"), [(0, 29), (1, 46), (2, 61), (3, 76)])
def test_misses_allowed_at_nine_of_ten(misses: int, n: int) -> None:
    assert seeds_for_misses(misses) == n
    assert allowed_misses(n) == misses
    assert allowed_misses(n - 1) == (misses - 1 if misses else None)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 29, 60])
def test_misses_agree_with_the_verdicts(n: int) -> None:
    verdicts = [rate_verdict(n - misses, n).verdict for misses in range(n + 1)]
    allowed, refuting = allowed_misses(n), refuting_misses(n)
    assert verdicts.count("confirmed") == (0 if allowed is None else allowed + 1)
    assert verdicts.count("refuted") == (0 if refuting is None else n + 1 - refuting)


def test_one_run_that_misses_refutes_nothing_and_two_do() -> None:
    # One miss of one leaves an upper bound of 0.95; two of two leave 1 - sqrt(0.05) = 0.776.
    assert (refuting_misses(0), refuting_misses(1), refuting_misses(2)) == (None, None, 2)


@pytest.mark.parametrize("pass_rate", [0.0, 0.6, 6 / 7, 0.97, 1.0])
@pytest.mark.parametrize("n", [0, 5, 29, 46])
def test_chances_of_each_verdict_are_binomial(n: int, pass_rate: float) -> None:
    found = rate_chances(pass_rate, n)
    chance = oracle.binom.pmf(np.arange(n + 1), n, pass_rate)
    for verdict in ("confirmed", "refuted", "undecided"):
        judged = [rate_verdict(k, n).verdict == verdict for k in range(n + 1)]
        assert getattr(found, verdict) == pytest.approx(chance[judged].sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("pass_rate", "verdict", "seeds"), [(1.0, "confirmed", 29), (0.97, "confirmed", 76)]
)
def test_a_plan_lands_where_a_miss_becomes_allowed(
    pass_rate: float, verdict: str, seeds: int
) -> None:
    plan = rate_plan(pass_rate)
    assert (plan.verdict, plan.seeds) == (verdict, seeds)
    assert rate_chances(pass_rate, seeds).confirmed >= 0.8
    assert rate_chances(pass_rate, seeds - 1).confirmed < 0.8
    assert plan.until_decided_seeds is not None
    assert plan.until_decided_seeds > seeds


def test_a_bad_recipe_is_planned_to_be_refuted() -> None:
    plan = rate_plan(0.6)
    assert (plan.verdict, plan.seeds) == ("refuted", 13)
    assert rate_chances(0.6, 12).refuted < 0.8 <= rate_chances(0.6, 13).refuted
    assert plan.until_decided_seeds is not None
    reached = decision_chances(0.6, plan.until_decided_seeds).refuted
    assert reached[-2] < 0.8 <= reached[-1]


def test_the_declared_rate_itself_is_never_decided() -> None:
    plan = rate_plan(0.9)
    assert (plan.verdict, plan.seeds, plan.until_decided_seeds) == ("undecided", None, None)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(ValueError, match="margin must be above 0"):
        margin_plan([1, 2], 0)
    with pytest.raises(ValueError, match="difference must be above 0"):
        seeds_for_difference(8, 0)
    with pytest.raises(ValueError, match="ten million"):
        seeds_for_margin(8, 1e-6)
    with pytest.raises(ValueError, match="from 0 to 1"):
        rate_chances(-0.1, 5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        allowed_misses(5, 1.0)
