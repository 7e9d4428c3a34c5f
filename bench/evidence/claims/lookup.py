"""How the figures that claims speak of are found in portraits, in records and in other claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import wraps
from math import inf
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from bench.evidence.claims.gather import (
    LAYERS,
    Evidence,
    Exact,
    NoEvidence,
    Sample,
    Value,
    Version,
    fraction,
    records,
)
from bench.records.arms import Arm, Split, best_count
from bench.spec import Claim, Epoch, Recipe, RunRecord
from bench.stats.format import count, integer, listed_or_counted, number, plain
from bench.stats.outcomes import SUSTAINED_EPOCHS
from bench.stats.values import MISSING

Find = Callable[[Claim, Evidence], Exact]
T = TypeVar("T")
DIGITS = 3  # of an accuracy in percent: a tenth of an image of 10,000
LOSS_DIGITS = 4
NAMES_A_DIGEST = "sha256:"  # what a claim's text may begin with that names a file of weights


@dataclass(frozen=True)
class Readings:
    """One number for each run: a single published number and a mean are judged by them.

    Attributes:
        arm: The runs.
        values: (n,), for the runs that have one, in the order of the seeds.
        scale: How many of the values' unit make one of the metric's unit: 100 right answers of
            10,000 make one percent.
        lowest, highest: The bounds of what a value can be.
        digits: How many of them the metric's unit is shown with.
        note: How the values were chosen.
    """

    arm: Arm
    values: tuple[float, ...]
    scale: Fraction = Fraction(1)
    lowest: float = 0
    highest: float = inf
    digits: int = DIGITS
    note: str = ""

    @property
    def n(self) -> int:
        """All runs, also those without a value."""
        return len(self.arm.runs)

    @property
    def stands_on(self) -> tuple[str, ...]:
        return records(self.arm)

    @property
    def average(self) -> Fraction | None:
        """The mean in the metric's unit; None without runs."""
        n = len(self.values)
        return Fraction(sum(self.values)) / n / self.scale if n else None


Read = Callable[[Claim, Evidence], Readings]


def of_versions(read: Callable[[Claim, Version], Exact]) -> Find:
    """The figure that every measured version of the claim's subject has.

    Raises:
        NoEvidence: it was not measured, or its versions differ.
    """

    @wraps(read)
    def find(claim: Claim, evidence: Evidence) -> Exact:
        found = [read(claim, version) for version in evidence.versions(claim.subject)]
        if len({exact.value for exact in found}) > 1:
            raise NoEvidence(
                f"{len(found)} different versions of '{claim.subject}' are measured; move the "
                "portraits of the old versions away"
            )
        return found[-1]

    return find


def figure(measure: str, name: str) -> Find:
    """A measure's value."""

    @of_versions
    def read(claim: Claim, version: Version) -> Exact:
        return Exact(version.value(measure, name), version.stands_on(measure))

    return read


def of_layers(measure: str, column: str) -> Find:
    """A column of the claim's layers; several are added."""

    @of_versions
    def read(claim: Claim, version: Version) -> Exact:
        layers = [version.layer(word) for word in claim.layers]
        cells = [version.cell(measure, layer, column) for layer in layers]
        return Exact(_together(cells), version.stands_on(measure, layers))

    return read


def figure_or_layers(measure: str, name: str, column: str) -> Find:
    """A measure's value, or its layers' where the claim names layers."""
    whole, parts = figure(measure, name), of_layers(measure, column)
    return lambda claim, evidence: (parts if claim.layers else whole)(claim, evidence)


def component(measure: str) -> Find:
    """The component after the metric's dot, of that measure; `total` is the sum of all."""

    @of_versions
    def read(claim: Claim, version: Version) -> Exact:
        return Exact(_component(claim, version, measure)[0], version.stands_on(measure))

    return read


def component_share(measure: str) -> Find:
    """The same as a share of the sum of all, in percent."""

    @of_versions
    def read(claim: Claim, version: Version) -> Exact:
        return Exact(_percent(*_component(claim, version, measure)), version.stands_on(measure))

    return read


