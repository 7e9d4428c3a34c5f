"""Rules: how a published number is judged by what was found. The words of a rule are born here.

Structure is compared exactly, a single run's accuracy with the prediction interval of one more
run, a mean with its t interval, "consistently" with the exact bounds of a rate, a technique by the
comparison with the network that lacks it, corrected for all techniques of its file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from bench.evidence.claims.gather import Exact, Sample, Value, fraction
from bench.spec import Claim
from bench.stats.comparison import Comparison, Design, compare, holm
from bench.stats.declared import FEWEST_RUNS, MARGIN_POINTS, TARGET, TEST_ALPHA
from bench.stats.format import count, fixed, integer, number, p_value, plain, span
from bench.stats.means import placement
from bench.stats.planning import seeds_for_difference, seeds_for_margin
from bench.stats.rates import published_count
from bench.stats.values import Interval

ClaimVerdict = Literal[
    "confirmed", "refuted", "inconsistent", "undecided", "not comparable", "not checkable"
]
FINEST_POINTS = 0.001  # a tenth of an image of 10,000: no plan looks closer


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


@dataclass(frozen=True)
class Gain:
    """A comparison that waits for the others of its file: Holm corrects their p together.

    Attributes:
        ours, theirs: The two samples.
        points: Difference of their means.
        p: Of the permutation test, not corrected.
        compared: All of the comparison.
    """

    ours: Sample
    theirs: Sample
    points: float
    p: float
    compared: Comparison


def exact(claim: Claim, found: Exact) -> Judgement:
    """Agreement to the last digit that was published; no run is needed."""
    verdict: ClaimVerdict = "confirmed" if _agrees(claim, found) else "refuted"
    return Judgement(verdict, _wanted(claim, found.slack), found.value, stands_on=found.stands_on)


def consistent(claim: Claim, found: Exact) -> Judgement:
    """The same between two places of the document: what differs is its own contradiction."""
    judged = exact(claim, found)
    verdict: ClaimVerdict = "confirmed" if judged.verdict == "confirmed" else "inconsistent"
    return replace(judged, verdict=verdict, rule=f"the document with itself: {judged.rule}")


def placed(claim: Claim, found: Sample) -> Judgement:
    """Whether a single run's number lies inside the 95 % prediction interval of one more run."""
    n_images = found.n_images
    published = published_count(claim.published, n_images)
    place = placement(published, found.accuracy.counts)
    if place.prediction is None or place.n < FEWEST_RUNS:
        more = max(FEWEST_RUNS - place.n, 1)
        rule = "95% prediction interval of one more run"
        return _undecided(found, rule, more, found.accuracy.mean_percent)
    half = published_count(claim.tolerance, n_images)
    inside = place.prediction.low < published + half and place.prediction.high >= published - half
    interval = place.prediction.times(100 / n_images)
    rule = (
        f"95% prediction interval of one more run, {span(interval)}; "
        f"at percentile {fixed(place.percentile or 0, 0)} of the runs"
    )
    verdict: ClaimVerdict = "confirmed" if inside else "refuted"
    return _of_runs(verdict, found, rule, found.accuracy.mean_percent)


def mean(claim: Claim, found: Sample) -> Judgement:
    """Whether the 95 % t interval of the mean accuracy lies on the published side."""
    return _mean(claim, found, found.accuracy.mean_percent, found.accuracy.interval)


def mean_shortfall(claim: Claim, found: Sample) -> Judgement:
    """The same of the points that the accuracy lies below 99.40."""
    target = 100 * TARGET
    average, around = found.accuracy.mean_percent, found.accuracy.interval
    short = None if average is None else target - average
    ends = around and Interval(float(target) - around.high, float(target) - around.low)
    return _mean(claim, found, short, ends)


def rate(claim: Claim, found: Sample) -> Judgement:
    """ "Consistently": how many of all runs reach the published accuracy.

    The verdict is corrected for all attempts of the suite; the rule tells the one taken alone.
    """
    target, standing = _least_count(claim, found.n_images), found.arm.standing
    reached = {
        run.seed: each >= target for run, each in zip(found.arm.runs, found.counts, strict=True)
    }
    judged = standing.verdict(reached)
    k_of_n = f"{judged.successes} of {judged.n}"
    rule = (
        f"{k_of_n} runs {'exceed' if claim.relation == 'above' else 'reach'} it; "
        f"{standing.bounds(len(reached))} of the "
        f"rate {fixed(judged.lower, 3)} and {fixed(judged.upper, 3)} "
        f"against {fixed(judged.rate, 2)}"
    )
    if standing.n_attempts > 1:
        rule += f"; taken alone: {standing.alone(reached).verdict}"
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
    """The fewest right answers that meet the published accuracy; ">99.4%" is strict."""
    published = published_count(claim.published, n_images)
    return math.floor(published) + 1 if claim.relation == "above" else math.ceil(published)


