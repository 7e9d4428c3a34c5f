"""Verdicts on a declared sweep, and on one that was extended: the advice, followed to its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from bench.stats.rates import lower_bound, upper_bound
from bench.stats.sweeps import extended_verdict, left, rate_verdict

CAP = 200
ALPHA = 0.05
RATE = 0.90


def followed(sweep: np.ndarray, declared: int) -> str:
    """The verdict on whoever runs as many more seeds as the verdict asks for, up to the cap."""
    found = rate_verdict(int(sweep[:declared].sum()), declared)
    n = declared
    while found.verdict == "undecided" and n < CAP:
        more = min(m for m in (found.more_to_confirm, found.more_to_refute) if m is not None)
        n = min(n + more, CAP)
        found = extended_verdict(sweep[:n], declared)
    return found.verdict


def looked_at_after_every_run(sweeps: np.ndarray, declared: int) -> list[str]:
    """The same for (n_sweeps, CAP) by the evidence itself, written anew, at every run."""
    found = []
    running = sweeps.cumsum(axis=1)
    first = [rate_verdict(k, declared).verdict for k in range(declared + 1)]
    n = np.arange(declared + 1, CAP + 1)
    levels = left(declared, RATE)
    confirms = evidence(running[:, declared:], n, RATE) >= 1 / levels.confirm
    refutes = evidence(n - running[:, declared:], n, 1 - RATE) >= 1 / levels.refute
    for start, confirm, refute in zip(running[:, declared - 1], confirms, refutes, strict=True):
        verdict = first[start]
        decided = np.flatnonzero(confirm | refute)
        if verdict == "undecided" and len(decided):
            verdict = "confirmed" if confirm[decided[0]] else "refuted"
        found.append(verdict)
    return found


def evidence(k: np.ndarray, n: np.ndarray, rate: float) -> np.ndarray:
    """A mixture of all rates above against the rate; (n_sweeps, n_looks)."""
    above = oracle.beta.sf(rate, k + 1, n - k + 1) / (1 - rate)
    return above / ((n + 1) * oracle.binom.pmf(k, n, rate))


@pytest.mark.parametrize("declared", [5, 10, 29])
@pytest.mark.parametrize("true_rate", [0.90, 0.88])
def test_the_advice_followed_confirms_falsely_in_five_of_a_hundred_at_most(
    declared: int, true_rate: float
) -> None:
    n_sweeps = 5000
    rng = np.random.default_rng([declared, round(100 * true_rate)])
    sweeps = rng.random((n_sweeps, CAP)) < true_rate
    verdicts = looked_at_after_every_run(sweeps, declared)
    for sweep, verdict in zip(sweeps[:25], verdicts, strict=False):
        assert followed(sweep, declared) == verdict
    wrong = np.mean([verdict == "confirmed" for verdict in verdicts])
    assert wrong <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / n_sweeps) ** 0.5


@pytest.mark.parametrize("declared", [2, 5, 10, 29, 30, 46, 61])
def test_every_path_errs_in_five_of_a_hundred_at_most(declared: int) -> None:
    """Exact, over all paths of 200 runs at the declared rate: either error, whenever one looks."""
    k = np.arange(declared + 1)
    chance = oracle.binom.pmf(k, declared, RATE)
    looks = np.array([rate_verdict(int(each), declared).verdict for each in k])
    errors = [chance[looks == word].sum() for word in ("confirmed", "refuted")]
    open_ = np.where(looks == "undecided", chance, 0.0)
    levels = left(declared, RATE)
    for n in range(declared + 1, CAP + 1):
        open_ = np.append(open_, 0.0) * (1 - RATE) + np.append(0.0, open_) * RATE
        k = np.arange(n + 1)
        confirms = evidence(k, np.array(n), RATE) >= 1 / levels.confirm
        refutes = evidence(n - k, np.array(n), 1 - RATE) >= 1 / levels.refute
        errors = [errors[0] + open_[confirms].sum(), errors[1] + open_[refutes].sum()]
        open_[confirms | refutes] = 0.0
    assert max(errors) <= ALPHA


def test_what_the_look_leaves_is_what_it_did_not_spend() -> None:
    # 29 of 29 confirm: the look errs with 0.9^29 = 0.0471. 5 of 5 cannot confirm; 2 of 5 refute.
    assert left(29, 0.9).confirm == pytest.approx(0.05 - 0.9**29)
    assert left(5, 0.9).confirm == 0.05
    assert left(5, 0.9).refute == pytest.approx(0.05 - oracle.binom.cdf(2, 5, 0.9))


@given(st.integers(1, 120), st.sampled_from([0.5, 0.9, 0.95]), st.sampled_from([0.05, 0.00625]))
def test_a_look_spends_the_chance_of_the_counts_that_decide(
    n: int, rate: float, alpha: float
) -> None:
    k = np.arange(n + 1)
    chance = oracle.binom.pmf(k, n, rate)
    looks = [rate_verdict(int(each), n, rate, alpha=alpha).verdict for each in k]
    spent = [chance[[look == word for look in looks]].sum() for word in ("confirmed", "refuted")]
    levels = left(n, rate, alpha)
    assert levels.confirm == pytest.approx(alpha - spent[0], abs=2e-9)
    assert levels.refute == pytest.approx(alpha - spent[1], abs=2e-9)


@pytest.mark.parametrize(
    ("reached", "declared", "verdict"),
    [
        (29, 29, "confirmed"),
        (29, 49, "undecided"),  # looked at early: the other twenty may all miss
        (46, 49, "undecided"),
        (2, 5, "refuted"),
        (0, 29, "undecided"),
    ],
)
def test_a_sweep_is_judged_when_it_is_whole(reached: int, declared: int, verdict: str) -> None:
    n = 5 if (reached, declared) == (2, 5) else reached
    assert rate_verdict(reached, n, declared=declared).verdict == verdict


@pytest.mark.parametrize(("alpha", "n", "rate"), [(0.05, 1, 0.05), (0.25, 2, 0.5)])
def test_a_bound_that_equals_the_rate_decides(alpha: float, n: int, rate: float) -> None:
    # The lower bound of n of n is the n-th root of alpha.
    assert lower_bound(n, n, alpha) == rate
    assert rate_verdict(n, n, rate, alpha=alpha).verdict == "confirmed"
    # The upper bound of no run is one minus that: not below the same rate, so nothing is refuted.
    assert upper_bound(0, n, alpha) == 1 - rate
    # Before the first run: n hits will do, and n misses will not.
    before = rate_verdict(0, 0, rate, declared=n, alpha=alpha)
    assert before.more_to_confirm == n
    before = rate_verdict(0, 0, 1 - rate, declared=n, alpha=alpha)
    assert before.more_to_refute is not None
    assert before.more_to_refute > n
    assert rate_verdict(0, n, 1 - rate, alpha=alpha).verdict == "undecided"


@given(st.data())
def test_an_early_verdict_is_that_of_every_end(data: st.DataObject) -> None:
    declared = data.draw(st.integers(1, 40))
    n = data.draw(st.integers(0, declared))
    k = data.draw(st.integers(0, n))
    rate = data.draw(st.sampled_from([0.3, 0.6, 0.9]))
    ends = {rate_verdict(k + more, declared, rate).verdict for more in range(declared - n + 1)}
    early = rate_verdict(k, n, rate, declared=declared).verdict
    assert early == (ends.pop() if len(ends) == 1 else "undecided")


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_seeds_still_needed_are_the_fewest_under_the_rule_that_judges_them(
    pair: tuple[int, int],
) -> None:
    k, n = pair
    found = rate_verdict(k, n)
    first = [True] * k + [False] * (n - k)
    for word, more, next_run in (
        ("confirmed", found.more_to_confirm, True),
        ("refuted", found.more_to_refute, False),
    ):
        if found.verdict != "undecided":
            assert more == (0 if found.verdict == word else None)
            continue
        assert more is not None
        assert extended_verdict([*first, *[next_run] * more], n).verdict == word
        before = extended_verdict([*first, *[next_run] * (more - 1)], n).verdict
        assert more == 1 or before == "undecided"


def test_five_of_five_need_38_more() -> None:
    # All of n: evidence (1 - q^(n + 1)) / ((n + 1) (1 - q) q^n) is 19.1 for n = 42, 20.7 for 43.
    found = rate_verdict(5, 5)
    assert (found.verdict, found.more_to_confirm) == ("undecided", 38)


def test_an_incomplete_sweep_needs_its_own_runs() -> None:
    found = rate_verdict(20, 20, declared=29)
    assert (found.more_to_confirm, found.more_to_refute) == (9, 9)
    assert found.lower < lower_bound(20, 20)  # whoever looks early may look again
    assert found.upper >= upper_bound(20, 20)


def test_eight_attempts_at_the_declared_rate_rarely_pass_together() -> None:
    """Alone, one or more of eight would pass with a chance of 0.29 to 0.32; corrected, 0.05."""
    rng = np.random.default_rng(8)
    successes = rng.binomial(29, 0.9, size=(4000, 8))
    for alpha, low, high in ((ALPHA, 0.29, 0.35), (ALPHA / 8, 0.0, 0.05)):
        passes = [rate_verdict(k, 29, alpha=alpha).verdict == "confirmed" for k in range(30)]
        share = np.array(passes)[successes].any(axis=1).mean()
        assert low <= share <= high


@pytest.mark.parametrize(("successes", "n", "declared"), [(6, 5, 9), (3, 5, 4), (-1, 2, 3)])
def test_impossible_sweeps_are_refused(successes: int, n: int, declared: int) -> None:
    with pytest.raises(ValueError, match="impossible count"):
        rate_verdict(successes, n, declared=declared)
