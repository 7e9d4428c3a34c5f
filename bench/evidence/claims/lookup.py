"""How the figures that claims speak of are found in portraits, in records and in other claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

from bench import stats
from bench.evidence.claims.gather import MEASURE_AGAIN, Absent, Evidence, Exact, Pair, Sample, Value
from bench.records.arms import Arm, best_count
from bench.spec import Claim, Measured, Portrait, RunRecord
from bench.stats.outcomes import SUSTAINED_EPOCHS

LAYERS = "parameters"  # the measure whose rows are the calls of all layers, in their order

Find = Callable[[Claim, Evidence], Exact]
BY_PLACE = re.compile(r"(?P<operation>\w+) (?P<place>\d+)")


def figure(measure: str, name: str, column: str | None = None) -> Find:
    """A measure's value, or its layers' where the claim names layers; several are added."""

    def find(claim: Claim, evidence: Evidence) -> Exact:
        def read(found: Measured) -> Value:
            if not claim.layers or column is None:
                return _value(found, name, claim.subject)
            return _cells(found, addresses, column, claim.subject)

        addresses = _addresses(claim, evidence)
        found = evidence.measured(claim.subject, measure, read)
        return Exact(found.value, _at_layers(found.stands_on, addresses))

    return find


def of_layer(measure: str, column: str) -> Find:
    """A column of one layer; the same of all where the claim names several."""
    return figure(measure, "", column)


def component(claim: Claim, evidence: Evidence) -> Exact:
    """Parameters of the component after the metric's dot; `total` is the sum of all."""
    wanted = claim.metric.partition(".")[2]

    def read(found: Measured) -> Value:
        by_slug = {_slug(name): n for name, n in found.components.items()}
        if wanted == "total":
            return sum(by_slug.values())
        return int(_known(by_slug.get(wanted), f"component '{wanted}'", claim.subject))

    return evidence.measured(claim.subject, "parameters", read)


def parameters_by_type(claim: Claim, evidence: Evidence) -> Exact:
    """Parameters in the type of layer after the metric's dot; 0 where there is none."""
    wanted = claim.metric.partition(".")[2]

    def read(found: Measured) -> Value:
        by_type: Mapping[str, int] = _known(found.views.get("by_type"), "types", claim.subject)
        return sum(n for name, n in by_type.items() if _slug(name) == wanted)

    return evidence.measured(claim.subject, "parameters", read)


def calls_of_operation(claim: Claim, evidence: Evidence) -> Exact:
    """How often a forward pass calls a layer of the kind after the metric's dot."""
    wanted = claim.metric.partition(".")[2]

    def read(found: Measured) -> Value:
        return sum(bool(row.get("operation") == wanted) for row in found.layers.values())

    return evidence.measured(claim.subject, LAYERS, read)


def sequence_of_calls(claim: Claim, evidence: Evidence) -> Exact:
    """Kinds of the layers that a forward pass calls from one of the claim's layers to the last."""
    addresses = _addresses(claim, evidence)

    def read(found: Measured) -> Value:
        names = list(found.layers)
        places = sorted(names.index(address) for address in addresses)
        between = names[places[0] : places[-1] + 1]
        return ", ".join(_cell(found, name, "operation", claim.subject) for name in between)

    found = evidence.measured(claim.subject, LAYERS, read)
    return Exact(found.value, _at_layers(found.stands_on, addresses))


def recipe_field(claim: Claim, evidence: Evidence) -> Exact:
    """The recipe's field after the metric's dot, as `augmentation.translate`."""
    path = claim.metric.partition(".")[2]

    def read(portrait: Portrait) -> Exact:
        value: Any = portrait.recipe
        for name in path.split("."):
            value = _known(getattr(value, name, None), f"field '{path}'", claim.subject)
        place = evidence.paths.get(portrait.architecture_digest, claim.subject)
        return Exact(value, (f"{place}#recipe",))

    return evidence.value(claim.subject, read)


def parameters_over_limit(claim: Claim, evidence: Evidence) -> Exact:
    """Parameters less 8,000; below 0 is under the limit."""
    found = figure("parameters", "n_parameters")(claim, evidence)
    return Exact(int(found.value) - stats.PARAMETER_LIMIT, found.stands_on)


def saved_percent(measure: str, name: str) -> Find:
    """How much less of a figure the subject has than the network it stands against."""

    def find(claim: Claim, evidence: Evidence) -> Exact:
        def read(found: Measured) -> Value:
            return _value(found, name, claim.subject)

        ours = evidence.measured(claim.subject, measure, read)
        theirs = evidence.measured(claim.against, measure, read)
        return Exact(_saved(ours.value, theirs.value), ours.stands_on + theirs.stands_on)

    return find


