"""From the files of claims to a verdict for each claim, by the rules of docs/claims.md."""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from tests.oracle.exact import holm, mean_interval, permutation_p, proves, welch_interval
from tests.oracle.suite import ALPHA, Q, TARGET, Arm, percentile

ROOT = Path(__file__).resolve().parents[2]
MARGIN = 0.05  # points: two networks that differ by less are equivalent
WORST_FIRST = (
    "refuted",
    "not consistent",
    "inconsistent",
    "undecided",
    "not comparable",
    "consistent",
    "confirmed",
    "not checkable",
)


@dataclass
class Judged:
    verdict: str
    measured: Any = None  # exact; None where nothing is measured
    interval: tuple[float, float] | None = None  # where one decides
    p: tuple[Fraction, Fraction] | None = None  # alone, and by Holm


def kinds() -> dict[str, str]:
    """The kind of each metric, as docs/claims.md has it."""
    text = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    names = "runs|structure|document|words|settings"
    return dict(re.findall(rf"^\| `([^`]+)` \|.*\| ({names}) \|", text, re.MULTILINE))


def kind(metric: str) -> str:
    return kinds()[re.sub(r"\..*", ".NAME", metric)]


# ---- what the measures of a network hold


def layer(operations: dict[str, Any], word: str) -> str:
    """A layer's name, or "Conv2d 5": the fifth call of a Conv2d."""
    if word in operations:
        return word
    operation, place = word.split()
    return [name for name, each in operations.items() if each["operation"] == operation][int(place) - 1]


def slug(title: str) -> str:
    return title.lower().replace(" ", "_")


class Network:
    """The measures of a network: what its layers are and hold, in the order of their calls."""

    def __init__(self, arm: Arm, components: list[str]):
        self.arm, self.measures = arm, arm.portrait["measures"]
        self.layers = self.measures["parameters"]["layers"]
        self.components = {slug(each) for each in components}

    def of(self, claim: dict[str, Any], measure: str, field: str) -> Any:
        """A field of the claim's layers, added over them."""
        values = self.measures[measure]["layers"]
        names = [layer(self.layers, word) for word in claim["layers"]]
        return sum((values[name][field] for name in names[1:]), values[names[0]][field])

    def total(self, field: str) -> int:
        return sum(each[field] for each in self.layers.values())

    def component(self, name: str) -> int:
        if name == "total":
            return self.total("n_parameters")
        named = [each for each in self.layers.values() if slug(each["component"] or "") == name]
        assert named or name in self.components
        return sum(each["n_parameters"] for each in named)

    def of_type(self, name: str) -> int:
        views = self.measures["parameters"]["views"]["by_type"]
        return sum(size for title, size in views.items() if slug(title) == name)

    def operations(self) -> int:
        layers = self.measures["multiply_adds"]["layers"].values()
        return sum(each["multiply_adds"] for each in layers)

    def sequence(self, claim: dict[str, Any]) -> str:
        names = list(self.layers)
        first, last = (names.index(layer(self.layers, word)) for word in claim["layers"])
        return ", ".join(self.layers[name]["operation"] for name in names[first : last + 1])

    def recipe(self, path: str) -> Any:
        value = self.arm.records[0]["recipe"]
        for name in path.split("."):
            value = value[name]
        return value if isinstance(value, str) else Fraction(str(value))


def saved(before: int, after: int) -> Fraction:
    return Fraction(100 * (before - after), before)


# ---- a file of claims


