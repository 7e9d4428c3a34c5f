"""The target and its verdicts in words, the same on every page and in every table."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.stats.declared import TARGET
from bench.stats.format import count, fixed, integer, listed, percentage
from bench.stats.rates import RateVerdict
from bench.stats.sequences import SequenceVerdict

FEW_NAMES = 3  # more of one verdict are counted: their names stand below, each with its own
TARGET_WORDS = percentage(100 * TARGET)


def bounds(arm: Arm) -> str:
    """0.011 to 0.657."""
    return f"{fixed(arm.verdict.lower, 3)} to {fixed(arm.verdict.upper, 3)}"


def n_each(arms: list[tuple[str, int]]) -> str:
    """n = 60 runs each, or with every label where they differ.

    Args:
        arms: Labels and numbers of runs.
    """
    numbers = {n for _, n in arms}
    if len(numbers) == 1:
        return f"n = {count(numbers.pop(), 'run')}{' each' if len(arms) > 1 else ''}"
    return ", ".join(f"{label}: n = {n}" for label, n in arms)


def needs(verdict: RateVerdict | SequenceVerdict) -> str:
    """The soonest confirmation: where every further seed succeeds."""
    if verdict.verdict != "undecided" or verdict.more_to_confirm is None:
        return ""
    return f"needs at least {count(verdict.more_to_confirm, 'more seed')} to be confirmed"


def gap(verdict: RateVerdict | SequenceVerdict, n_runs: int) -> str:
    """Of a sequence with a gap: how far it was judged."""
    if verdict.n == n_runs:
        return ""
    return f"judged up to its first missing seed, {count(verdict.n, 'run')}"


def by_verdict(arms: list[Arm]) -> str:
    """confirmed for Model_3, undecided for 4 of 7 and refuted for Model_1 and Model_2."""
    said = []
    for word in ("confirmed", "undecided", "refuted"):
        labels = [arm.label for arm in arms if arm.verdict.verdict == word]
        if word == "confirmed" or len(labels) <= FEW_NAMES:
            said += [f"{word} for {listed(labels)}"] if labels else []
        else:
            said.append(f"{word} for {integer(len(labels))} of {integer(len(arms))}")
    return listed(said)
