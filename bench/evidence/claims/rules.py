"""Rules: how a published number is judged by what was found. The words of a rule are born here.

Structure is compared exactly, a single run's number with the prediction interval of one more run,
a mean with its t interval, "consistently" with the exact bounds of a rate, a technique by the
comparison with the network that lacks it, corrected for all techniques of its file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Literal

import msgspec

from bench.evidence.claims.gather import Exact, Sample, Value, fraction
from bench.evidence.claims.lookup import DIGITS, Readings
from bench.spec import Claim
from bench.stats.comparison import Comparison, Design, compare
from bench.stats.comparison import corrected as corrected_together
from bench.stats.declared import FEWEST_RUNS, MARGIN_POINTS, TEST_ALPHA
from bench.stats.format import (
    corrected_by_holm,
    count,
    fixed,
    integer,
    number,
    p_value,
    place_words,
    plain,
    span,
)
from bench.stats.means import placement, sd_interval, standard_deviation, t_interval
from bench.stats.planning import (
    MOST_LOOKED_AT,
    TooManySeeds,
    seeds_for_difference,
    seeds_for_margin,
    seeds_for_sd,
)
from bench.stats.rates import target_count
from bench.stats.values import MISSING, Interval

SHAPE = "a shape is written height x width x channels, such as 28x28x6"
# From the worst to the best, so that the first of several is the verdict on all of them together.
# "not consistent" and "consistent" are of a single run's number, "inconsistent" of a document that
# contradicts itself.
ClaimVerdict = Literal[
    "refuted",
    "not consistent",
    "inconsistent",
    "undecided",
    "not comparable",
    "consistent",
    "confirmed",
    "not checkable",
]


@dataclass(frozen=True)
class Judgement:
    """A verdict and what it stands on."""

    verdict: ClaimVerdict
    rule: str  # by which it was reached, with its figures
    measured: Value | None = None
    measured_words: str = ""  # where the value alone does not say it
    n: int | None = None  # runs
    stands_on: tuple[str, ...] = ()
    seeds_needed: int | None = None  # more, at the least
    seeds_words: str = ""  # the same in words, for which verdict where that differs
    values: tuple[float, ...] = ()  # a number of each run that has one, in the metric's unit
    others: tuple[float, ...] = ()  # the other network's, where two are compared: percents
    interval: Interval | None = None  # that the published number was held against, in that unit


@dataclass(frozen=True)
class Gain:
    """A comparison that waits for the others of its file: Holm corrects their p together.

    Attributes:
        ours, theirs: The two samples.
        compared: What their runs say, with the p not corrected.
    """

    ours: Sample
    theirs: Sample
    compared: Comparison


def exact(claim: Claim, found: Exact) -> Judgement:
    """Agreement to the last digit that was published; no run is needed."""
    verdict: ClaimVerdict = "confirmed" if _agrees(claim, found) else "refuted"
    return Judgement(
        verdict,
        _wanted(claim, found.slack),
        found.value,
        found.words,
        stands_on=found.stands_on,
    )


def shape(claim: Claim, found: Exact) -> Judgement:
    """The same for shapes; it says so where only the order of the sides differs."""
    judged = exact(claim, found)
    sides = (each.split("x") for each in claim.text.split(", "))
    channels_last = ", ".join("x".join([*rest, first]) for first, *rest in sides)
    if judged.verdict == "refuted" and channels_last == found.value:
        return replace(judged, rule=f"{judged.rule}; {SHAPE}")
    return judged


def scored(claim: Claim, found: Exact) -> Judgement:
    """The same for given weights: the claim's text names their file, and is no value."""
    judged = exact(msgspec.structs.replace(claim, text=""), found)
    return replace(judged, rule=f"right answers of these weights; {judged.rule}")


def consistent(claim: Claim, found: Exact) -> Judgement:
    """The same between two places of the document: what differs is its own contradiction."""
    judged = exact(claim, found)
    verdict: ClaimVerdict = "confirmed" if judged.verdict == "confirmed" else "inconsistent"
    return replace(judged, verdict=verdict, rule=f"the document with itself: {judged.rule}")