class Document:
    def __init__(self, path: Path, arms: dict[str, Arm]):
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Fraction)
        self.name, self.claims = path.stem, content["claim"]
        self.by_id = {claim["id"]: claim for claim in self.claims}
        self.objective = content.get("objective", {})
        self.target, self.arms = self.objective.get("target", TARGET), arms
        components = content["document"].get("components", [])
        self.networks = {name: Network(arm, components) for name, arm in arms.items()}

    def judge(self, claim: dict[str, Any]) -> Judged:
        metric, kind_ = claim["metric"], kind(claim["metric"])
        if kind_ == "words":
            return Judged("not checkable")
        if kind_ == "runs":
            return self._of_runs(claim)
        exact = self._document if kind_ == "document" else self._measure
        value = exact(claim)
        if agrees(claim, value, self._tolerance(claim)):
            return Judged("confirmed", value)
        # A document that is wrong by its own arithmetic is refuted; by another line, inconsistent.
        return Judged("inconsistent" if "terms" in claim else "refuted", value)

    def _tolerance(self, claim: dict[str, Any]) -> Fraction:
        """Of a sum of rounded numbers: all their tolerances together."""
        own = Fraction(claim.get("tolerance", 0))
        if claim["metric"] != "sum_of_claims":
            return own
        return own + sum(self.by_id[each].get("tolerance", 0) for each in claim["terms"])

    def _document(self, claim: dict[str, Any]) -> Any:
        terms = [self.by_id[each]["published"] for each in claim.get("terms", ())]
        numbers = claim.get("numbers", ())
        rules: dict[str, Callable[[], Any]] = {
            "product": lambda: prod(numbers),
            "sum": lambda: sum(numbers),
            "saved_percent": lambda: saved(*numbers),
            "same_as_claim": lambda: terms[0],
            "sum_of_claims": lambda: sum(terms),
            "largest_of_claims": lambda: max(terms),
            "smallest_of_claims": lambda: min(terms),
            "target_shortfall_points": lambda: self.target - terms[0],
        }
        return rules[claim["metric"]]()

    def _measure(self, claim: dict[str, Any]) -> Any:
        """Of a network's structure, or of a setting of its rebuild."""
        metric, _, name = claim["metric"].partition(".")
        network = self.networks[claim["subject"]]
        other = self.networks.get(claim.get("against", ""), network)
        first = network.arm.records[0]
        data, size = first["dataset"], first["n_parameters"]
        layered = "layers" in claim
        rules: dict[str, Callable[[], Any]] = {
            "n_weights": lambda: network.of(claim, "parameters", "n_weights"),
            "n_biases": lambda: network.of(claim, "parameters", "n_biases"),
            "n_non_trainable_parameters": lambda: size - network.total("n_trainable"),
            "parameters_over_limit": lambda: size - self.objective["parameters_below"],
            "weights_bytes": lambda: network.measures["cost"]["values"]["fp32_bytes"],
            "receptive_field_pixels": lambda: (
                network.of(claim, "receptive_field", "receptive_field")
                if layered
                else network.measures["receptive_field"]["values"]["receptive_field_pixels"]
            ),
            "output_shape": lambda: "x".join(
                str(each) for each in channels_last(network.of(claim, "parameters", "output_shape"))
            ),
            "kernel_pixels": lambda: network.of(claim, "parameters", "kernel"),
            "groups": lambda: network.of(claim, "parameters", "groups"),
            "n_layers": lambda: Counter(e["operation"] for e in network.layers.values())[name],
            "layer_sequence": lambda: network.sequence(claim),
            "parameters_saved_percent": lambda: saved(other.total("n_parameters"), size),
            "multiply_adds_saved_percent": lambda: saved(other.operations(), network.operations()),
            "separable_saved_percent": lambda: separable(network, claim),
            "n_parameters_by_type": lambda: network.of_type(name),
            "dropout_probability": lambda: Fraction(
                str(network.of(claim, "dropout", "dropout_probability"))
            ),
            "recipe": lambda: network.recipe(name),
            "step_size_epochs": lambda: round(
                first["recipe"]["step_fractions"][0] * first["recipe"]["epochs"]
            ),
            "validation_share_percent": lambda: Fraction(
                100 * data["n_validation"], data["n_train"] + data["n_validation"]
            ),
        }
        if metric == "n_parameters":
            if layered:
                return network.of(claim, "parameters", "n_parameters")
            return network.component(name) if name else size
        return rules[metric]()

    # ---- claims about runs

    def _of_runs(self, claim: dict[str, Any]) -> Judged:
        metric, arm = claim["metric"], self.arms[claim["subject"]]
        if metric == "accuracy_gain_points":
            return self.gains[claim["id"]]
        values = self.values(metric, arm)
        if metric in ("consistent_test_accuracy_percent", "sustained_test_accuracy_percent"):
            return rate_verdict(claim, values, arm)
        single = not metric.startswith("mean_")
        interval = within(metric, arm, mean_interval(values, 1 if single else None))
        judged = single_run if single else mean_side
        mean = sum(values, Fraction(0)) / len(values)
        return Judged(judged(claim, interval), mean, interval)

    def values(self, metric: str, arm: Arm) -> list[Fraction]:
        """The claim's number of each run."""
        done = [record for record in arm.records if record["status"] == "completed"]
        size = {split: done[0]["dataset"][f"n_{split}"] for split in ("train", "validation", "test")}
        epochs = [record["epochs"] for record in done]
        percents = {
            split: [[Fraction(100 * e[f"{split}_correct"], size[split]) for e in run] for run in epochs]
            for split in size
        }
        best = [max(run) for run in percents["validation"]]
        rules: dict[str, Callable[[], list[Fraction]]] = {
            "last_test_accuracy_percent": lambda: [run[-1] for run in percents["test"]],
            "last_train_accuracy_percent": lambda: [run[-1] for run in percents["train"]],
            "consistent_test_accuracy_percent": lambda: [run[-1] for run in percents["test"]],
            "sustained_test_accuracy_percent": lambda: [min(run[-3:]) for run in percents["test"]],
            "best_test_accuracy_percent": lambda: [max(run) for run in percents["test"]],
            "best_test_epoch": lambda: [
                Fraction(1 + run.index(max(run))) for run in percents["test"]
            ],
            "selected_validation_accuracy_percent": lambda: best,
            "mean_best_validation_accuracy_percent": lambda: best,
            "mean_best_validation_shortfall_points": lambda: [self.target - each for each in best],
        }
        return rules[metric]()

    @cached_property
    def gains(self) -> dict[str, Judged]:
        """The file's gain claims with runs, corrected for one another by Holm."""
        claims = [each for each in self.claims if each["metric"] == "accuracy_gain_points"]
        pairs = [(self.arms[each["subject"]], self.arms[each["against"]]) for each in claims]
        alone = [permutation_p(first.counts(), second.counts()) for first, second in pairs]
        found = {}
        for claim, pair, p, corrected in zip(claims, pairs, alone, holm(alone), strict=True):
            first, second = (each.percents() for each in pair)
            interval = welch_interval(first, second)
            gain = sum(first, Fraction(0)) / len(first) - sum(second, Fraction(0)) / len(second)
            verdict = gain_verdict(gain, corrected, welch_interval(first, second, 0.95))
            found[claim["id"]] = Judged(verdict, gain, interval, (p, corrected))
        return found


