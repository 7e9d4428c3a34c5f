"""A forecast for a person: plain lines, the answer of each question first."""

from __future__ import annotations

from bench.evidence.forecast.questions import (
    ArmPlan,
    AssumedRate,
    DifferencePlan,
    Forecast,
    MarginAnswer,
    RateAnswer,
)
from bench.stats.declared import FEWEST_RUNS
from bench.stats.format import count, fixed, integer, plain, span, written
from bench.stats.noise import NoiseFloor
from bench.stats.planning import MOST_SEEDS, MarginPlan, RateChances

NEEDED = f"{count(FEWEST_RUNS, 'completed run')} are needed"

EXTENDS = (
    "  more seeds extend these runs, so a confidence sequence then judges them; for exact bounds, "
    "declare a new number in another --suite"
)


def lines(forecast: Forecast) -> list[str]:
    """Every answer, a blank line between two."""
    margin = _margin_lines(forecast.margin, forecast.suite) if forecast.margin else []
    rate = _rate_lines(forecast.rate) if forecast.rate else []
    return [plain(line) for line in (*margin, *([""] if margin and rate else []), *rate)]


def _margin_lines(answer: MarginAnswer, suite: str | None) -> list[str]:
    head = f"Seeds for a margin of {written(answer.margin_points)} points, from the spread of the"
    said = [f"{head} suite '{suite}'; cautious: from the upper 80 % bound of that spread."]
    for arm in answer.arms:
        said += ["", *_arm_lines(arm, answer)]
    return said


def _arm_lines(arm: ArmPlan, answer: MarginAnswer) -> list[str]:
    noise, plan, apart = arm.noise, arm.plan, arm.difference
    head = f"{arm.name}, {arm.split} split: n = {arm.n}"
    head += f", {arm.n - noise.n} without a count" if noise.n < arm.n else ""
    extends = [EXTENDS] if arm.is_fixed else []
    if plan is None or apart is None:
        why = "the runs are all equal" if noise.n >= FEWEST_RUNS else NEEDED
        return [f"{head}; no spread to plan with: {why}", *extends]
    margin = written(answer.margin_points)
    chance = f"with a chance of {fixed(answer.power, 2)}"
    return [
        f"{head}, sd {fixed(plan.sd, 3)} points{_sd_range(noise)}",
        f"  mean within +-{margin}: {_seeds(plan)}",
        f"  to see a difference of {margin} in one comparison {chance}: {_per_arm(apart)}",
        f"  with the {noise.n} at hand: a difference of {margin} {_visible(apart, noise)}",
        f"  noise floor: {_noise(noise)}",
        *extends,
    ]


def _seeds(plan: MarginPlan | DifferencePlan) -> str:
    return f"{plan.seeds} seeds, cautious {plan.cautious_seeds}"


def _per_arm(plan: DifferencePlan) -> str:
    return f"{_seeds(plan)} for each arm"


def _visible(apart: DifferencePlan, noise: NoiseFloor) -> str:
    word = "can be seen" if apart.is_visible else "cannot be seen reliably"
    seen = f"{word} (chance {fixed(apart.power_at_hand, 2)})"
    least = noise.detectable_points
    return seen if least is None else f"{seen}; the smallest that can is {fixed(least, 3)} points"


def _sd_range(noise: NoiseFloor) -> str:
    known = noise.sd_interval
    return f" (95 %: {span(known)})" if known else ""


def _noise(noise: NoiseFloor) -> str:
    if noise.variance_ratio is None or noise.sampling_sd_points is None:
        return "n/a, every image is right"
    return (
        f"the choice of {integer(noise.n_images)} images alone moves an accuracy by "
        f"{fixed(noise.sampling_sd_points, 3)} points (binomial sd); the seeds' variance is "
        f"{fixed(noise.variance_ratio, 2)} of that"
    )


def _rate_lines(answer: RateAnswer) -> list[str]:
    allowed = [f"{each.misses} of {each.seeds}" for each in answer.allowed]
    rate = fixed(answer.rate, 2)
    said = [
        f"Seeds for a verdict on a rate of {rate}, n declared before the first run.",
        f"  the most misses that still confirm the rate: {', '.join(allowed)}",
    ]
    for assumed in answer.assumed:
        said += ["", *_assumed_lines(assumed)]
    return said


def _assumed_lines(assumed: AssumedRate) -> list[str]:
    plan = assumed.plan
    head = f"  if each run passes with a chance of {written(plan.pass_rate)}"
    if plan.verdict == "undecided":
        head += ": no number of seeds decides, because it equals the declared rate"
    else:
        chance = fixed(plan.power, 2)
        head += f", to be {plan.verdict} with a chance of {chance}: {_count(plan.seeds)}"
        head += f"; with --until-decided {_count(plan.until_decided_seeds)}"
    return [head, *(f"    {_chance(each)}" for each in assumed.chances)]


def _count(seeds: int | None) -> str:
    return f"more than {integer(MOST_SEEDS)} seeds" if seeds is None else f"{seeds} seeds"


def _chance(chances: RateChances) -> str:
    return (
        f"n = {chances.n:>3}: confirmed {fixed(chances.confirmed, 3)}, "
        f"refuted {fixed(chances.refuted, 3)}, undecided {fixed(chances.undecided, 3)}"
    )
