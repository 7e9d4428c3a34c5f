"""From the files of claims to a verdict for each claim, by the rules of docs/claims.md."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.oracle.exact import holm, mean_interval, more_for_mean, permutation_p, welch_interval
from tests.oracle.structure import Network, saved
from tests.oracle.suite import ALPHA, ROOT, TARGET, Arm, place

Claim = dict[str, Any]

MARGIN = 0.05  # points: two networks that differ by less are equivalent
WORST_FIRST = (
    *("refuted", "not consistent", "inconsistent", "undecided", "not comparable"),
    *("consistent", "confirmed", "not checkable"),
)


@dataclass
class Judged:
    verdict: str
    measured: Any = None  # exact; None where nothing is measured
    interval: tuple[float, float] | None = None  # where one decides
    p: tuple[Fraction, Fraction] | None = None  # alone, and by Holm
    more: tuple[int, ...] = ()  # runs: to confirm and to refute a rate, or to decide on a mean


def kind(metric: str) -> str:
    """The kind of a metric, as docs/claims.md has it."""
    text = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    names = "runs|structure|document|words|settings"
    kinds: dict[str, str] = dict(
        re.findall(rf"^\| `([^`]+)` \|.*\| ({names}) \|", text, re.MULTILINE)
    )
    return kinds[re.sub(r"\..*", ".NAME", metric)]


def agrees(claim: Claim, value: Any, tolerance: Fraction) -> bool:
    """To the digits given: a rounded number stands for all that round to it."""
    if "published" not in claim:
        return bool(value == claim["text"])
    number = claim["published"]
    low, high = number - tolerance, number + tolerance
    relation = claim.get("relation", "equals")
    if relation == "equals":
        return bool(low <= value < high or value == number)
    rules: dict[str, bool] = dict(
        below=value < number, at_most=value <= high, above=value > number, at_least=value >= low
    )
    return rules[relation]


def tolerance(claim: Claim) -> Fraction:
    return Fraction(claim.get("tolerance", 0))


# ---- what a document says of itself


def of_document(claim: Claim, terms: list[Fraction]) -> Fraction:
    numbers = claim.get("numbers", ())
    match claim["metric"]:
        case "product":
            return Fraction(math.prod(numbers))
        case "sum" | "sum_of_claims":
            return sum((*numbers, *terms), Fraction(0))
        case "saved_percent":
            return saved(*numbers)
        case "largest_of_claims":
            return max(terms)
        case "target_shortfall_points":
            return TARGET - terms[0]
        case "same_as_claim" | "smallest_of_claims":
            return min(terms)
    raise ValueError(claim["metric"])


# ---- numbers of runs


def percents(arm: Arm, split: str) -> list[list[Fraction]]:
    """Accuracies of each completed run after each epoch."""
    size = arm.records[0]["dataset"][f"n_{split}"]
    return [
        [Fraction(100 * epoch[f"{split}_correct"], size) for epoch in record["epochs"]]
        for record in arm.completed
    ]


def values_of(metric: str, arm: Arm) -> list[Fraction]:
    """The claim's number of each completed run."""
    split = re.findall("test|train|validation", metric)[0]
    if metric.endswith("_loss"):
        return [Fraction(record["epochs"][-1][f"{split}_loss"]) for record in arm.completed]
    runs = percents(arm, split)
    if metric.startswith("sustained"):
        return [min(run[-3:]) for run in runs]
    if metric == "best_test_epoch":
        return [Fraction(1 + run.index(max(run))) for run in runs]
    best = [max(run) for run in runs]
    if "shortfall" in metric:
        return [TARGET - each for each in best]
    return best if re.search("best|selected", metric) else [run[-1] for run in runs]


def cut(metric: str, n_epochs: int, interval: tuple[float, float]) -> tuple[float, float]:
    """Nothing beyond what is possible."""
    low, high = (1, n_epochs) if metric.endswith("epoch") else (0, 100)
    if metric.endswith("_loss"):
        high = math.inf
    return max(interval[0], low), min(interval[1], high)


def of_one_run(claim: Claim, values: list[Fraction], n_epochs: int) -> Judged:
    """A single number is consistent with one more run, or not; it is never confirmed."""
    low, high = cut(claim["metric"], n_epochs, mean_interval(values, 1))
    near = (claim["published"] - tolerance(claim), claim["published"] + tolerance(claim))
    verdict = "consistent" if near[0] <= high and near[1] >= low else "not consistent"
    return Judged(verdict, sum(values) / Fraction(len(values)), (low, high))


def of_mean(claim: Claim, values: list[Fraction]) -> Judged:
    """On which side of the published number the interval of the mean lies."""
    sign = {"at_least": -1, "at_most": 1}.get(claim["relation"], 0)
    number = Fraction(claim["published"] + sign * tolerance(claim))
    interval, mean = mean_interval(values), sum(values) / Fraction(len(values))
    if interval[0] < number < interval[1]:
        return Judged("undecided", mean, interval, more=(more_for_mean(values, number),))
    verdict = "confirmed" if agrees(claim, interval[0], tolerance(claim)) else "refuted"
    return Judged(verdict, mean, interval)