def channels_last(shape: list[int]) -> list[int]:
    return [*shape[1:], shape[0]]


def separable(network: Network, claim: dict[str, Any]) -> Fraction:
    """Against one standard layer: as many input planes as the depthwise layer, all connected."""
    depthwise, pointwise = (network.layers[layer(network.layers, each)] for each in claim["layers"])
    standard = depthwise["n_weights"] * pointwise["output_shape"][0]
    return saved(standard, depthwise["n_weights"] + pointwise["n_weights"])


def agrees(claim: dict[str, Any], value: Any, tolerance: Fraction) -> bool:
    """To the digits given: a rounded number stands for all that round to it."""
    if "published" not in claim:
        return bool(value == claim["text"])
    low, high = claim["published"] - tolerance, claim["published"] + tolerance
    rules = {
        "equals": low <= value < high or value == claim["published"],
        "below": value < low,
        "at_most": value <= high,
        "above": value > high,
        "at_least": value >= low,
    }
    return bool(rules[claim.get("relation", "equals")])


def rate_verdict(claim: dict[str, Any], values: list[Fraction], arm: Arm) -> Judged:
    """Whether nine of ten runs reach the number, with as many runs as were declared."""
    above = claim.get("relation") == "above"
    number = claim["published"]
    k, n = sum(each > number if above else each >= number for each in values), arm.n
    assert arm.rule(alone=True).exact  # no claim is about an extended arm
    if proves(k, n, Q, ALPHA):
        return Judged("confirmed", Fraction(k, n))
    return Judged("refuted" if proves(n - k, n, 1 - Q, ALPHA) else "undecided", Fraction(k, n))