def separable_saved_percent(claim: Claim, evidence: Evidence) -> Exact:
    """Weights that a depthwise and a pointwise layer save against the one layer they stand for.

    That layer has a kernel of the depthwise one for each pair of a channel that comes in and one
    that goes out: the depthwise layer's weights times the pointwise layer's output channels.
    """
    addresses = _addresses(claim, evidence)
    if len(addresses) != 2:
        raise Absent("layers must name a depthwise layer and then a pointwise one")

    def read(found: Measured) -> Value:
        weights = [_cell(found, layer, "n_weights", claim.subject) for layer in addresses]
        shape = _cell(found, addresses[1], "output_shape", claim.subject)
        return _saved(sum(weights), weights[0] * shape[0])

    found = evidence.measured(claim.subject, LAYERS, read)
    return Exact(found.value, _at_layers(found.stands_on, addresses))


def validation_share_percent(claim: Claim, evidence: Evidence) -> Exact:
    """The part of the training images that the runs were validated on."""
    arm = evidence.arm(claim.subject, claim.dataset, "validation")
    info = arm.dataset
    share = Fraction(100 * info.n_validation, info.n_train + info.n_validation)
    return Exact(share, evidence.paths_of(arm))


def product_of_numbers(claim: Claim, evidence: Evidence) -> Exact:
    """The product of the numbers that the document multiplies."""
    return _reckoned(claim, prod(_exact(n) for n in claim.numbers))


def sum_of_numbers(claim: Claim, evidence: Evidence) -> Exact:
    """The sum of the numbers that the document adds."""
    return _reckoned(claim, sum((_exact(n) for n in claim.numbers), Fraction(0)))


def saved_of_numbers(claim: Claim, evidence: Evidence) -> Exact:
    """How much less, in percent, the second number is than the first."""
    whole, part = claim.numbers
    return _reckoned(claim, _saved(_exact(part), _exact(whole)))


def sum_of_claims(claim: Claim, evidence: Evidence) -> Exact:
    """The sum of the published numbers, with the rounding of all of them."""
    terms = _terms(claim, evidence)
    return _written(terms, sum((_exact(term.published) for term in terms), Fraction(0)))


def same_as_claim(claim: Claim, evidence: Evidence) -> Exact:
    """What another place of the document says."""
    terms = _terms(claim, evidence)
    return _written(terms, _exact(terms[0].published))


def largest_of_claims(claim: Claim, evidence: Evidence) -> Exact:
    """The largest published number."""
    terms = _terms(claim, evidence)
    return Exact(max(_exact(term.published) for term in terms), _said_by(terms))


def smallest_of_claims(claim: Claim, evidence: Evidence) -> Exact:
    """The smallest published number."""
    terms = _terms(claim, evidence)
    return Exact(min(_exact(term.published) for term in terms), _said_by(terms))


def published_shortfall(claim: Claim, evidence: Evidence) -> Exact:
    """99.40 less the published accuracy that the claim refers to, in points."""
    terms = _terms(claim, evidence)
    return Exact(100 * stats.TARGET - _exact(terms[0].published), _said_by(terms))


def last_test_counts(claim: Claim, evidence: Evidence) -> Sample:
    """Right answers on the test split after the last epoch, over all runs."""
    return _last(evidence.arm(claim.subject, claim.dataset, "test"), evidence)


def sustained_test_counts(claim: Claim, evidence: Evidence) -> Sample:
    """The lowest of each run's last three counts: a target that it meets, all three meet."""
    arm = evidence.arm(claim.subject, claim.dataset, "test")
    counts = tuple(_lowest_at_end(run) for run in arm.runs)
    note = f"the lowest of the last {SUSTAINED_EPOCHS} epochs"
    return replace(_last(arm, evidence), counts=counts, note=note)


def best_validation_counts(claim: Claim, evidence: Evidence) -> Sample:
    """Right answers on the validation split after its best epoch, chosen on that same split."""
    arm = evidence.arm(claim.subject, claim.dataset, "validation")
    counts = tuple(best_count(run, "validation") for run in arm.runs)
    note = "best epoch, selected on this same split and so optimistic"
    return Sample(counts, arm.n_images("validation"), evidence.paths_of(arm), note)


def best_test_counts(claim: Claim, evidence: Evidence) -> Sample:
    """Right answers on the test split after its best epoch, chosen on that same split."""
    arm = evidence.arm(claim.subject, claim.dataset, "test")
    counts = tuple(best_count(run, "test") for run in arm.runs)
    note = "best epoch, selected on the test split itself and so optimistic"
    return Sample(counts, arm.n_images("test"), evidence.paths_of(arm), note)


