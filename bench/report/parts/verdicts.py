"""The target and its verdicts in words, the same on every page and in every table."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from bench.records.arms import Arm
from bench.records.protocol import Goal
from bench.spec import Objective
from bench.stats.declared import RATE_ALPHA
from bench.stats.format import (
    NOT_AVAILABLE,
    count,
    fixed,
    integer,
    spelled,
    written,
)

HOW_TO_DECLARE = (
    "If the document states a target, write it and a rate into [objective] in the file of claims. "
    "Do this before the first run, or train with --target and --rate."
)
EXACT = (
    "The bounds of a declared number of runs are exact (Clopper and Pearson), each one-sided at "
    "95%. Such runs are judged when all are complete."
)
ADDED = (
    "Some runs were added, or the training was stopped, after results were seen. A confidence "
    "sequence judges them (beta-binomial, valid at every look). It uses the part of the 5% that "
    "the first look left."
)
UNTIL_DECIDED = (
    "The runs went on until a rate was decided, so only their confidence sequence judges them. It "
    "is beta-binomial, with each bound one-sided at 95%, and valid at every look."
)


def target_words(objective: Objective) -> str:
    """70.50 %, or more than 70.50 %; only where there is a target."""
    return Goal.of(objective).words


def least_words(objective: Objective) -> str:
    """at least 70.50 %, or more than 70.50 %; only where there is a target."""
    return f"{'at least ' if objective.relation == 'at_least' else ''}{target_words(objective)}"


def rate_words(objective: Objective) -> str:
    """0.90; only where there is a target."""
    assert objective.rate is not None, "no rate"
    return fixed(objective.rate, 2)


def share_words(objective: Objective) -> str:
    """9 of 10, or 95 of 100."""
    part, whole = _share(objective)
    return f"{integer(part)} of {integer(whole)}"


def runs_words(objective: Objective) -> str:
    """nine runs of ten, or 95 runs of 100."""
    part, whole = _share(objective)
    return f"{spelled(part)} runs of ten" if whole == 10 else f"{integer(part)} runs of {whole}"


def _share(objective: Objective) -> tuple[int, int]:
    """The rate as a part of the smallest power of ten, from 10 to 10,000, that fits it."""
    share = Fraction(str(objective.rate or 0))
    wholes = (10, 100, 1000)
    whole = next((n for n in wholes if (share * n).denominator == 1), 10_000)
    return round(whole * share), whole


def reach(n: int) -> str:
    """One run reaches, two runs reach."""
    return "reaches" if n == 1 else "reach"


def limit_words(objective: Objective) -> str:
    """under 5,000; nothing where there is no limit."""
    if objective.parameters_below is not None:
        return f"under {integer(objective.parameters_below)}"
    most = objective.parameters_at_most
    return "" if most is None else f"at most {integer(most)}"


def bounds(arm: Arm) -> str:
    """0.011 to 0.657."""
    return f"{fixed(arm.verdict.lower, 3)} to {fixed(arm.verdict.upper, 3)}"


def n_words(numbers: Iterable[int]) -> str:
    """n = 60, or n = 5 to 61."""
    found = sorted(numbers)
    ends = dict.fromkeys((found[0], found[-1]))
    return f"n = {' to '.join(map(integer, ends))}"


def words(arm: Arm) -> str:
    """The verdict, corrected for all attempts; in brackets the one taken alone."""
    if not arm.is_decidable:
        return NOT_AVAILABLE
    verdict = arm.verdict.verdict
    return (
        f"{verdict} (uncorrected: {arm.alone.verdict})" if arm.standing.n_attempts > 1 else verdict
    )


def confirmed_alone(arm: Arm) -> bool:
    """Whether it would be confirmed if there were no other attempt."""
    return arm.is_decidable and arm.alone.verdict == "confirmed" != arm.verdict.verdict


def note(arm: Arm) -> str:
    """How the runs stand to their declaration, and the soonest confirmation."""
    if not arm.is_decidable:
        return arm.standing.goal_words if arm.has_target else ""
    verdict, n = arm.verdict, len(arm.runs)
    parts = [arm.standing.note(n)]
    if verdict.verdict == "undecided" and verdict.more_to_confirm is not None:
        more = count(verdict.more_to_confirm, "more seed")
        parts.append(f"needs at least {more} to be confirmed")
    if verdict.n < n:
        parts.append(f"judged up to its first missing seed, {count(verdict.n, 'run')}")
    return "; ".join(part for part in parts if part)


def rules(arms: list[Arm]) -> str:
    """By which rules these arms are judged: each one that some arm needs."""
    standings = [arm.standing for arm in arms]
    kinds = {each.kind for each in standings}
    said = []
    if kinds & {"declared", "undeclared"}:
        said.append(EXACT)
    if kinds & {"extended", "stopped"}:
        said.append(ADDED)
    if "until decided" in kinds:
        said.append(UNTIL_DECIDED)
    attempts = max(each.n_attempts for each in standings)
    if attempts > 1:
        said.append(
            f"The suite declares {integer(attempts)} attempts at this target. Bounds and verdicts "
            f"are corrected for this number ({written(RATE_ALPHA)} / {integer(attempts)} each, "
            "Bonferroni). In brackets is the verdict without this correction."
        )
    return " ".join(said)
