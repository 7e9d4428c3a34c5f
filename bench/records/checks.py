"""Whether a record can be believed: its own fields must agree. No torch.

Each function names the first contradiction in words, or returns None where there is none. Decoding
has checked types and bounds before, and JSON holds no infinite number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log10
from typing import Any

from msgspec import to_builtins

from bench.records.observations import EffectiveField, Latency, MissedDigit, ScoredWeights
from bench.spec import SCHEMA, DatasetInfo, Epoch, Portrait, RunRecord
from bench.stats.format import integer

LARGEST = 2**63 - 1  # of any whole number; a larger one is no measurement
LARGEST_SEED = 2**64 - 1  # that torch takes
SHA256 = re.compile("[0-9a-f]{64}")
ROUNDED = 1e-3  # the parts of a field, each of six digits, add up to 1 within it
SPLITS = ("train", "validation", "test")


def of_run(run: RunRecord) -> str | None:
    """Of a run's record."""
    return next((problem for rule in RULES if (problem := rule(run))), None)


def of_portrait(portrait: Portrait) -> str | None:
    """Of an architecture's measures."""
    return _of_version(portrait) or _of_numbers(portrait)


def of_latency(latency: Latency) -> str | None:
    """Of timings."""
    times = [each.median_seconds for each in latency.timings]
    counts = [each.batch_size for each in latency.timings] + [latency.n_threads]
    if min(times, default=1.0) <= 0 or min(counts) < 1:
        return "a time or a count is not above 0"
    return _of_version(latency) or _of_numbers(latency)


def of_field(field: EffectiveField) -> str | None:
    """Of an effective receptive field."""
    widths = {len(row) for row in field.gradient}
    values = [value for row in field.gradient for value in row]
    if not field.runs:
        return "it names no run"
    if len(widths) != 1 or min(values, default=-1) < 0 or abs(sum(values) - 1) > ROUNDED:
        return "its gradient is no map of parts that add up to 1"
    return _of_version(field) or _of_numbers(field)


def of_scored(scored: ScoredWeights) -> str | None:
    """Of an outcome of given weights."""
    if problem := _of_version(scored) or _of_numbers(scored):
        return problem
    wrong = scored.n_images - scored.correct
    size = getattr(scored.dataset, f"n_{scored.split}")
    if size is not None and scored.n_images != size:
        return f"it scores {integer(scored.n_images)} images of {integer(size)}"
    if any(label == given for _, label, given in scored.misses):
        return "a right answer is listed among the wrong ones"
    answers = [(index, given) for index, _, given in scored.misses]
    labels = [(index, label) for index, label, _ in scored.misses]
    lists = (answers, labels)
    problems = (_of_list(each, wrong, scored.n_images, scored.dataset) for each in lists)
    return next(filter(None, problems), None)


def of_missed_digits(digits: Mapping[int, MissedDigit | str]) -> str | None:
    """Of the test images that runs missed."""
    if not all(0 <= index <= LARGEST for index in digits):
        return "an index is no index of an image"
    return _of_numbers(digits)


def _of_version(record: Any) -> str | None:
    known = record.schema == SCHEMA
    return None if known else f"its schema is {_short(record.schema)}, this version reads {SCHEMA}"


def _of_numbers(value: Any) -> str | None:
    """Whole numbers at any depth that are too large to be measurements."""
    waiting = [to_builtins(value)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, int) and abs(each) > LARGEST:
            return f"a number is too large: {_short(each)}"
        if isinstance(each, dict | list | tuple):
            waiting += each.values() if isinstance(each, dict) else each
    return None


def _short(number: int) -> str:
    """The number, or how large it is: Python writes no number of more than 4,300 digits."""
    if abs(number) <= LARGEST_SEED:
        return f"{number:,}"
    return f"about 10^{number.bit_length() * log10(2):.0f}"


def _of_sizes(run: RunRecord) -> str | None:
    info = run.dataset
    sizes = {"seed": run.seed, "n_parameters": run.n_parameters, "n_test": info.n_test}
    sizes |= {"n_train": info.n_train, "n_validation": info.n_validation}
    for name, size in sizes.items():
        if size is not None and not 0 <= size <= (LARGEST_SEED if name == "seed" else LARGEST):
            return f"its {name} is {_short(size)}"
    if not info.n_test:
        return "its data set has no test images"
    return _of_numbers((run.engine_version, run.recipe, info, run.numerics, run.foreign))


