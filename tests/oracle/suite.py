"""From the committed records of the reference suite to the rows of the headline table."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from tests.oracle.exact import (
    bounds,
    evidence,
    mean_and_sd,
    mean_interval,
    proves,
    proves_at_any_look,
    spent,
)

SUITE = Path(__file__).resolve().parents[2] / "results" / "reference"
Q = Fraction(9, 10)  # "consistently": nine of ten runs
ALPHA = Fraction(5, 100)
TARGET = Fraction(994, 10)  # percent

# What the runs of an arm share: everything but the seed.
SHARED = ("architecture", "architecture_digest", "recipe", "dataset", "numerics", "evaluate_test")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass
class Rule:
    """One verdict's bounds: the two shares of 5 % that are left, and whether one look decides."""

    alphas: tuple[Fraction, Fraction]
    exact: bool


class Arm:
    """The runs of a network by its own recipe that judge it, in the order of their seeds."""

    def __init__(self, portrait: Any, records: list[Any], declared: list[Any], attempts: list[str]):
        self.portrait = portrait
        choosing = {seed for sweep in declared if sweep["role"] == "chooses" for seed in seeds(sweep)}
        self.sweeps = [sweep for sweep in declared if sweep["role"] == "judges"]
        self.records = [record for record in records if record["seed"] not in choosing]
        self.n, self.n_test = len(self.records), self.records[0]["dataset"]["n_test"]
        self.n_declared = len({seed for sweep in self.sweeps for seed in seeds(sweep)})
        # The verdict is corrected for all attempts, if the arm is one of them.
        self.n_attempts = len(attempts) if self.sweeps[0]["arm"] in attempts else 1

    def counts(self, split: str = "test", epoch: int = -1) -> list[int]:
        """Right answers after an epoch, of the runs that completed."""
        done = [record for record in self.records if record["status"] == "completed"]
        return [record["epochs"][epoch][f"{split}_correct"] for record in done]

    def percents(self) -> list[Fraction]:
        return [Fraction(100 * each, self.n_test) for each in self.counts()]

    @property
    def k(self) -> int:
        return sum(each >= TARGET for each in self.percents())

    def rule(self, *, alone: bool) -> Rule:
        """How many runs the one exact look was declared for decides the rule.

        As many as there are: exact bounds. Fewer: the look's false alarms are taken from the 5 %,
        and the confidence sequence has the rest. More, or a sweep that a result stopped: the
        declared look has not come, so the confidence sequence judges.
        """
        alpha = ALPHA / (1 if alone else self.n_attempts)
        look = (alone and self.sweeps[0]["alone_after"]) or len(seeds(self.sweeps[0]))
        if self.n == look:
            return Rule((alpha, alpha), exact=True)
        return self._after(look, alpha) if look < self.n else Rule((alpha, alpha), exact=False)

    def _after(self, look: int, alpha: Fraction) -> Rule:
        return Rule((alpha - spent(look, Q, alpha), alpha - spent(look, 1 - Q, alpha)), exact=False)

    def verdict(self, *, alone: bool = False) -> str:
        rule, k, n = self.rule(alone=alone), self.k, self.n
        proof = proves if rule.exact else proves_at_any_look
        if proof(k, n, Q, rule.alphas[0]):
            return "confirmed"
        return "refuted" if proof(n - k, n, 1 - Q, rule.alphas[1]) else "undecided"

    def bounds(self) -> tuple[float, float]:
        rule = self.rule(alone=False)
        return bounds(
            self.k, self.n, rule.alphas, proves if rule.exact else proves_at_any_look
        )

    def more(self, *, hit: bool = True) -> int:
        """The fewest further runs, all hits (or all misses), that decide by the sequence."""
        rule = self.rule(alone=False)
        left = self._after(self.n, rule.alphas[0]).alphas if rule.exact else rule.alphas
        k, rate, alpha = (self.k, Q, left[0]) if hit else (self.n - self.k, 1 - Q, left[1])
        return next(m for m in count(1) if evidence(k + m, self.n + m, rate) >= 1 / alpha)

    def state(self) -> list[str]:
        """Why an arm is not judged by its declared number of runs."""
        first = len(seeds(self.sweeps[0]))
        if self.sweeps[0]["stopped"]:
            return [f"stopped because of a result, {self.n_declared} declared"]
        if self.n < self.n_declared:
            return [f"incomplete, {self.n} of {self.n_declared}"]
        return [f"extended after {first} runs"] if self.n > first else []

    def row(self, published: str = "", limit: int | None = None) -> list[str]:
        """The cells of the headline table after the name."""
        layers = self.portrait["measures"]["multiply_adds"]["layers"].values()
        operations = sum(each["multiply_adds"] for each in layers)
        size = self.records[0]["n_parameters"]
        mean, sd = mean_and_sd(self.percents())
        low, high = self.bounds()
        verdict = self.verdict()
        state = self.state()
        if verdict == "undecided":
            state.append(f"needs at least {self.more()} more seeds to be confirmed")
        alone = f" (alone: {self.verdict(alone=True)})" if self.n_attempts > 1 else ""
        return [
            f"{size:,}" + (f"<br>✗ {limit:,}" if limit and size >= limit else ""),
            f"{operations:,}",
            f"{float(mean):.3f} ± {sd:.3f}",
            f"{len(self.counts())} runs<br>{float(min(self.percents())):.2f}",
            f"{self.k} of {self.n}<br>{low:.3f} to {high:.3f}",
            "<br>".join([verdict + alone, *(["; ".join(state)] if state else [])]),
            published,
        ]

    def place(self, values: list[Fraction], number: Fraction, tolerance: Fraction) -> str:
        """Where a published number lies among runs: its percentile, and one more run."""
        low, high = mean_interval(values, 1)
        return f"{percentile(values, number, tolerance):.0f}; {low:.2f} to {high:.2f}"