def two_arms(claim: Claim, evidence: Evidence) -> Pair:
    """The subject's runs and the runs of the network that it stands against."""
    ours = evidence.arm(claim.subject, claim.dataset, "test")
    theirs = evidence.arm(claim.against, claim.dataset, "test")
    if ours.dataset != theirs.dataset:
        raise Absent(
            "the two networks' runs are on other images or another split", "not comparable"
        )
    return Pair(_last(ours, evidence), _last(theirs, evidence))


def _last(arm: Arm, evidence: Evidence) -> Sample:
    return Sample(
        counts=tuple(arm.counts("test")),
        n_images=arm.n_images("test"),
        stands_on=evidence.paths_of(arm),
        runs=arm.runs,
        protocol=arm.protocol,
    )


def _lowest_at_end(run: RunRecord) -> int:
    ends = [epoch.test_correct for epoch in run.epochs[-SUSTAINED_EPOCHS:]]
    counts = [count for count in ends if count is not None]
    return min(counts) if run.completed and len(counts) == SUSTAINED_EPOCHS else stats.MISSING


def _addresses(claim: Claim, evidence: Evidence) -> tuple[str, ...]:
    """The layers' own names: `Conv2d 5` is the fifth call of a Conv2d."""
    if not claim.layers:
        return ()
    names: dict[str, str] = {}

    def read(found: Measured) -> Value:
        names.update({word: _named(found.layers, word, claim.subject) for word in claim.layers})
        return ", ".join(names.values())

    evidence.measured(claim.subject, LAYERS, read)
    return tuple(names[word] for word in claim.layers)


def _named(rows: Mapping[str, Mapping[str, Any]], word: str, subject: str) -> str:
    if word in rows:
        return word
    by_place = BY_PLACE.fullmatch(word)
    if by_place:
        kind, place = by_place["operation"], int(by_place["place"])
        names = [name for name, row in rows.items() if row.get("operation") == kind]
        if 1 <= place <= len(names):
            return names[place - 1]
    raise Absent(f"'{subject}' has no layer '{word}': python -m bench inspect {subject}")


def _cells(found: Measured, layers: Sequence[str], column: str, subject: str) -> Value:
    """The one layer's entry, or the sum over several; a shape as 28x28x6."""
    cells = [_cell(found, layer, column, subject) for layer in layers]
    if isinstance(cells[0], list | tuple):
        return _shape(cells[0]) if len(cells) == 1 else ", ".join(_shape(cell) for cell in cells)
    value: Value = cells[0] if len(cells) == 1 else sum(cells)
    return value


def _cell(found: Measured, layer: str, column: str, subject: str) -> Any:
    return _known(found.layers.get(layer, {}).get(column), f"{column} of '{layer}'", subject)


def _shape(sides: Sequence[int]) -> str:
    """[6, 28, 28] -> 28x28x6, the channels last as papers write them."""
    return "x".join(str(side) for side in (*sides[1:], sides[0]))


def _value(found: Measured, name: str, subject: str) -> Value:
    value: Value = _known(found.values.get(name), f"value '{name}'", subject)
    return value


def _known(value: Any, what: str, subject: str) -> Any:
    if value is None:
        raise Absent(f"'{subject}' has no measured {what}: {MEASURE_AGAIN}")
    return value


def _at_layers(stands_on: tuple[str, ...], layers: Sequence[str]) -> tuple[str, ...]:
    if not layers:
        return stands_on
    return tuple(f"{place}/{layer}" for place in stands_on for layer in layers)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _exact(value: float) -> Fraction:
    return Fraction(str(value))


def _saved(part: Any, whole: Any) -> Fraction:
    if not whole:
        raise Absent("nothing to save from: the other figure is 0")
    return 100 * (1 - Fraction(part) / Fraction(whole))


def _reckoned(claim: Claim, value: Fraction | int) -> Exact:
    return Exact(value, (f"{claim.file}:{claim.line}",))


def _terms(claim: Claim, evidence: Evidence) -> list[Claim]:
    return [evidence.claims[term] for term in claim.terms]


def _written(terms: Sequence[Claim], value: Fraction) -> Exact:
    slack = sum((_exact(term.tolerance) for term in terms), Fraction(0))
    return Exact(value, _said_by(terms), slack)


def _said_by(terms: Sequence[Claim]) -> tuple[str, ...]:
    return tuple(f"{term.file}:{term.line} {term.id}" for term in terms)
