"""From the committed records of the reference suite to the rows of the headline table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from tests.oracle.exact import Proof, bounds, mean_and_sd, proves, proves_at_any_look, spent

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "results" / "reference"
Q = Fraction(9, 10)  # "consistently": nine of ten runs
ALPHA = Fraction(5, 100)
TARGET = Fraction(994, 10)  # percent

# What the runs of an arm share: everything but the seed.
SHARED = ("architecture", "architecture_digest", "recipe", "dataset", "numerics", "evaluate_test")


@dataclass
class Rule:
    """How a rate is judged: the shares of 5 % that are left, and whether one look decides."""

    alphas: tuple[Fraction, Fraction]  # to confirm it, and to refute it
    exact: bool

    @property
    def proof(self) -> Proof:
        return proves if self.exact else proves_at_any_look


class Arm:
    """The runs of a network by its own recipe that judge it, and their declaration."""

    def __init__(self, portrait: Any, records: list[Any], declared: list[Any], attempts: list[str]):
        self.portrait, self.architecture = portrait, portrait["architecture"]
        choosing = {seed for each in declared if each["role"] == "chooses" for seed in seeds(each)}
        self.records = [each for each in records if each["seed"] not in choosing]
        self.completed = [each for each in self.records if each["status"] == "completed"]
        self.n, self.n_test = len(self.records), self.records[0]["dataset"]["n_test"]
        self.sweeps = [each for each in declared if each["role"] == "judges"]
        self.n_declared = sum(len(seeds(each)) for each in self.sweeps)
        # The verdict is corrected for all attempts, if the arm is one of them.
        self.n_attempts = len(attempts) if self.sweeps[0]["arm"] in attempts else 1
        layers = portrait["measures"]["multiply_adds"]["layers"].values()
        self.multiply_adds = sum(each["multiply_adds"] for each in layers)

    def counts(self) -> list[int]:
        """Right answers on the test images after the last epoch, of the completed runs."""
        return [each["epochs"][-1]["test_correct"] for each in self.completed]

    def percents(self) -> list[Fraction]:
        return [Fraction(100 * each, self.n_test) for each in self.counts()]

    @property
    def k(self) -> int:
        """Runs that reach the target. A run that failed does not."""
        return sum(each >= TARGET for each in self.percents())

    def rule(self, *, alone: bool) -> Rule:
        """One look was declared, at the first sweep's end or where `alone_after` says.

        It is now: exact bounds. It was earlier: the confidence sequence has what the look's false
        alarms leave of the 5 %. It has not come, or never will: the sequence has all of it.
        """
        alpha = ALPHA / (1 if alone else self.n_attempts)
        look = (alone and self.sweeps[0]["alone_after"]) or len(seeds(self.sweeps[0]))
        # A sweep that is merely not finished does not occur in this suite.
        assert self.n >= look or self.sweeps[0]["stopped"] or len(self.sweeps) > 1
        if self.n == look:
            return Rule((alpha, alpha), exact=True)
        return Rule(after(look, alpha) if look < self.n else (alpha, alpha), exact=False)

    def verdict(self, k: int | None = None, *, alone: bool = False) -> str:
        """Of k runs that reach a number; the target's, unless said otherwise."""
        rule, k = self.rule(alone=alone), self.k if k is None else k
        if rule.proof(k, self.n, Q, rule.alphas[0]):
            return "confirmed"
        refuted = rule.proof(self.n - k, self.n, 1 - Q, rule.alphas[1])
        return "refuted" if refuted else "undecided"

    def bounds(self, k: int) -> tuple[float, float]:
        """Two one-sided bounds of the rate, if k runs reach a number."""
        rule = self.rule(alone=False)
        return bounds(k, self.n, rule.alphas, rule.proof)

    def more(self, k: int | None = None) -> tuple[int, int]:
        """The fewest further runs that would confirm and refute it, by the confidence sequence."""
        rule, k = self.rule(alone=False), self.k if k is None else k
        left = after(self.n, rule.alphas[0]) if rule.exact else rule.alphas
        return fewest(k, self.n, Q, left[0]), fewest(self.n - k, self.n, 1 - Q, left[1])

    def state(self) -> list[str]:
        """Why an arm is not judged by its declared number of runs."""
        first = len(seeds(self.sweeps[0]))
        if self.sweeps[0]["stopped"]:
            return [f"stopped because of a result, {self.n_declared} declared"]
        if self.n < self.n_declared:
            return [f"incomplete, {self.n} of {self.n_declared}"]
        return [f"extended after {first} runs"] if self.n > first else []

    def row(self, published: str, limit: int) -> list[str]:
        """The cells of the headline table after the name."""
        size, (mean, sd) = self.records[0]["n_parameters"], mean_and_sd(self.percents())
        verdict, state, (low, high) = self.verdict(), self.state(), self.bounds(self.k)
        if verdict == "undecided":
            state.append(f"needs at least {self.more()[0]} more seeds to be confirmed")
        alone = f" (uncorrected: {self.verdict(alone=True)})" if self.n_attempts > 1 else ""
        return [
            f"{float(mean):.3f} ± {sd:.3f}",
            f"{len(self.completed)} runs<br>{float(min(self.percents())):.2f}",
            f"{size:,}" + (f"<br>✗ {limit:,}" if size >= limit else ""),
            f"{self.multiply_adds:,}",
            f"{self.k} of {self.n}<br>{low:.3f} to {high:.3f}",
            verdict + alone + ("<br>" + "; ".join(state) if state else ""),
            published,
        ]