def gain(claim: Claim, found: tuple[Sample, Sample]) -> Judgement | Gain:
    """The comparison of two networks; `corrected` judges those of a file."""
    ours, theirs = found
    design = Design(ours.n_images, n_resamples=0)
    compared = compare(ours.counts, theirs.counts, design)
    if compared.difference_points is None or compared.test is None:
        judged = _undecided(ours, "comparison of means", FEWEST_RUNS)
        return replace(judged, stands_on=ours.stands_on + theirs.stands_on)
    return Gain(ours, theirs, compared.difference_points, compared.test.p, compared)


def corrected(gains: Mapping[str, Gain]) -> dict[str, Judgement]:
    """Whether each first network is better: by its p after Holm, or equal within the margin."""
    p_values = holm([gain.p for gain in gains.values()])
    return {
        name: _gain(gain, p, len(gains))
        for (name, gain), p in zip(gains.items(), p_values, strict=True)
        if p is not None
    }


def _gain(gain: Gain, holm_p: float, n_claims: int) -> Judgement:
    points, equal, interval = gain.points, gain.compared.equivalence, gain.compared.interval
    rule = (
        f"permutation test, p {p_value(gain.p)}, "
        f"{p_value(holm_p)} by Holm over {count(n_claims, 'claim')}"
        f"{f', difference {span(interval)} points' if interval else ''}"
    )
    if holm_p < TEST_ALPHA:
        judged = _of_runs("confirmed" if points > 0 else "refuted", gain.ours, rule, points)
    elif equal is not None and equal.verdict == "equivalent":
        rule += f"; the same within {equal.margin_points} points"
        judged = _of_runs("refuted", gain.ours, rule, points)
    else:
        judged = _undecided(gain.ours, rule, _seeds_for_gain(gain), points)
    return replace(judged, stands_on=gain.ours.stands_on + gain.theirs.stands_on)


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


def _mean(
    claim: Claim, found: Sample, average: Fraction | None, interval: Interval | None
) -> Judgement:
    """The mean of what the claim speaks of, and its interval, against the published bound."""
    n, sd = len(found.accuracy.counts), found.accuracy.sd_points
    bound = (
        claim.published + {"at_most": 1, "at_least": -1}.get(claim.relation, 0) * claim.tolerance
    )
    if interval is None or average is None:
        return _undecided(found, "95% interval of the mean", max(2 - n, 1), average)
    rule = f"95% t interval of the mean, {span(interval)}, {_wanted(claim)}"
    wants_low = claim.relation in ("below", "at_most")
    if interval.high < bound:
        return _of_runs("confirmed" if wants_low else "refuted", found, rule, average)
    if interval.low > bound:
        return _of_runs("refuted" if wants_low else "confirmed", found, rule, average)
    more = 1
    if sd:
        margin = max(abs(float(average) - bound), FINEST_POINTS)
        more = max(seeds_for_margin(sd, margin) - n, 1)
    return _undecided(found, rule, more, average)


def _seeds_for_gain(gain: Gain) -> int:
    """More seeds an arm until the protocol's margin would be seen, were the spread the true one."""
    both = gain.ours, gain.theirs
    sd = math.sqrt(sum((sample.accuracy.sd_points or 0.0) ** 2 for sample in both) / 2)
    n = min(len(sample.counts) for sample in both)
    return max(seeds_for_difference(sd, MARGIN_POINTS) - n, 1) if sd else 1


def _of_runs(
    verdict: ClaimVerdict, found: Sample, rule: str, measured: Value | None = None
) -> Judgement:
    missing = len(found.counts) - len(found.accuracy.counts)
    parts = [found.note, rule, f"{missing} without a count" if missing else ""]
    words = plain("; ".join(part for part in parts if part))
    n = len(found.counts)
    return Judgement(verdict, words, measured, n=n, stands_on=found.stands_on)


def _undecided(
    found: Sample, rule: str, more: int, measured: Value | None = None, needs: str = ""
) -> Judgement:
    judged = _of_runs("undecided", found, rule, measured)
    words = f"{judged.rule}; needs at least {needs or _seeds(more)}"
    return replace(judged, rule=words, seeds_needed=more)


def _seeds(more: int) -> str:
    return count(more, "more seed")
