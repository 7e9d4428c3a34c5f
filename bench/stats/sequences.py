"""A rate that may be looked at after every run: confidence sequence and `until-decided`.

The evidence against "the rate is at most p" is a likelihood ratio: every rate above p, weighed by
a uniform (Beta(1, 1)) mixture cut off at p, against p itself. It is a test martingale, so by
Ville's inequality it reaches 20 with a chance of 5 % at most, however often one looks. Source:
Howard et al. 2021, the one-sided beta-binomial mixture; Robbins 1970. Each bound is one-sided at
95 %, as in `rates`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc, betaln

from bench.stats.declared import CONSISTENT_RATE, RATE_ALPHA
from bench.stats.rates import RateVerdict, Verdict, check_rate
from bench.stats.solve import HALVINGS, fewest
from bench.stats.values import Interval

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Levels:
    """The chances of a false confirmation and of a false refutation, at most."""

    confirm: float = RATE_ALPHA
    refute: float = RATE_ALPHA


FULL = Levels()


@dataclass(frozen=True)
class DecisionChances:
    """Chances that an `until-decided` sweep has ended after 1, 2, ... runs: (n_most,) each."""

    confirmed: Floats
    refuted: Floats


def log_evidence(successes: ArrayLike, n: ArrayLike, rate: ArrayLike) -> Floats:
    """Logarithm of the evidence that the true rate lies above `rate`.

    Args:
        successes: Any shape; the others' shapes follow numpy's broadcasting.
        n: Runs.
        rate: In (0, 1).
    """
    k, runs, p = (np.asarray(one, dtype=float) for one in (successes, n, rate))
    with np.errstate(divide="ignore"):  # no evidence at all is a logarithm of -inf
        above = np.log(betaincc(k + 1, runs - k + 1, p))
    mixture = betaln(k + 1, runs - k + 1) + above - np.log1p(-p)
    return np.asarray(mixture - k * np.log(p) - (runs - k) * np.log1p(-p))


def confidence_sequence(
    reached: ArrayLike, levels: Levels = FULL, first_look: int = 1
) -> tuple[Interval, ...]:
    """Bounds after every run from the first look on, each the tightest so far.

    Args:
        reached: (n_runs,), whether each run met the target, in the order in which it was run.
        levels: The chance that a bound ever lies on the wrong side of the true rate.
        first_look: The number of runs after which the bounds are first looked at.
    """
    k = _running(reached)[first_look - 1 :]
    n = np.arange(first_look, first_look + len(k))
    lows = np.maximum.accumulate(_lower(k, n, levels.confirm))
    highs = np.minimum.accumulate(1 - _lower(n - k, n, levels.refute))
    return tuple(Interval(float(low), float(high)) for low, high in zip(lows, highs, strict=True))


def until_decided(
    reached: ArrayLike,
    rate: float = CONSISTENT_RATE,
    levels: Levels = FULL,
    first_look: int = 1,
) -> RateVerdict:
    """Judges a sweep that is looked at after every run; the first verdict stands.

    Args:
        reached: (n_runs,), whether each run met the target, in the order in which it was run.
        rate: The declared rate.
        levels: The chance of each false verdict.
        first_look: The number of runs after which it is first looked at.

    Raises:
        ValueError: a rate outside (0, 1).
    """
    check_rate(rate)
    running = _running(reached)
    n, successes = len(running), int(running[-1]) if len(running) else 0
    verdict, decided_at = _first_decision(running, rate, levels, first_look)
    bounds = confidence_sequence(reached, levels, first_look)
    more = soonest(successes, n, rate, levels) if verdict == "undecided" else None
    return RateVerdict(
        successes=successes,
        n=n,
        lower=bounds[-1].low if bounds else 0.0,
        upper=bounds[-1].high if bounds else 1.0,
        rate=rate,
        verdict=verdict,
        more_to_confirm=more[0] if more else _stands(verdict == "confirmed"),
        more_to_refute=more[1] if more else _stands(verdict == "refuted"),
        decided_at=decided_at,
    )


def soonest(successes: int, n: int, rate: float, levels: Levels) -> tuple[int, int]:
    """Runs still missing where all of them succeed, and where all of them fail."""
    return (
        _more(successes, n, rate, levels.confirm),
        _more(n - successes, n, 1 - rate, levels.refute),
    )


def decision_chances(
    pass_rate: float, n_most: int, rate: float = CONSISTENT_RATE
) -> DecisionChances:
    """How an `until-decided` sweep will go if each run passes with a given chance; exact.

    Args:
        pass_rate: The assumed true rate.
        n_most: Runs that can be paid for.
        rate: The declared rate.

    Raises:
        ValueError: a declared rate outside (0, 1), or a pass rate outside [0, 1].
    """
    check_rate(rate)
    if not 0 <= pass_rate <= 1:
        raise ValueError(f"pass rate must lie from 0 to 1, not {pass_rate}")
    confirmed, refuted = np.zeros(n_most), np.zeros(n_most)
    open_ = np.ones(1)  # chance of each number of successes, still undecided
    for n in range(1, n_most + 1):
        open_ = np.append(open_, 0.0) * (1 - pass_rate) + np.append(0.0, open_) * pass_rate
        k = np.arange(n + 1)
        confirms = _is_enough(k, n, rate, RATE_ALPHA)
        refutes = _is_enough(n - k, n, 1 - rate, RATE_ALPHA)
        confirmed[n - 1], refuted[n - 1] = open_[confirms].sum(), open_[refutes].sum()
        open_[confirms | refutes] = 0.0
    return DecisionChances(np.cumsum(confirmed), np.cumsum(refuted))


def _is_enough(successes: ArrayLike, n: ArrayLike, rate: ArrayLike, level: float) -> Flags:
    return np.asarray(log_evidence(successes, n, rate) >= -math.log(level))


def _lower(successes: NDArray[np.int64], n: NDArray[np.int64], level: float) -> Floats:
    """Where the evidence falls below 1 / level, (n_looks,); 0 where nothing succeeded.

    Up to k / (n + 1) the evidence falls as the rate rises, and it ends below e there.
    """
    low, high = np.zeros(len(n)), np.maximum(successes, 1) / (n + 1)
    for _ in range(HALVINGS):
        centre = (low + high) / 2
        enough = _is_enough(successes, n, centre, level)
        low, high = np.where(enough, centre, low), np.where(enough, high, centre)
    return np.where(successes > 0, low, 0.0)


def _running(reached: ArrayLike) -> NDArray[np.int64]:
    """Successes after every run, (n_runs,)."""
    runs = np.asarray(reached, dtype=bool)
    if runs.ndim != 1:
        raise ValueError(f"runs must have shape (n_runs,), not {runs.shape}")
    return np.cumsum(runs, dtype=np.int64)


def _first_decision(
    running: NDArray[np.int64], rate: float, levels: Levels, first_look: int
) -> tuple[Verdict, int | None]:
    k = running[first_look - 1 :]
    n = np.arange(first_look, first_look + len(k))
    confirms = _is_enough(k, n, rate, levels.confirm)
    refutes = _is_enough(n - k, n, 1 - rate, levels.refute)
    decided = np.flatnonzero(confirms | refutes)
    if not len(decided):
        return "undecided", None
    return "confirmed" if confirms[decided[0]] else "refuted", int(n[decided[0]])


def _more(successes: int, n: int, rate: float, level: float) -> int:
    """Runs still missing where all of them succeed."""
    more = fewest(
        lambda extra: bool(_is_enough(successes + extra, n + extra, rate, level)), start=1
    )
    assert more is not None, "enough successes are evidence against every rate below 1"
    return more


def _stands(is_verdict: bool) -> int | None:
    return 0 if is_verdict else None
