"""Rules: how a published number is judged by what was found. The words of a rule are born here.

Structure is compared exactly, a single run's accuracy with the prediction interval of one more
run, a mean with its t interval, "consistently" with the exact bounds of a rate, a technique by a
paired comparison with the network that lacks it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

from bench import deciding, stats
from bench.claims.evidence import Absent, Exact, Pair, Sample, Value
from bench.spec import Claim

ClaimVerdict = Literal[
    "confirmed", "refuted", "inconsistent", "undecided", "not comparable", "not checkable"
]
FEWEST_RUNS = 3  # with two, the t quantile is 12.7 and the interval says next to nothing
FINEST_POINTS = 0.001  # a tenth of an image of 10,000: no plan looks closer
COMPARISON_SEED = 0  # of the bootstrap inside a comparison; the verdict draws nothing


@dataclass(frozen=True)
class Judgement:
    """A verdict and what it stands on."""

    verdict: ClaimVerdict
    rule: str  # by which it was reached, with its figures
    measured: Value | None = None
    n: int | None = None  # runs
    stands_on: tuple[str, ...] = ()
    seeds_needed: int | None = None  # more, at the least


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
    counts, n_images = found.known, found.n_images
    published = stats.published_count(claim.published, n_images)
    place = stats.placement(published, counts)
    if place.prediction is None or place.n < FEWEST_RUNS:
        more = max(FEWEST_RUNS - place.n, 1)
        return _undecided(found, "95% prediction interval of one more run", more)
    half = stats.published_count(claim.tolerance, n_images)
    inside = place.prediction.low < published + half and place.prediction.high >= published - half
    interval = place.prediction.times(100 / n_images)
    rule = (
        f"95% prediction interval of one more run, {interval.low:.3f} to {interval.high:.3f}; "
        f"at percentile {place.percentile:.0f} of the runs"
    )
    return _of_runs("confirmed" if inside else "refuted", found, rule)


def mean(claim: Claim, found: Sample) -> Judgement:
    """Whether the 95 % t interval of the mean accuracy lies on the published side."""
    return _mean(claim, found, [Fraction(100 * count, found.n_images) for count in found.known])


def mean_shortfall(claim: Claim, found: Sample) -> Judgement:
    """The same of the points that the accuracy lies below 99.40."""
    target, n_images = 100 * stats.TARGET, found.n_images
    values = [target - Fraction(100 * count, n_images) for count in found.known]
    return _mean(claim, found, values)


def rate(claim: Claim, found: Sample) -> Judgement:
    """ "Consistently": how many of all runs reach the published accuracy.

    Runs that went on until they were decided are judged by their confidence sequence only.
    """
    judged = _rate(claim, found)
    bounds = "confidence sequence" if found.protocol else "one-sided 95% bounds"
    rule = (
        f"{judged.successes} of {judged.n} runs reach it; {bounds} of the rate "
        f"{judged.lower:.3f} and {judged.upper:.3f} against {judged.rate:.2f}"
    )
    share = Fraction(judged.successes, judged.n) if judged.n else None
    confirmed, refuted = judged.more_to_confirm, judged.more_to_refute
    if judged.verdict != "undecided" or confirmed is None or refuted is None:
        return _of_runs(judged.verdict, found, rule, share)
    needs = f"{_seeds(confirmed)} to be confirmed, {refuted:,} to be refuted"
    return _undecided(found, rule, min(confirmed, refuted), share, needs)


def _rate(claim: Claim, found: Sample) -> stats.RateVerdict | stats.SequenceVerdict:
    if found.protocol is not None:
        share = _fraction(claim.published) / 100
        return deciding.judge(found.runs, found.protocol, share, stats.DECLARED_RATE)
    target = math.ceil(stats.published_count(claim.published, found.n_images))
    return stats.rate_verdict(sum(each >= target for each in found.counts), len(found.counts))


def gain(claim: Claim, found: Pair) -> Judgement:
    """Whether the first network is better: the exact test, or equal within the margin."""
    design = stats.Design(found.first.n_images, found.paired, COMPARISON_SEED)
    compared = stats.compare(found.first.counts, found.second.counts, design)
    points = compared.difference_points
    stands = replace(found.first, stands_on=found.first.stands_on + found.second.stands_on)
    if points is None or compared.test is None:
        return _undecided(stands, "comparison of means", FEWEST_RUNS)
    p, equal = compared.test.p, compared.equivalence
    rule = f"{'paired' if found.paired else 'unpaired'} exact test, p {p:.3f}{_ends(compared)}"
    if p < stats.ALPHA:
        return _of_runs("confirmed" if points > 0 else "refuted", stands, rule, points)
    if equal is not None and equal.verdict == "equivalent":
        rule += f"; the same within {equal.margin_points} points"
        return _of_runs("refuted", stands, rule, points)
    return _undecided(stands, rule, _seeds_for_gain(found), points)


def absent(claim: Claim, why: Absent) -> Judgement:
    """No evidence, or none that speaks of the same."""
    more = f"; needs at least {why.seeds_needed} more seeds" if why.seeds_needed else ""
    return Judgement(why.verdict, f"{why.why}{more}", seeds_needed=why.seeds_needed)


def not_checkable(claim: Claim) -> Judgement:
    """Words that no measurement can meet; the file of claims says why."""
    return Judgement("not checkable", claim.reason)


def number(value: Value) -> str:
    """99.35 -> 99.35, 9850 -> 9,850, 2/3 -> 0.667, 3e-05 -> 0.00003, a word as it is."""
    if isinstance(value, str):
        return value
    if value == int(value):
        return f"{int(value):,}"
    if isinstance(value, float) and len(repr(value)) < 8:  # as it was written
        return f"{Decimal(repr(value)):,f}"
    exact = Fraction(value)  # rounded once, half up, as the report's figures are
    thousandths = Decimal(exact.numerator * 1000) / Decimal(exact.denominator)
    rounded = thousandths.quantize(Decimal(1), ROUND_HALF_UP).scaleb(-3)
    return f"{rounded:,.3f}".rstrip("0").rstrip(".")


def _fraction(value: Value) -> Fraction:
    """Exact in the decimals that were written: .08 is 8/100."""
    return value if isinstance(value, Fraction) else Fraction(str(value))


def _agrees(claim: Claim, found: Exact) -> bool:
    if claim.text or isinstance(found.value, str):
        return claim.relation == "equals" and claim.text == found.value
    value, published = _fraction(found.value), _fraction(claim.published)
    half = _fraction(claim.tolerance) + found.slack
    return {
        "equals": published - half <= value < published + half if half else value == published,
        "below": value < published,
        "at_most": value <= published or value < published + half,
        "above": value > published,
        "at_least": value >= published - half,
    }[claim.relation]


def _wanted(claim: Claim, slack: Fraction = Fraction(0)) -> str:
    """What the measured value must be."""
    half = _fraction(claim.tolerance) + slack
    if claim.relation != "equals":
        leeway = f", give or take {number(claim.tolerance)}" if claim.tolerance else ""
        return f"{claim.relation.replace('_', ' ')} {number(claim.published)}{leeway}"
    if not half or claim.text:
        return "exact"
    published = _fraction(claim.published)
    return f"rounded: from {number(published - half)} to below {number(published + half)}"


def _mean(claim: Claim, found: Sample, exact_values: list[Fraction]) -> Judgement:
    values = [float(value) for value in exact_values]
    interval = stats.t_interval(values)
    bound = (
        claim.published + {"at_most": 1, "at_least": -1}.get(claim.relation, 0) * claim.tolerance
    )
    average = sum(exact_values, Fraction(0)) / len(values) if values else None
    if interval is None or average is None:
        return _undecided(found, "95% interval of the mean", max(2 - len(values), 1), average)
    rule = (
        f"95% t interval of the mean, {interval.low:.3f} to {interval.high:.3f}, {_wanted(claim)}"
    )
    wants_low = claim.relation in ("below", "at_most")
    if interval.high < bound:
        return _of_runs("confirmed" if wants_low else "refuted", found, rule, average)
    if interval.low > bound:
        return _of_runs("refuted" if wants_low else "confirmed", found, rule, average)
    sd = stats.standard_deviation(values)
    more = 1
    if sd:
        margin = max(abs(float(average) - bound), FINEST_POINTS)
        more = max(stats.seeds_for_margin(sd, margin) - len(values), 1)
    return _undecided(found, rule, more, average)


def _seeds_for_gain(found: Pair) -> int:
    """More seeds an arm until the protocol's margin would be seen, were the spread the true one."""
    ours, theirs = found.first.counts, found.second.counts
    margin = stats.MARGIN_POINTS * found.first.n_images / 100
    if found.paired:
        both = [a - b for a, b in zip(ours, theirs, strict=True) if stats.MISSING not in (a, b)]
        sd = stats.standard_deviation(both)
    else:
        sds = [stats.standard_deviation(arm.known) for arm in (found.first, found.second)]
        sd = math.sqrt(sum((each or 0.0) ** 2 for each in sds) / 2)
    n = min(len(ours), len(theirs))
    return max(stats.seeds_for_difference(sd, margin, paired=found.paired) - n, 1) if sd else 1


def _ends(compared: stats.Comparison) -> str:
    if compared.interval is None:
        return ""
    return f", difference {compared.interval.low:.3f} to {compared.interval.high:.3f} points"


def _of_runs(
    verdict: ClaimVerdict, found: Sample, rule: str, measured: Value | None = None
) -> Judgement:
    """Over runs; the mean accuracy in percent is what was measured, unless said otherwise."""
    known = found.known
    if measured is None and known:
        measured = Fraction(100 * sum(known), found.n_images * len(known))
    missing = len(found.counts) - len(known)
    parts = [found.note, rule, f"{missing} without a count" if missing else ""]
    words = "; ".join(part for part in parts if part)
    return Judgement(verdict, words, measured, len(found.counts), found.stands_on)


def _undecided(
    found: Sample, rule: str, more: int, measured: Value | None = None, needs: str = ""
) -> Judgement:
    judged = _of_runs("undecided", found, rule, measured)
    words = f"{judged.rule}; needs at least {needs or _seeds(more)}"
    return replace(judged, rule=words, seeds_needed=more)


def _seeds(more: int) -> str:
    return f"{more:,} more seed{'' if more == 1 else 's'}"