def placed(claim: Claim, found: Readings) -> Judgement:
    """Whether a single run's number could be one more of our runs; this never confirms it.

    It could where it lies inside the 95 % prediction interval of one more run.
    """
    place = placement(fraction(claim.published) * found.scale, found.values, found.highest)
    interval = _possible(place.prediction, found)
    if interval is None or place.n < FEWEST_RUNS:
        rule = f"{count(place.n, 'run')}, no prediction interval of one more run"
        return _undecided(found, rule, max(FEWEST_RUNS - place.n, 1), found.average)
    rule = (
        f"95% prediction interval of one more run, {span(interval, found.digits)}; "
        f"the number is {place_words(place)}"
    )
    verdict: ClaimVerdict = "consistent" if _inside(claim, interval) else "not consistent"
    return replace(_of_runs(verdict, found, rule, found.average), interval=interval)


@dataclass(frozen=True)
class _Estimate:
    """What runs say about a quantity that they share, such as their mean.

    Attributes:
        words: Whose interval it is.
        value: In the metric's unit; None without runs.
        interval: 95 %, in that unit; None of too few runs, or of equal ones.
        n: Runs; of two networks those of the network with fewer.
        seeds: From a bound to the runs that would decide it, were the spread the true one.
    """

    words: str
    value: Value | None
    interval: Interval | None
    n: int
    seeds: Callable[[float], int]


def mean(claim: Claim, found: Readings) -> Judgement:
    """Whether the 95 % t interval of the mean lies on the published side."""
    interval, n = _possible(t_interval(found.values), found), len(found.values)
    seeds = partial(_seeds_for_mean, found)
    words = "t interval of the mean"
    return _bounded(claim, found, _Estimate(words, found.average, interval, n, seeds))


def deviation(claim: Claim, found: Readings) -> Judgement:
    """Whether the 95 % chi-square interval of the standard deviation lies on that side."""
    sd, n = standard_deviation(found.values), len(found.values)
    points = None if sd is None else sd / float(found.scale)
    interval = _possible(sd_interval(found.values), found)
    seeds = partial(_seeds_for_deviation, found)
    words = "chi-square interval of the standard deviation"
    return _bounded(claim, found, _Estimate(words, points, interval, n, seeds))


def difference(claim: Claim, found: tuple[Sample, Sample]) -> Judgement:
    """Whether Welch's 95 % interval of the difference of two means lies on that side."""
    ours, theirs = found
    compared = compare(ours.counts, theirs.counts, Design(ours.n_images, n_resamples=0))
    points, n = compared.difference_points, min(len(each.accuracy.counts) for each in found)
    seeds = partial(_seeds_for_difference, ours, theirs)
    words = "Welch interval of the difference"
    judged = _bounded(claim, ours, _Estimate(words, points, compared.interval, n, seeds))
    shown = "" if points is None else _shown(points, DIGITS)
    both = ours.stands_on + theirs.stands_on
    return replace(judged, stands_on=both, others=_values(theirs), measured_words=shown)


def _bounded(claim: Claim, found: Readings | Sample, estimate: _Estimate) -> Judgement:
    """Whether the estimate's interval lies on the published side of the bound."""
    interval, value = estimate.interval, estimate.value
    if interval is None or value is None:
        more = max(FEWEST_RUNS - estimate.n, 1)
        return _undecided(found, f"95% {estimate.words}", more, value)
    digits = found.digits if isinstance(found, Readings) else DIGITS
    rule = f"95% {estimate.words}, {span(interval, digits)}, {_wanted(claim)}"
    leeway = {"at_most": claim.tolerance, "at_least": -claim.tolerance}.get(claim.relation, 0)
    bound = claim.published + leeway
    wants_low = claim.relation in ("below", "at_most")
    if interval.high < bound or interval.low > bound:
        holds = (interval.high < bound) == wants_low
        judged = _of_runs("confirmed" if holds else "refuted", found, rule, value)
    else:
        more = max(_found(partial(estimate.seeds, bound)) - estimate.n, 1)
        judged = _undecided(found, rule, more, value)
    return replace(judged, interval=interval)