def _of_kind(run: RunRecord) -> str | None:
    """A run of ours has what decided its bits; of another one nobody knows them."""
    ours = (run.recipe, run.numerics, run.engine_version, run.n_parameters)
    of_the_end = (run.test_misses, run.weights_sha256, run.selected_epoch)
    if run.foreign is not None:
        odd = any(each is not None for each in (*ours, *of_the_end[:2]))
        return "it is not ours, and yet has what only our runs have" if odd else None
    if any(each is None for each in ours):
        return "it lacks its recipe, numerics, engine version or number of parameters"
    if not run.completed:
        odd = any(each is not None for each in of_the_end)
        return f"it {run.status}, and yet has what only a completed run has" if odd else None
    if not SHA256.fullmatch(run.weights_sha256 or ""):
        return "its digest of the weights is no SHA-256"
    if (run.test_misses is not None) != run.evaluate_test:
        return "its list of missed test images does not fit evaluate_test"
    return None


def _of_key(run: RunRecord) -> str | None:
    if run.spec.key == run.key:
        return None
    return "its key is not the digest of its fields: it was edited, or a newer version made it"


def _of_epochs(run: RunRecord) -> str | None:
    n = len(run.epochs)
    if [epoch.epoch for epoch in run.epochs] != list(range(1, n + 1)):
        return "its epochs are not numbered from 1 without gaps"
    if n > run.n_epochs or (run.completed and not run.foreign and n < run.n_epochs):
        return f"it {run.status} with {n} of {_short(run.n_epochs)} epochs"
    if run.completed and not n:
        return "it completed without an epoch"
    return None


def _of_counts(run: RunRecord) -> str | None:
    sizes = [getattr(run.dataset, f"n_{split}") for split in SPLITS]
    for epoch in run.epochs:
        counts = (epoch.train_correct, epoch.validation_correct, epoch.test_correct)
        for split, count, size in zip(SPLITS, counts, sizes, strict=True):
            if count is not None and not 0 <= count <= (LARGEST if size is None else size):
                of = "" if size is None else f" of {integer(size)}"
                what = f"{_short(count)} right answers{of}"
                return f"epoch {epoch.epoch} has {what} {split} images"
        if run.foreign is None and not _is_whole(epoch, run):
            return f"epoch {epoch.epoch} lacks figures, or has some of a split it never saw"
        if (epoch.train_seconds or 0.0) < 0:
            return f"epoch {epoch.epoch} took a negative time"
    return None


def _is_whole(epoch: Epoch, run: RunRecord) -> bool:
    """Whether an epoch of ours has all that was measured in it, and nothing else."""
    trained = (epoch.learning_rate, epoch.train_loss, epoch.train_correct, epoch.train_seconds)
    validation = (epoch.validation_loss, epoch.validation_correct)
    test = (epoch.test_loss, epoch.test_correct)
    return (
        None not in trained
        and [each is None for each in validation] == [not run.dataset.n_validation] * 2
        and [each is None for each in test] == [not run.evaluate_test] * 2
    )


def _of_choice(run: RunRecord) -> str | None:
    counts = [(epoch.validation_correct, -epoch.epoch) for epoch in run.epochs]
    known = [(count, at) for count, at in counts if count is not None]
    best = -max(known)[1] if known and run.completed else None
    if run.selected_epoch == best:
        return None
    told = None if run.selected_epoch is None else _short(run.selected_epoch)
    return f"its selected epoch is {told}, by its counts it is {best}"


def _of_misses(run: RunRecord) -> str | None:
    if run.test_misses is None:
        return None
    wrong = run.dataset.n_test - (run.epochs[-1].test_correct or 0)
    return _of_list(run.test_misses, wrong, run.dataset.n_test, run.dataset)


def _of_list(
    misses: list[tuple[int, int]], n_wrong: int, n_images: int, info: DatasetInfo
) -> str | None:
    """Of the (index, label) of the images that were missed, by index."""
    if len(misses) != n_wrong:
        listed = f"{integer(len(misses))} missed images are listed"
        return f"{listed}, but by the counts {integer(n_wrong)} were missed"
    indices = [index for index, _ in misses]
    are_rising = indices == sorted(set(indices))
    if not are_rising or (misses and not 0 <= indices[0] <= indices[-1] < n_images):
        return f"its missed images are no rising indices below {integer(n_images)}"
    labels = [label for _, label in misses]
    n_classes = info.n_classes or LARGEST
    if misses and not 0 <= min(labels) <= max(labels) < n_classes:
        return "a missed image has a label that is no class"
    return None


# In this order: each rule relies on those before it.
RULES = (
    *(_of_version, _of_sizes, _of_kind, _of_key),
    *(_of_epochs, _of_counts, _of_choice, _of_misses),
)