def within(metric: str, arm: Arm, interval: tuple[float, float]) -> tuple[float, float]:
    """Cut at the ends of what is possible."""
    n_epochs = arm.records[0]["recipe"]["epochs"]
    low, high = (1, n_epochs) if "epoch" in metric else (0, 100)
    if "shortfall" in metric:
        low, high = float(TARGET) - 100, float(TARGET)
    return max(interval[0], low), min(interval[1], high)


def single_run(claim: dict[str, Any], interval: tuple[float, float]) -> str:
    """A single number is consistent with one more run, or not; it is never confirmed."""
    assert "relation" not in claim
    tolerance = claim.get("tolerance", 0)
    inside = claim["published"] + tolerance > interval[0] and (
        claim["published"] - tolerance <= interval[1]
    )
    return "consistent" if inside else "not consistent"


def mean_side(claim: dict[str, Any], interval: tuple[float, float]) -> str:
    """On which side of the published number the interval of the mean lies."""
    low, high = interval
    number, tolerance = claim["published"], claim.get("tolerance", 0)
    if claim["relation"] in ("below", "at_most"):
        low, high, number = -high, -low, -number  # turned round: above, at least
    if low > number - tolerance:
        return "confirmed"
    return "refuted" if high < number - tolerance else "undecided"


def gain_verdict(gain: Fraction, p: Fraction, inner: tuple[float, float]) -> str:
    """A technique makes the network better, worse, or no different by the margin."""
    if p <= ALPHA:
        return "confirmed" if gain > 0 else "refuted"
    equal = -MARGIN < inner[0] and inner[1] < MARGIN  # two one-sided t tests at 5 %
    return "refuted" if equal else "undecided"


# ---- lines


def worst(verdicts: list[str]) -> str:
    return min(verdicts, key=WORST_FIRST.index)


def tallies(judged: list[tuple[Document, dict[str, Any], Judged]]) -> dict[str, Counter[str]]:
    """Lines of all documents by verdict, each once, and by kind. Settings count nowhere."""
    lines: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for document, claim, each in judged:
        kind_ = kind(claim["metric"])
        if kind_ != "settings":
            for column in ("each once", kind_):
                lines[column, document.name, claim["line"]].append(each.verdict)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (column, _, _), verdicts in lines.items():
        found[column][worst(verdicts)] += 1
    return found


def published(document: Document, network: str) -> tuple[str, Judged] | None:
    """The cell of the headline table, from the document's number of one run."""
    for metric in ("last_test_accuracy_percent", "best_test_accuracy_percent"):
        for claim in document.claims:
            if (claim["metric"], claim["subject"]) == (metric, network):
                return cell(document, claim), document.judge(claim)
    return None


def cell(document: Document, claim: dict[str, Any]) -> str:
    values = document.values(claim["metric"], document.arms[claim["subject"]])
    low, high = mean_interval(values, 1)
    place = percentile(values, claim["published"], claim.get("tolerance", Fraction(0)))
    best = " of best epochs" if claim["metric"].startswith("best") else ""
    number = f"{float(claim['published']):.2f}<br>percentile {float(place):.0f}{best}"
    return f"{number}; one more run: {low:.2f} to {high:.2f}"
