"""The statistics of docs/protocol.md a second time, with Python's standard library alone.

Counts are integers and chances are fractions, so nothing is rounded before it is shown. Only
Student's t needs floats. Nothing of `bench` is imported, and no other package.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations

# ---- a rate: binomial sums


@cache
def chance(k: int, n: int, rate: Fraction) -> Fraction:
    """Of k successes in n runs."""
    return math.comb(n, k) * rate**k * (1 - rate) ** (n - k)


@cache
def at_least(k: int, n: int, rate: Fraction) -> Fraction:
    """The chance of k successes or more."""
    return sum((chance(j, n, rate) for j in range(k, n + 1)), Fraction(0))


def proves(k: int, n: int, rate: Fraction, alpha: Fraction) -> bool:
    """Whether k of n show a rate of `rate` or more: Clopper-Pearson's lower bound reaches it."""
    return at_least(k, n, rate) <= alpha


def evidence(k: int, n: int, rate: Fraction) -> Fraction:
    """How much likelier k of n are under the rates above `rate`, all alike, than under `rate`.

    The mean of p^k (1-p)^(n-k) over p from `rate` to 1, divided by its value at `rate`. The
    integral of a power of p and a power of 1-p is a binomial sum of n + 1 runs.
    """
    mean = (1 - at_least(k + 1, n + 1, rate)) / ((n + 1) * (1 - rate))
    return mean / chance(k, n, rate)


def proves_at_any_look(k: int, n: int, rate: Fraction, alpha: Fraction) -> bool:
    """The same by the confidence sequence: evidence of 1/alpha has a chance of alpha at most
    under `rate`, however often one looks (Ville's inequality).
    """
    return evidence(k, n, rate) >= 1 / alpha


def least(holds: Callable[[Fraction], bool]) -> Fraction:
    """The largest rate, in steps of 2^-24, for which it holds; 0 if it never does."""
    low, high = 0, 2**24
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(Fraction(middle, 2**24)) else (low, middle)
    return Fraction(low, 2**24)


Proof = Callable[[int, int, Fraction, Fraction], bool]


def bounds(k: int, n: int, alphas: tuple[Fraction, Fraction], proof: Proof) -> tuple[float, float]:
    """Two one-sided bounds of a rate. The upper one is the lower one of the misses."""
    lower = least(lambda rate: proof(k, n, rate, alphas[0])) if k else Fraction(0)
    upper = least(lambda rate: proof(n - k, n, rate, alphas[1])) if k < n else Fraction(0)
    return float(lower), float(1 - upper)


def spent(n: int, rate: Fraction, alpha: Fraction) -> Fraction:
    """The chance under `rate` that one exact look at n runs proves it: at most alpha."""
    return max(at_least(k, n, rate) for k in range(n + 2) if proves(k, n, rate, alpha))


# ---- a mean: Student's t


@cache
def t_quantile(level: float, df: float) -> float:
    """Where a share `level` above a half of Student's t distribution lies below.

    With t = sqrt(df) tan(a) the density becomes c cos(a)^(df - 1), which Simpson's rule adds up.
    """
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    low, high = 0.0, min(math.pi / 2, 40 / math.sqrt(df))  # a wider start would miss a thin peak
    while high - low > 1e-15:
        angle = (low + high) / 2
        panels = 400
        values = [math.cos(angle * i / panels) ** (df - 1) for i in range(panels + 1)]
        area = values[0] + values[-1] + 4 * sum(values[1::2]) + 2 * sum(values[2:-1:2])
        below = 0.5 + scale * area * angle / panels / 3
        low, high = (angle, high) if below < level else (low, angle)
    return math.sqrt(df) * math.tan(high)


def mean_and_sd(values: Sequence[Fraction]) -> tuple[Fraction, float]:
    """The mean, and the standard deviation with n - 1 below."""
    mean = sum(values, Fraction(0)) / len(values)
    variance = sum(((each - mean) ** 2 for each in values), Fraction(0)) / (len(values) - 1)
    return mean, math.sqrt(variance)


def mean_interval(values: Sequence[Fraction], n_more: int | None = None) -> tuple[float, float]:
    """95 % Student t interval of the mean; with `n_more`, of the mean of that many more runs."""
    mean, sd = mean_and_sd(values)
    share = 1 / len(values) + (1 / n_more if n_more else 0)
    half = t_quantile(0.975, len(values) - 1) * sd * math.sqrt(share)
    return float(mean) - half, float(mean) + half


def more_for_mean(values: Sequence[Fraction], number: Fraction) -> int:
    """The fewest further runs of the same mean and sd whose interval excludes the number."""
    mean, sd = mean_and_sd(values)
    low, high = len(values), 10**6
    while high - low > 1:
        n = (low + high) // 2
        excludes = t_quantile(0.975, n - 1) * sd / math.sqrt(n) < abs(mean - number)
        low, high = (low, n) if excludes else (n, high)
    return high - len(values)


# ---- two arms


def welch_interval(
    first: Sequence[Fraction], second: Sequence[Fraction], level: float = 0.975
) -> tuple[float, float]:
    """Of the first mean minus the second one (Welch 1947, Satterthwaite 1946)."""
    (mean_1, sd_1), (mean_2, sd_2) = mean_and_sd(first), mean_and_sd(second)
    parts = (sd_1**2 / len(first), sd_2**2 / len(second))
    df = sum(parts) ** 2 / (parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1))
    half = t_quantile(level, df) * math.sqrt(sum(parts))
    return float(mean_1 - mean_2) - half, float(mean_1 - mean_2) + half


def permutation_p(first: Sequence[int], second: Sequence[int]) -> Fraction:
    """The share of all deals of the runs to the two arms whose Welch statistic is as large.

    Its square is D^2 / V up to a factor that all deals share; both are integers here, so equal
    deals are equal. A deal without spread and with a difference is infinitely far out.
    """
    n_1, n_2 = len(first), len(second)
    runs = [each - min(*first, *second) for each in (*first, *second)]
    total, total_squares = sum(runs), sum(each**2 for each in runs)
    factor_1, factor_2 = n_2**2 * (n_2 - 1), n_1**2 * (n_1 - 1)

    def statistic(deal: Sequence[int]) -> tuple[int, int]:
        sum_1, squares_1 = sum(deal), sum([each * each for each in deal])
        spread_1 = (n_1 * squares_1 - sum_1**2) * factor_1
        spread_2 = (n_2 * (total_squares - squares_1) - (total - sum_1) ** 2) * factor_2
        return (sum_1 * n_2 - (total - sum_1) * n_1) ** 2, spread_1 + spread_2

    far, spread = statistic(runs[:n_1])
    as_large = n_deals = 0
    for deal in combinations(runs, n_1):
        difference, deal_spread = statistic(deal)
        as_large += difference * spread >= far * deal_spread
        n_deals += 1
    return Fraction(as_large, n_deals)


def holm(values: Sequence[Fraction]) -> list[Fraction]:
    """The values of p corrected for all of them (Holm 1979), in their order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, largest = list(values), Fraction(0)
    for rank, place in enumerate(order):
        largest = max(largest, min(Fraction(1), (len(values) - rank) * values[place]))
        corrected[place] = largest
    return corrected