def _component(claim: Claim, version: Version, measure: str) -> tuple[int, int]:
    """What the component has, and the sum of all."""
    wanted = _argument(claim)
    by_slug = {_slug(name): n for name, n in version.measure(measure).components.items()}
    total = sum(by_slug.values())
    n = total if wanted == "total" else by_slug.get(wanted)
    return version.known(n, f"component '{wanted}'"), total


def layers_share(measure: str, name: str) -> Find:
    """The claim's layers as a share of the network, in percent."""

    @of_versions
    def read(claim: Claim, version: Version) -> Exact:
        layers = [version.layer(word) for word in claim.layers]
        part = sum(version.cell(measure, layer, name) for layer in layers)
        share = _percent(part, version.value(measure, name))
        return Exact(share, version.stands_on(measure, layers))

    return read


def _percent(part: int, whole: int) -> Fraction:
    if not whole:
        raise NoEvidence("no share can be computed: the network has none")
    return Fraction(100 * part, whole)


@of_versions
def parameters_by_type(claim: Claim, version: Version) -> Exact:
    """Parameters in the type of layer after the metric's dot; 0 where there is none."""
    by_type = version.known(version.measure("parameters").views.get("by_type"), "types")
    n = sum(n for name, n in by_type.items() if _slug(name) == _argument(claim))
    return Exact(n, version.stands_on("parameters"))


def parameters_over_limit(claim: Claim, evidence: Evidence) -> Exact:
    """Parameters less the document's limit; below 0 is under the limit."""
    limit, found = evidence.limit(claim), figure("parameters", "n_parameters")(claim, evidence)
    return Exact(fraction(found.value) - limit, found.stands_on)


@of_versions
def non_trainable_parameters(claim: Claim, version: Version) -> Exact:
    """Parameters that no optimiser changes. Buffers, such as BatchNorm's averages, are none."""
    whole, trained = (version.value("parameters", name) for name in ("n_parameters", "n_trainable"))
    return Exact(whole - trained, version.stands_on("parameters"))


@of_versions
def calls_of_operation(claim: Claim, version: Version) -> Exact:
    """How often a forward pass calls a layer of the kind after the metric's dot."""
    operations = [row.get("operation") for row in version.measure(LAYERS).layers.values()]
    return Exact(operations.count(_argument(claim)), version.stands_on(LAYERS))


@of_versions
def sequence_of_calls(claim: Claim, version: Version) -> Exact:
    """Kinds of the layers that a forward pass calls from one of the claim's layers to the last."""
    layers = [version.layer(word) for word in claim.layers]
    names = list(version.measure(LAYERS).layers)
    places = sorted(names.index(layer) for layer in layers)
    between = names[places[0] : places[-1] + 1]
    words = ", ".join(version.cell(LAYERS, name, "operation") for name in between)
    return Exact(words, version.stands_on(LAYERS, layers))


@of_versions
def recipe_field(claim: Claim, version: Version) -> Exact:
    """The recipe's field after the metric's dot, as `augmentation.translate`.

    Several numbers are a text, as `listed` writes them; a number that holds for each channel agrees
    with a claim that gives it once a channel.

    Raises:
        NoEvidence: the field is several numbers and the claim gives one, or it is left open, or it
            is a default that does not act.
    """
    path = _argument(claim)
    owner: Any = None
    value: Any = version.portrait.recipe
    for name in path.split("."):
        owner, value = value, version.known(getattr(value, name, None), f"field '{path}'")
    whose = f"the recipe of '{version.subject}'"
    if value == ():
        raise NoEvidence(f"{whose} gives no {path}", "not comparable")
    if value and name in owner.unused:
        why = f"{path} has no effect in {whose}: it needs {owner.unused[name]}"
        raise NoEvidence(why, "not comparable")
    if isinstance(value, bool):
        value = str(value).lower()
    elif claim.text and not isinstance(value, str):
        each = value if isinstance(value, tuple) else (value,) * len(claim.text.split(","))
        value = listed(each)
    elif isinstance(value, tuple):
        raise NoEvidence(f"{path} of '{version.subject}' is not one number: {value}")
    return Exact(value, version.stands_on("recipe"))


def listed(numbers: Iterable[float]) -> str:
    """Several numbers as a claim's text gives them: "15, 25" and "0.4914, 0.4822, 0.4465"."""
    return ", ".join(f"{number:.15g}" for number in numbers)


