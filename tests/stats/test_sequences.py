"""A rate looked at after every run: the evidence against quadrature, its errors by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from bench.stats.rates import lower_bound, upper_bound
from bench.stats.sequences import confidence_sequence, decision_chances, log_evidence, until_decided
from bench.stats.sweeps import rate_verdict
from tests.stats.coverage import assert_share

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
rates = st.floats(0.05, 0.95)


@given(counts, rates)
@settings(max_examples=50)
def test_evidence_is_the_mean_likelihood_ratio(pair: tuple[int, int], rate: float) -> None:
    k, n = pair

    def ratio(p: float) -> float:
        return float((p / rate) ** k * ((1 - p) / (1 - rate)) ** (n - k))

    mode = min(max(k / n, rate + 1e-6), 1 - 1e-6)
    mean = integrate.quad(ratio, rate, 1, points=[mode])[0] / (1 - rate)
    assert np.exp(log_evidence(k, n, rate)) == pytest.approx(mean, rel=1e-4, abs=1e-9)


@given(counts, rates)
def test_evidence_is_a_martingale(pair: tuple[int, int], rate: float) -> None:
    """At the rate itself the next run leaves it where it is, on average; below it, lower."""
    k, n = pair
    now = np.exp(log_evidence(k, n, rate))
    passed, missed = (np.exp(log_evidence(k + one, n + 1, rate)) for one in (1, 0))
    assert rate * passed + (1 - rate) * missed == pytest.approx(now, rel=1e-9, abs=1e-300)
    assert passed >= missed


@given(counts)
def test_bounds_turn_where_the_evidence_is_twenty(pair: tuple[int, int]) -> None:
    k, n = pair
    # Bounds are the tightest so far: the last look is that where the runs get better, or worse.
    lower = confidence_sequence([False] * (n - k) + [True] * k)[-1].low
    upper = confidence_sequence([True] * k + [False] * (n - k))[-1].high
    if k:
        assert np.exp(log_evidence(k, n, lower)) == pytest.approx(20)
    if k < n:
        assert np.exp(log_evidence(n - k, n, 1 - upper)) == pytest.approx(20)
    assert lower <= lower_bound(k, n)  # the price of looking
    assert upper >= upper_bound(k, n)
    assert lower < k / n or not k


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.95])
def test_looking_after_every_run_errs_5_times_of_100_at_most(rate: float) -> None:
    """Exact, over every path of 300 runs whose true rate is the declared one."""
    chances = decision_chances(rate, 300, rate)
    assert 0.01 < chances.confirmed[-1] <= 0.05
    assert 0.01 < chances.refuted[-1] <= 0.05


def test_looking_after_every_run_at_a_fixed_bound_errs_more_often() -> None:
    """The same paths, judged by Clopper and Pearson's bounds after each run."""
    rng = np.random.default_rng(0)
    running = np.cumsum(rng.random((4000, 100)) < 0.9, axis=1)  # (n_sweeps, n_runs)
    judged = [[rate_verdict(k, n).lower >= 0.9 for k in range(n + 1)] for n in range(1, 101)]
    wrong = np.zeros(4000, dtype=bool)
    for at, confirms in enumerate(judged):
        wrong |= np.array(confirms)[running[:, at]]
    assert_share(wrong, 0.10, 0.15)


def test_simulated_sweeps_are_decided_as_often_as_enumerated() -> None:
    sweeps = np.random.default_rng(1).random((200, 60)) < 0.97
    verdicts = [until_decided(sweep).verdict for sweep in sweeps]
    chances = decision_chances(0.97, 60)
    expected = float(chances.confirmed[-1])
    assert_share([one == "confirmed" for one in verdicts], expected, expected)


def test_bounds_hold_the_rate_at_all_looks_together_95_times_of_100() -> None:
    hits = []
    for sweep in np.random.default_rng(2).random((150, 60)) < 0.8:
        looks = confidence_sequence(sweep)
        hits.append(all(look.low <= 0.8 for look in looks))
        lows = [look.low for look in looks]
        assert lows == sorted(lows)
    assert_share(hits, 0.95, 1.0)


def test_the_first_verdict_stands() -> None:
    found = until_decided([True] * 43 + [False] * 30)
    assert (found.verdict, found.decided_at) == ("confirmed", 43)
    assert (found.more_to_confirm, found.more_to_refute) == (0, None)
    assert (found.successes, found.n) == (43, 73)
    found = until_decided([False] * 2 + [True] * 98)
    assert (found.verdict, found.decided_at) == ("refuted", 2)
    assert (found.more_to_confirm, found.more_to_refute) == (None, 0)


def test_the_seeds_still_needed_are_the_fewest() -> None:
    found = until_decided([True] * 5)
    assert (found.verdict, found.more_to_confirm) == ("undecided", 38)
    assert until_decided([True] * 42).verdict == "undecided"
    path = [True] * 5 + [False] * 5
    assert found.more_to_refute == 5
    assert until_decided(path).verdict == "refuted"
    assert until_decided(path[:-1]).verdict == "undecided"


def test_no_runs_decide_nothing() -> None:
    found = until_decided([])
    assert (found.n, found.verdict, found.lower, found.upper) == (0, "undecided", 0.0, 1.0)
    assert (found.more_to_confirm, found.more_to_refute) == (43, 2)
    assert confidence_sequence([]) == ()


def test_chances_of_what_is_certain() -> None:
    always, never = decision_chances(1.0, 43), decision_chances(0.0, 2)
    assert always.confirmed.tolist() == [0.0] * 42 + [1.0]
    assert never.refuted.tolist() == [0.0, 1.0]


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        until_decided([True], rate=1.0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        decision_chances(1.1, 5)
    with pytest.raises(ValueError, match="shape"):
        until_decided([[True]])