def seeds(sweep: Any) -> list[int]:
    return [seed for first, last in sweep["seeds"] for seed in range(first, last + 1)]


def after(look: int, alpha: Fraction) -> tuple[Fraction, Fraction]:
    """What an exact look leaves of alpha, to confirm and to refute."""
    return alpha - spent(look, Q, alpha), alpha - spent(look, 1 - Q, alpha)


def fewest(k: int, n: int, rate: Fraction, alpha: Fraction) -> int:
    """The fewest further runs, if all of them are hits."""
    return next(m for m in count(1) if proves_at_any_look(k + m, n + m, rate, alpha))


def place(values: list[Fraction], number: Fraction, tolerance: Fraction, noun: str) -> str:
    """Where a published number lies among runs; those that round to it are equal."""
    n, below = len(values), sum(each < number - tolerance for each in values)
    above = sum(each >= number + tolerance and each != number for each in values)
    equal = n - below - above
    if n in (below, above, equal):
        words = {below: "higher than", above: "lower than", equal: "equal to"}[n]
        return f"{words} all {n} {noun}"
    tied = f", equal to {equal}" if equal else ""
    return f"higher than {below} of {n} {noun}{tied}"


def arms() -> Iterator[Arm]:
    """The arm of each network of the suite by its own recipe."""
    protocol, groups = read(SUITE / "protocol.json"), defaultdict(list)
    for path in sorted(SUITE.glob("mnist/*/seed-*.json")):
        record = read(path)
        groups[json.dumps([record[each] for each in SHARED], sort_keys=True)].append(record)
    portraits = [read(path) for path in SUITE.glob("portraits/*.json")]
    by_digest = {each["architecture_digest"]: each for each in portraits}
    for runs in groups.values():
        portrait = by_digest[runs[0]["architecture_digest"]]
        # A field that recipes had later is in the portrait alone.
        if runs[0]["recipe"].items() <= portrait["recipe"].items():
            declared = declarations(protocol["sweeps"], runs)
            yield Arm(portrait, runs, declared, protocol["attempts"])


def declarations(sweeps: list[Any], runs: list[Any]) -> list[Any]:
    """The sweeps of one arm: of its architecture's, those whose seeds hold every recorded one."""
    by_arm = defaultdict(list)
    for sweep in sweeps:
        if sweep["architecture"] == runs[0]["architecture"]:
            by_arm[sweep["arm"]].append(sweep)
    ran = {record["seed"] for record in runs}
    [fitting] = [own for own in by_arm.values() if ran <= {s for each in own for s in seeds(each)}]
    return fitting


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