def rate(claim: Claim, found: Sample) -> Judgement:
    """ "Consistently": how many of all runs reach the published accuracy.

    The verdict is corrected for all attempts of the suite; the rule tells the one taken alone.
    """
    target, standing = _least_count(claim, found.n_images), found.arm.standing
    reached = {
        run.seed: each >= target for run, each in zip(found.arm.runs, found.counts, strict=True)
    }
    judged = standing.verdict(reached, found.rate)
    k_of_n = f"{judged.successes} of {judged.n}"
    rule = (
        f"{k_of_n} runs {'exceed' if claim.relation == 'above' else 'reach'} it; "
        f"{standing.bounds(len(reached))} of the "
        f"rate {fixed(judged.lower, 3)} and {fixed(judged.upper, 3)} "
        f"against {fixed(judged.rate, 2)}"
    )
    if standing.n_attempts > 1:
        rule += f"; without this correction: {standing.alone(reached, found.rate).verdict}"
    if note := standing.note(len(reached)):
        rule += f"; {note}"
    share = Fraction(judged.successes, judged.n) if judged.n else None
    confirmed, refuted = judged.more_to_confirm, judged.more_to_refute
    if judged.verdict == "undecided" and confirmed is not None and refuted is not None:
        needs = f"{_seeds(confirmed)} to be confirmed, {integer(refuted)} to be refuted"
        judgement = _undecided(found, rule, min(confirmed, refuted), share, needs)
    else:
        judgement = _of_runs(judged.verdict, found, rule, share)
    return replace(judgement, measured_words=k_of_n)


def _least_count(claim: Claim, n_images: int) -> int:
    """The fewest right answers that meet the published accuracy; ">70%" is strict."""
    return target_count(n_images, claim.published, claim.relation == "above")


def gain(claim: Claim, found: tuple[Sample, Sample]) -> Judgement | Gain:
    """The comparison of two networks; `corrected` judges those of a file."""
    ours, theirs = found
    design = Design(ours.n_images, n_resamples=0)
    compared = compare(ours.counts, theirs.counts, design)
    if compared.difference_points is None or compared.test is None:
        judged = _undecided(ours, "comparison of means", FEWEST_RUNS)
        return replace(judged, stands_on=ours.stands_on + theirs.stands_on)
    return Gain(ours, theirs, compared)


def corrected(gains: Mapping[str, Gain]) -> dict[str, Judgement]:
    """Whether each first network is better: by its p after Holm, or equal within the margin."""
    together = corrected_together([gain.compared for gain in gains.values()])
    return {
        name: _gain(replace(gain, compared=compared), len(gains))
        for (name, gain), compared in zip(gains.items(), together, strict=True)
    }


def _gain(gain: Gain, n_claims: int) -> Judgement:
    found = gain.compared
    points, equal, interval = found.difference_points, found.equivalence, found.interval
    assert found.test is not None
    assert found.holm_p is not None
    assert points is not None
    rule = (
        f"permutation test, p {p_value(found.test.p)}, {p_value(found.holm_p)} "
        f"{corrected_by_holm(n_claims, 'this document')}"
        f"{f', difference {span(interval)} points' if interval else ''}"
    )
    if found.holm_p < TEST_ALPHA:
        judged = _of_runs("confirmed" if points > 0 else "refuted", gain.ours, rule, points)
    elif equal is not None and equal.verdict == "equivalent":
        rule += f"; the same within {equal.margin_points} points"
        judged = _of_runs("refuted", gain.ours, rule, points)
    else:
        more = _seeds_for_gain(gain, n_claims)
        needs = f"{_seeds(more)} of each network to see {MARGIN_POINTS} points"
        judged = _undecided(gain.ours, rule, more, points, needs)
    both = gain.ours.stands_on + gain.theirs.stands_on
    return replace(judged, stands_on=both, others=_values(gain.theirs))


def not_checkable(claim: Claim, found: None) -> Judgement:
    """Words that no measurement can meet; the file of claims says why."""
    return Judgement("not checkable", claim.reason)


def _agrees(claim: Claim, found: Exact) -> bool:
    if claim.text or isinstance(found.value, str):
        return claim.relation == "equals" and claim.text == found.value
    value, published = fraction(found.value), fraction(claim.published)
    half = fraction(claim.tolerance) + found.slack
    return {
        "equals": published - half <= value < published + half if half else value == published,
        "below": value < published,
        "at_most": value <= published or value < published + half,
        "above": value > published,
        "at_least": value >= published - half,
    }[claim.relation]


def _wanted(claim: Claim, slack: Fraction = Fraction(0)) -> str:
    """What the measured value must be."""
    half = fraction(claim.tolerance) + slack
    if claim.relation != "equals":
        leeway = f", give or take {number(claim.tolerance)}" if claim.tolerance else ""
        return plain(f"{claim.relation.replace('_', ' ')} {number(claim.published)}{leeway}")
    if not half or claim.text:
        return "exact"
    published = fraction(claim.published)
    return plain(f"rounded: from {number(published - half)} to below {number(published + half)}")