@of_versions
def step_size_epochs(claim: Claim, version: Version) -> Exact:
    """Epochs between two falls of a learning rate that falls in equal steps, as StepLR's does.

    Raises:
        NoEvidence: the recipe has another schedule, or its falls are not evenly spaced.
    """
    recipe = version.portrait.recipe
    if recipe.step_size_epochs:
        return Exact(Fraction(recipe.step_size_epochs), version.stands_on("recipe"))
    falls = [_epochs(recipe, part) for part in recipe.step_fractions]
    falls = falls or [Fraction(epoch) for epoch in recipe.step_epochs]
    if not falls:
        why = f"the recipe of '{version.subject}' has no steps: its schedule is {recipe.schedule}"
        raise NoEvidence(why, "not comparable")
    n_falls = -(-recipe.epochs // falls[0]) - 1  # a fall at the very end would change nothing
    if falls != [falls[0] * number for number in range(1, n_falls + 1)]:
        why = f"the learning rate of '{version.subject}' does not fall in equal steps"
        raise NoEvidence(why, "not comparable")
    return Exact(falls[0], version.stands_on("recipe"))


def _epochs(recipe: Recipe, part: float) -> Fraction:
    """A part of the training in epochs: the float next to 7/12 of 12 epochs is 7."""
    return (Fraction(part) * recipe.epochs).limit_denominator(1000)


def saved_percent(measure: str, name: str) -> Find:
    """How much less of a figure the subject has than the network it stands against."""
    value = figure(measure, name)

    def find(claim: Claim, evidence: Evidence) -> Exact:
        ours = value(claim, evidence)
        theirs = value(msgspec.structs.replace(claim, subject=claim.against), evidence)
        return Exact(_saved(theirs.value, ours.value), ours.stands_on + theirs.stands_on)

    return find


@of_versions
def separable_saved_percent(claim: Claim, version: Version) -> Exact:
    """Weights that a depthwise and a pointwise layer save against the one layer they stand for.

    That layer has a kernel of the depthwise one for each pair of a channel that comes in and one
    that goes out: the depthwise layer's weights times the pointwise layer's output channels.
    """
    layers = [version.layer(word) for word in claim.layers]
    if len(layers) != 2:
        raise NoEvidence("layers must name a depthwise layer and then a pointwise one")
    depthwise, pointwise = (version.cell(LAYERS, layer, "n_weights") for layer in layers)
    n_channels = version.cell(LAYERS, layers[1], "output_shape")[0]
    saved = _saved(depthwise * n_channels, depthwise + pointwise)
    return Exact(saved, version.stands_on(LAYERS, layers))


def validation_share_percent(claim: Claim, evidence: Evidence) -> Exact:
    """The part of the training images that the runs were validated on."""
    arm = evidence.arm(claim.subject, claim.dataset, "validation")
    info = arm.dataset
    if info.n_train is None or info.n_validation is None:
        raise NoEvidence("the numbers of training and validation images of the runs are not known")
    share = Fraction(100 * info.n_validation, info.n_train + info.n_validation)
    return Exact(share, records(arm))


def of_numbers(reckon: Callable[[list[Fraction]], Value]) -> Find:
    """Reckoned from the numbers that the document gives."""

    def find(claim: Claim, evidence: Evidence) -> Exact:
        value = reckon([fraction(number) for number in claim.numbers])
        return Exact(value, (f"{claim.file}:{claim.line}",))

    return find


def saved_of_numbers(numbers: list[Fraction]) -> Fraction:
    """How much less, in percent, the second number is than the first."""
    return _saved(*numbers)


def of_claims(reckon: Callable[[list[Fraction]], Value], *, rounded: bool = False) -> Find:
    """Reckoned from the published numbers of the claims that the claim refers to.

    Args:
        reckon: From those numbers to the value.
        rounded: Whether the value has the rounding of all of them.
    """

    def find(claim: Claim, evidence: Evidence) -> Exact:
        terms = [evidence.claims[term] for term in claim.terms]
        value = reckon([fraction(term.published) for term in terms])
        said_by = tuple(f"{term.file}:{term.line} {term.id}" for term in terms)
        slack = [fraction(term.tolerance) for term in terms if rounded]
        return Exact(value, said_by, sum(slack, Fraction(0)))

    return find


def published_shortfall(claim: Claim, evidence: Evidence) -> Exact:
    """The document's target less the first published accuracy, in points."""
    found = of_claims(itemgetter(0))(claim, evidence)
    return Exact(evidence.target(claim) - fraction(found.value), found.stands_on)


def last_test_counts(claim: Claim, evidence: Evidence) -> Sample:
    """Right answers on the test split after the last epoch, over all runs."""
    arm = evidence.arm(claim.subject, claim.dataset, "test")
    return Sample(arm, "test", tuple(arm.counts("test")), rate=evidence.rate(claim))


def sustained_test_counts(claim: Claim, evidence: Evidence) -> Sample:
    """The lowest of each run's last three counts: a target that it meets, all three meet."""
    arm = evidence.arm(claim.subject, claim.dataset, "test")
    counts = tuple(_lowest_at_end(run) for run in arm.runs)
    note = f"the lowest of the last {SUSTAINED_EPOCHS} epochs"
    return Sample(arm, "test", counts, note, evidence.rate(claim))


def best_counts(split: Split, whose: str) -> Callable[[Claim, Evidence], Sample]:
    """Right answers on the split after its best epoch, chosen on that same split."""

    def find(claim: Claim, evidence: Evidence) -> Sample:
        arm = evidence.arm(claim.subject, claim.dataset, split)
        counts = tuple(best_count(run, split) for run in arm.runs)
        return Sample(arm, split, counts, f"best epoch, selected on {whose}, so it is optimistic")

    return find


def of_validation(find: Callable[[Claim, Evidence], T]) -> Callable[[Claim, Evidence], T]:
    """The same, not comparable where the data set has no validation images: no run has it."""

    def found(claim: Claim, evidence: Evidence) -> T:
        dataset = evidence.arm(claim.subject, claim.dataset, "validation").dataset
        if dataset.n_validation == 0:
            why = f"the data set '{dataset.name}' has no validation images"
            raise NoEvidence(why, "not comparable")
        return find(claim, evidence)

    return found


best_validation_counts = of_validation(best_counts("validation", "this same split"))
best_test_counts = best_counts("test", "the test split itself")


def accuracies(find: Callable[[Claim, Evidence], Sample]) -> Read:
    """The sample's accuracies in percent."""

    def read(claim: Claim, evidence: Evidence) -> Readings:
        sample = find(claim, evidence)
        return _shares(sample.arm, sample.accuracy.counts, sample.n_images, sample.note)

    return read


def shortfalls(find: Callable[[Claim, Evidence], Sample]) -> Read:
    """The points that the sample's accuracies lie below the target; negative above it."""

    def read(claim: Claim, evidence: Evidence) -> Readings:
        percent, sample = evidence.target(claim), find(claim, evidence)
        target = percent * sample.n_images / 100
        short = tuple(float(target - count) for count in sample.accuracy.counts)
        lowest, scale = float(target - sample.n_images), Fraction(sample.n_images, 100)
        return Readings(sample.arm, short, scale, lowest, float(target), note=sample.note)

    return read


def train_accuracies(claim: Claim, evidence: Evidence) -> Readings:
    """Right answers on the augmented training images during the last epoch, in percent."""
    arm = evidence.arm(claim.subject, claim.dataset, "validation")
    found = (run.epochs[-1].train_correct for run in arm.completed)
    counts = tuple(count for count in found if count is not None)
    note = "" if arm.first.foreign else "counted while training"
    return _shares(arm, counts, arm.dataset.n_train or 0, note)


def losses(split: Split, value: Callable[[Epoch], float | None], note: str = "") -> Read:
    """The mean loss over the images in the last epoch.

    Args:
        split: Which runs have it: those that looked at this split.
        value: The loss that the epoch's record holds.
        note: How it was found.
    """

    def read(claim: Claim, evidence: Evidence) -> Readings:
        arm = evidence.arm(claim.subject, claim.dataset, split)
        found = (value(run.epochs[-1]) for run in arm.completed)
        values = tuple(loss for loss in found if loss is not None)
        return Readings(arm, values, digits=LOSS_DIGITS, note=note)

    return read


train_losses = losses("validation", lambda epoch: epoch.train_loss, "taken while training")
validation_losses = of_validation(losses("validation", lambda epoch: epoch.validation_loss))
test_losses = losses("test", lambda epoch: epoch.test_loss)


def best_epochs(split: Split) -> Read:
    """The number of the epoch that is best on the split, the first of equals; from 1."""

    def read(claim: Claim, evidence: Evidence) -> Readings:
        arm = evidence.arm(claim.subject, claim.dataset, split)
        best = [_first_with(run, split, best_count(run, split)) for run in arm.completed]
        values = tuple(number for number in best if number)
        return Readings(arm, values, lowest=1, highest=arm.first.n_epochs)

    return read


def _first_with(run: RunRecord, split: Split, right: int) -> int | None:
    """The first epoch with so many right answers on the split."""
    numbers = (e.epoch for e in run.epochs if getattr(e, f"{split}_correct") == right)
    return next(numbers, None)


def _shares(arm: Arm, counts: Sequence[int], n_images: int, note: str) -> Readings:
    """Right answers as percents of the images."""
    return Readings(arm, tuple(counts), Fraction(n_images, 100), 0, n_images, note=note)


def two_arms(claim: Claim, evidence: Evidence) -> tuple[Sample, Sample]:
    """The subject's runs and the runs of the network that it stands against."""
    ours = last_test_counts(claim, evidence)
    theirs = last_test_counts(msgspec.structs.replace(claim, subject=claim.against), evidence)
    if ours.arm.dataset != theirs.arm.dataset:
        raise NoEvidence(
            "the runs of the two networks have different images or splits", "not comparable"
        )
    return ours, theirs


def scored_weights(claim: Claim, evidence: Evidence) -> Exact:
    """The test accuracy of a published file of weights in percent, as an exact fraction.

    Raises:
        NoEvidence: it was not scored, or several files were and the claim names none of them, or
            its answers are others on another machine.
    """
    sha256 = claim.text.removeprefix(NAMES_A_DIGEST)
    found = evidence.scored(claim.subject, claim.dataset, sha256)
    files = {each.weights_sha256: each.file_sha256[:12] for each in found.values()}
    if len(files) > 1:
        names = listed_or_counted(sorted(files.values()), "digest")
        why = f"{count(len(files), 'file')} of weights were scored, {names}: name one in 'text'"
        raise NoEvidence(why, "not checkable")
    counts = sorted({(each.correct, each.n_images) for each in found.values()})
    words = [f"{integer(correct)} of {integer(n)}" for correct, n in counts]
    if len(counts) > 1:
        raise NoEvidence(f"one file of weights was scored differently: {', '.join(words)}")
    percent = Fraction(100 * counts[0][0], counts[0][1])
    return Exact(percent, tuple(found), words=plain(f"{number(percent)} % ({words[0]})"))


def nothing(claim: Claim, evidence: Evidence) -> None:
    """There is nothing to look up."""


def _lowest_at_end(run: RunRecord) -> int:
    ends = [epoch.test_correct for epoch in run.epochs[-SUSTAINED_EPOCHS:]]
    counts = [count for count in ends if count is not None]
    return min(counts) if run.completed and len(counts) == SUSTAINED_EPOCHS else MISSING


def _together(cells: Sequence[Any]) -> Value:
    """The one cell, or the sum over several; a shape as 28x28x6."""
    if isinstance(cells[0], list | tuple):
        return ", ".join(map(_shape, cells))
    value: Value = cells[0] if len(cells) == 1 else sum(cells)
    return value


def _shape(sides: Sequence[int]) -> str:
    """[6, 28, 28] -> 28x28x6, the channels last as papers write them."""
    return "x".join(str(side) for side in (*sides[1:], sides[0]))


def _argument(claim: Claim) -> str:
    """What follows the dot of the claim's metric."""
    return claim.metric.partition(".")[2]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _saved(whole: Any, part: Any) -> Fraction:
    """How much less, in percent, the part is than the whole."""
    if not whole:
        raise NoEvidence("no saving can be computed: the other figure is 0")
    return 100 * (1 - Fraction(part) / Fraction(whole))