def seeds(sweep: Any) -> list[int]:
    return [seed for first, last in sweep["seeds"] for seed in range(first, last + 1)]


def percentile(values: list[Fraction], number: Fraction, tolerance: Fraction) -> Fraction:
    """The percentage of runs below the number; runs that round to it count half."""
    below = sum(each < number - tolerance for each in values)
    equal = sum(number - tolerance <= each < number + tolerance or each == number for each in values)
    return Fraction(100 * (2 * below + equal), 2 * len(values))


def arms() -> dict[str, Arm]:
    """The arm of each network of the suite by its own recipe."""
    protocol = read(SUITE / "protocol.json")
    groups = defaultdict(list)
    for path in sorted(SUITE.glob("mnist/*/seed-*.json")):
        record = read(path)
        groups[json.dumps([record[each] for each in SHARED], sort_keys=True)].append(record)
    portraits = [read(path) for path in SUITE.glob("portraits/*.json")]
    own = {each["architecture_digest"]: each for each in portraits}
    found = {}
    for runs in groups.values():
        first = runs[0]
        portrait = own[first["architecture_digest"]]
        # A field that recipes had later is in the portrait alone.
        if first["recipe"].items() <= portrait["recipe"].items():
            declared = declarations(protocol["sweeps"], first["architecture"], runs)
            found[first["architecture"]] = Arm(portrait, runs, declared, protocol["attempts"])
    return found


def declarations(sweeps: list[Any], architecture: str, runs: list[Any]) -> list[Any]:
    """The sweeps of one arm: those whose seeds hold every recorded one."""
    by_arm = defaultdict(list)
    for sweep in sweeps:
        if sweep["architecture"] == architecture:
            by_arm[sweep["arm"]].append(sweep)
    ran = {record["seed"] for record in runs}
    [fitting] = [each for each in by_arm.values() if ran <= {s for sweep in each for s in seeds(sweep)}]
    return fitting