def _possible(interval: Interval | None, found: Readings) -> Interval | None:
    """The interval in the metric's unit, as far as a value can lie in it."""
    if interval is None:
        return None
    low, high = max(interval.low, found.lowest), min(interval.high, found.highest)
    return Interval(low, high).times(1 / float(found.scale))


def _inside(claim: Claim, interval: Interval) -> bool:
    """Whether one more run could give what was published, to the digits given."""
    below = interval.low <= claim.published + claim.tolerance
    above = interval.high >= claim.published - claim.tolerance
    return {"below": below, "at_most": below, "above": above, "at_least": above}.get(
        claim.relation, below and above
    )


def _seeds_for_mean(found: Readings, bound: float) -> int:
    """Seeds until the interval of the mean is as narrow as its distance from the bound."""
    sd = (standard_deviation(found.values) or 0.0) / float(found.scale)
    distance = abs(float(found.average or 0) - bound)
    return seeds_for_margin(sd, max(distance, 10.0**-found.digits))


def _seeds_for_deviation(found: Readings, bound: float) -> int:
    """Seeds until the interval leaves the bound out, were the spread the true one."""
    sd = (standard_deviation(found.values) or 0.0) / float(found.scale)
    return seeds_for_sd(sd, max(bound, 10.0**-found.digits))


def _seeds_for_difference(ours: Sample, theirs: Sample, bound: float) -> int:
    """Seeds an arm until a difference as far from the bound would be seen."""
    points = (float(each.accuracy.mean_percent or 0) for each in (ours, theirs))
    distance = abs(next(points) - next(points) - bound)
    return seeds_for_difference(_joint_sd(ours, theirs), max(distance, 10.0**-DIGITS))


def _seeds_for_gain(gain: Gain, n_claims: int) -> int:
    """More seeds an arm until the protocol's margin would be seen, were the spread the true one."""
    sd = _joint_sd(gain.ours, gain.theirs)
    n = min(len(sample.counts) for sample in (gain.ours, gain.theirs))
    if not sd:
        return 1
    return max(_found(partial(seeds_for_difference, sd, MARGIN_POINTS, n_claims)) - n, 1)


def _joint_sd(ours: Sample, theirs: Sample) -> float:
    """The standard deviation of one run in points, both arms weighing the same."""
    both = (ours, theirs)
    return math.sqrt(sum((sample.accuracy.sd_points or 0.0) ** 2 for sample in both) / 2)


def _found(seeds: Callable[[], int]) -> int:
    """What the search finds, or the most that it looks at: that many are needed at least."""
    try:
        return seeds()
    except TooManySeeds:
        return MOST_LOOKED_AT


def _of_runs(
    verdict: ClaimVerdict, found: Sample | Readings, rule: str, measured: Value | None = None
) -> Judgement:
    n, with_value = (
        (found.n, len(found.values))
        if isinstance(found, Readings)
        else (len(found.counts), len(found.accuracy.counts))
    )
    without = f"{n - with_value} without a value" if n > with_value else ""
    foreign = found.arm.first.foreign
    origin = f"{foreign.words} runs" if foreign else ""
    words = plain("; ".join(part for part in (origin, found.note, rule, without) if part))
    judged = Judgement(
        verdict, words, measured, n=n, stands_on=found.stands_on, values=_values(found)
    )
    if isinstance(found, Readings) and measured is not None:
        judged = replace(judged, measured_words=_shown(measured, found.digits))
    return judged


def _values(found: Sample | Readings) -> tuple[float, ...]:
    """A number a run, accuracies in percent."""
    if isinstance(found, Readings):
        return tuple(value / float(found.scale) for value in found.values)
    return tuple(100 * n / found.n_images for n in found.counts if n != MISSING)


def _shown(value: Value, digits: int) -> str:
    """70.44, or a loss with four digits: 0.0204."""
    return plain(fixed(fraction(value), digits)).rstrip("0").rstrip(".")


def _undecided(
    found: Sample | Readings,
    rule: str,
    more: int,
    measured: Value | None = None,
    needs: str = "",
) -> Judgement:
    judged = _of_runs("undecided", found, rule, measured)
    seeds = needs or _seeds(more)
    words = f"{judged.rule}; it needs at least {seeds}"
    return replace(judged, rule=words, seeds_needed=more, seeds_words=seeds)


def _seeds(more: int) -> str:
    return count(more, "more seed")