def of_rate(claim: Claim, values: list[Fraction], arm: Arm) -> Judged:
    """Whether nine of ten runs reach the number. No claim is about an attempt of ours."""
    assert arm.n_attempts == 1
    above = claim.get("relation") == "above"
    k = sum(each > claim["published"] if above else each >= claim["published"] for each in values)
    verdict = arm.verdict(k)
    more = arm.more(k) if verdict == "undecided" else ()
    return Judged(verdict, Fraction(k, arm.n), arm.bounds(k), more=more)


def of_gain(first: Arm, second: Arm, p: Fraction, corrected: Fraction) -> Judged:
    """Whether a technique makes the network better, worse, or no different by the margin."""
    runs = first.percents(), second.percents()
    gain = sum(runs[0]) / Fraction(first.n) - sum(runs[1]) / Fraction(second.n)
    low, high = welch_interval(*runs, level=0.95)  # two one-sided t tests at 5 %
    if corrected <= ALPHA:
        verdict = "confirmed" if gain > 0 else "refuted"
    else:
        verdict = "refuted" if low > -MARGIN and high < MARGIN else "undecided"
    return Judged(verdict, gain, welch_interval(*runs), (p, corrected))


# ---- a file of claims


class Document:
    def __init__(self, path: Path, arms: dict[str, Arm]):
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Fraction)
        self.name, self.claims, self.arms = path.stem, content["claim"], arms
        self.by_id = {claim["id"]: claim for claim in self.claims}
        self.limit = content.get("objective", {}).get("parameters_below")

    def judge(self, claim: Claim) -> Judged:
        kind_ = kind(claim["metric"])
        if kind_ == "words":
            return Judged("not checkable")
        if kind_ == "runs":
            return self._of_runs(claim)
        terms = [self.by_id[each] for each in claim.get("terms", ())]
        give = tolerance(claim)
        if claim["metric"] == "sum_of_claims":
            give += sum(map(tolerance, terms))  # a sum of rounded numbers
        if kind_ == "document":
            value = of_document(claim, [Fraction(each["published"]) for each in terms])
        else:
            value = self._measured(claim)
        # What is wrong by its own arithmetic is refuted; what another line contradicts is not.
        wrong = "inconsistent" if terms else "refuted"
        return Judged("confirmed" if agrees(claim, value, give) else wrong, value)

    def _measured(self, claim: Claim) -> Any:
        metric, _, name = claim["metric"].partition(".")
        network = Network(self.arms[claim["subject"]])
        if "layers" in claim:
            return network.of_layers(claim)
        if "against" in claim:
            other = Network(self.arms[claim["against"]])
            field = "size" if metric == "parameters_saved_percent" else "multiply_adds"
            return saved(getattr(other, field), getattr(network, field))
        if kind(claim["metric"]) == "settings":
            return network.setting(metric, name)
        return network.of_whole(metric, name, self.limit)

    def _of_runs(self, claim: Claim) -> Judged:
        metric, arm = claim["metric"], self.arms[claim["subject"]]
        if metric == "accuracy_gain_points":
            return self.gains[claim["id"]]
        values = values_of(metric, arm)
        if metric.startswith(("consistent", "sustained")):
            return of_rate(claim, values, arm)
        if metric.startswith("mean"):
            return of_mean(claim, values)
        return of_one_run(claim, values, arm.records[0]["recipe"]["epochs"])

    @cached_property
    def gains(self) -> dict[str, Judged]:
        """The file's gain claims with runs, corrected for one another by Holm."""
        claims = [each for each in self.claims if each["metric"] == "accuracy_gain_points"]
        pairs = [(self.arms[each["subject"]], self.arms[each["against"]]) for each in claims]
        alone = [permutation_p(first.counts(), second.counts()) for first, second in pairs]
        together = zip(claims, pairs, alone, holm(alone), strict=True)
        return {claim["id"]: of_gain(*pair, *p) for claim, pair, *p in together}

    def published(self, network: str) -> str:
        """The last cell of the headline table: the number of one run among our runs."""
        for metric in ("last_test_accuracy_percent", "best_test_accuracy_percent"):
            for claim in self.claims:
                if (claim["metric"], claim["subject"]) == (metric, network):
                    return shown(claim, values_of(metric, self.arms[network]))
        return ""


def shown(claim: Claim, values: list[Fraction]) -> str:
    low, high = mean_interval(values, 1)
    what = "best epoch" if claim["metric"].startswith("best") else "run"
    where = place(values, claim["published"], tolerance(claim), f"{what}s")
    return f"{float(claim['published']):.2f}<br>{where}; one more {what}: {low:.2f} to {high:.2f}"


def tallies(judged: Iterable[tuple[Claim, Judged]]) -> dict[str, Counter[str]]:
    """Lines of a document by their worst verdict, each once, and by kind; without settings."""
    lines: dict[tuple[str, int], list[str]] = defaultdict(list)
    for claim, each in judged:
        if kind(claim["metric"]) != "settings":
            for column in ("each once", kind(claim["metric"])):
                lines[column, claim["line"]].append(each.verdict)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (column, _), verdicts in lines.items():
        found[column][min(verdicts, key=WORST_FIRST.index)] += 1
    return found
