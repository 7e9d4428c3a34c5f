"""One probe of a network before anything is planned: all that a run does, on a few images.

What fails here would fail in every run of the network. A choice of this engine that does not suit
the network, such as its memory format, is given up where the network trains without it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from bench.errors import ArchitectureError, BenchError, in_one_line
from bench.inputs.datasets import Dataset, Split
from bench.inputs.own_file import line_in
from bench.spec import Architecture, EnginePath, Numerics, RunSpec
from bench.training.engine import checkpoint
from bench.training.engine.cpu import Rewritten
from bench.training.engine.data import prepare
from bench.training.engine.evaluation import BATCH, score
from bench.training.engine.network import (
    named_tensors,
    repeating_memory,
    tensor_bytes,
    tied_parameters,
    weights_bytes,
    weights_sha256,
)
from bench.training.engine.optimizer import has_fused_form
from bench.training.engine.path import engine_path
from bench.training.engine.settings import numerics_of, seed_global_generators
from bench.training.engine.train import Diverged, Parted, State, run_epoch, start, training_batch
from bench.training.engine.untouched import untouched

CPU = torch.device("cpu")
PATIENCE = 10.0  # a batch may take minutes
# Part of an error's text -> what to do.
REMEDIES = (
    (
        "Expected more than 1 value per channel",
        "give another batch_size: the last batch of an epoch has {last} of {n_train} images",
    ),
    (
        "support the deepcopy protocol",
        "use torch.nn.utils.parametrizations, or give ema_decay=0",
    ),
    ("cannot pickle", "give ema_decay=0: the average is a copy of the network"),
    ("does not support sparse gradients", "use sparse=False, or give optimizer='sgd'"),
    ("deterministic", "replace the operation: its sums have another order in each run"),
)
PLAIN_OPTIMISER = (
    "torch's plain optimiser trains it: the fused form takes no complex or whole numbers"
)
NOT_THE_SAME = (
    "two runs with one seed do not have the same bits: its forward draws numbers without a seed, "
    "or depends on what earlier calls left behind"
)


@dataclass(frozen=True)
class Way:
    """How a network is trained here."""

    memory_format: Literal["channels_last", "contiguous_format"]  # that suits it
    path: EnginePath
    slow: str | None  # why it is trained as it is written, where it is
    notices: tuple[str, ...] = ()


def probe(architecture: Architecture, spec: RunSpec, few: Dataset, device: torch.device) -> Way:
    """Trains two batches, one of them the last of an epoch, and finds the way that suits.

    It runs on the CPU whatever the device is: a device has trials of its own.

    Args:
        architecture: With the recipe that it is trained by.
        spec: Of one of its runs.
        few: `few_of` that run's data set.
        device: Where it runs.

    Raises:
        ArchitectureError: a run would fail; names the line of the user's file and a remedy.
        TrainingError: the device is full, busy or broken, so nothing can be told.
    """
    try:
        with untouched(architecture.name, architecture, PATIENCE):
            return _way(architecture, spec, few, device)
    except TimeoutError as error:
        raise _refusal(architecture, error, spec) from error


def require_trains(architecture: Architecture, spec: RunSpec, few: Dataset) -> None:
    """Tries the way that a recorded run went, and no other.

    Args:
        architecture: As it is in its file.
        spec: Of the recorded run.
        few: `few_of` that run's data set.

    Raises:
        ArchitectureError: as `probe`.
    """
    memory_format, path = spec.numerics.memory_format, spec.numerics.path
    recorded = replace(architecture, recipe=spec.recipe, memory_format=memory_format)
    try:
        with untouched(architecture.name, architecture, PATIENCE):
            cause = _failure(recorded, path, spec, few)
            if cause and path == "fused":  # the plain way names the network's own fault
                cause = _failure(recorded, "eager", spec, few) or cause
    except TimeoutError as error:
        cause = error
    if cause:
        raise _refusal(recorded, cause, spec) from cause


def _failure(
    architecture: Architecture, path: EnginePath, spec: RunSpec, few: Dataset
) -> BaseException | None:
    try:
        _tried(architecture, path, None, spec, few)
    except _Fails as error:
        return error.cause
    return None


def _way(architecture: Architecture, spec: RunSpec, few: Dataset, device: torch.device) -> Way:
    """The first way, from the fastest on, in which the network trains; raises as `probe`."""
    path, slow = engine_path(architecture, device)
    try:
        return _tried(architecture, path, slow, spec, few)
    except _Fails as error:
        first = error
    if path == "fused":
        with suppress(_Fails):
            slow = f"the faster step failed with {first}"
            return _tried(architecture, "eager", slow, spec, few)
    if architecture.memory_format == "channels_last":
        plain = replace(architecture, memory_format="contiguous_format")
        slow = f"it needs MEMORY_FORMAT = 'contiguous_format': channels_last failed with {first}"
        try:
            return _tried(plain, "eager", slow, spec, few)
        except _Fails as error:
            first = error
    raise _refusal(architecture, first.cause, spec) from first.cause


class _Fails(Exception):
    """The network cannot be trained in one way."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(in_one_line(cause)[:200])
        self.cause = cause


def _tried(
    architecture: Architecture, path: EnginePath, slow: str | None, spec: RunSpec, few: Dataset
) -> Way:
    numerics = Numerics(
        memory_format=architecture.memory_format, path="fused" if path == "fused" else "eager"
    )
    recipe = replace(spec.recipe.with_epochs(2), unaugmented_epochs=0)
    short = replace(spec, recipe=recipe, dataset=few.info, numerics=numerics, evaluate_test=True)
    with numerics_of(numerics, CPU):
        try:
            state, notices = _run(architecture, short, few)
            if spec.numerics.device_type == "cuda" and (tied := tied_parameters(state.network)):
                raise Parted(tied[0])
        except (Exception, SystemExit) as error:  # the network may raise anything
            raise _Fails(error) from error
    return Way(architecture.memory_format, path, slow, tuple(notices))


def _run(architecture: Architecture, spec: RunSpec, few: Dataset) -> tuple[State, list[str]]:
    """All that a run does, once; and what a person should know."""
    state, data = start(architecture, spec, CPU), prepare(few, spec, CPU)
    _require_weights(architecture, state.network)
    at_first = _contents(state.network)
    inputs, labels = training_batch(data, spec)
    outputs = _of_training(state, inputs)
    _require_output(outputs, (len(labels), architecture.n_classes), architecture)
    with suppress(Diverged):  # that may be the network's own in a run, too
        state.epochs.append(run_epoch(state, data, spec, 1))
    again = start(architecture, spec, CPU)
    _require_same(architecture, at_first, _contents(again.network))
    notices = [] if has_fused_form(state.network) else [PLAIN_OPTIMISER]
    if tensor_bytes("", _of_training(again, inputs)) != tensor_bytes("", outputs):
        notices.append(NOT_THE_SAME)
    content = checkpoint.encode(state, spec.key, "probe")
    try:
        checkpoint.restore(start(architecture, spec, CPU), content, spec.key, "probe")
    except checkpoint.Unusable as error:
        raise _error(
            architecture,
            f"a checkpoint of it cannot be read back: {error}",
            "give each parameter and buffer its shape and type in __init__",
        ) from error
    assert data.test is not None
    score(state.scored, data.test, data.grey_levels, spec.numerics)
    weights_sha256(state.evaluated)
    weights_bytes(state.evaluated)
    return state, notices


def _of_training(state: State, inputs: Tensor) -> Any:
    """What it returns in training mode; the same each time, but for what no seed decides."""
    seed_global_generators(0)
    if isinstance(state.trained, Rewritten):
        state.trained.words.reseed(0)
    state.trained.train()
    return state.trained(inputs.clone())


def _contents(network: nn.Module) -> dict[str, bytes]:
    return {name: tensor_bytes(name, value) for name, value in named_tensors(network)}


def _require_weights(architecture: Architecture, network: nn.Module) -> None:
    """Raises ArchitectureError where there is nothing to train, or nothing that can be written."""
    trainable = [name for name, each in network.named_parameters() if each.requires_grad]
    if not trainable:
        what = "it has no parameter to train"
        remedy = "keep its layers in nn.ModuleList, not in a list, and let them require gradients"
        raise _error(architecture, what, remedy)
    repeated = repeating_memory(network.named_parameters())
    if repeated:
        what = f"values of its parameter '{repeated[0]}' share their memory, so none can be written"
        raise _error(architecture, what, "make the parameter of a copy: nn.Parameter(x.clone())")


def _require_same(
    architecture: Architecture, first: dict[str, bytes], again: dict[str, bytes]
) -> None:
    """Raises ArchitectureError where a second start with one seed has other weights."""
    other = [name for name in first.keys() | again.keys() if first.get(name) != again.get(name)]
    if not other:
        return
    raise _error(
        architecture,
        f"a second start with one seed has another '{min(other)}': the first one has changed it, "
        "or it is drawn without a seed",
        "make each tensor and layer in __init__, and draw from torch's global generator",
    )


def _error(architecture: Architecture, what: str, remedy: str) -> ArchitectureError:
    return ArchitectureError(what, where=str(architecture.path), remedy=remedy)


def _require_output(output: Any, shape: tuple[int, int], architecture: Architecture) -> None:
    if isinstance(output, Tensor) and output.shape == shape:
        return
    found = tuple(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
    code: Any = getattr(getattr(architecture.build, "forward", None), "__code__", None)
    own = code and code.co_filename == str(architecture.path)
    raise ArchitectureError(
        f"its output in training mode is {found}, not a tensor {shape}",
        where=f"{architecture.path}:{code.co_firstlineno}" if own else str(architecture.path),
        remedy="return one tensor in training mode, too; it has no auxiliary outputs",
    )


def _refusal(architecture: Architecture, cause: BaseException, spec: RunSpec) -> ArchitectureError:
    what, remedy = in_one_line(cause), "mend its Network class"
    where = line_in(cause, architecture.path)
    if isinstance(cause, BenchError):
        what, remedy = cause.what, cause.remedy
        where = cause.where if isinstance(cause, ArchitectureError) else where
    for part, told in REMEDIES:
        if part in str(cause):
            last = spec.n_train % spec.recipe.batch_size or spec.recipe.batch_size
            remedy = told.format(last=last, n_train=spec.n_train)
    return ArchitectureError(
        f"architecture '{architecture.name}': a trial of its training failed: {what}",
        where=where,
        remedy=remedy,
    )


def few_of(dataset: Dataset, spec: RunSpec) -> Dataset:
    """A whole batch and the last one of each split, and no more."""
    train = _first(dataset.train, spec.recipe.batch_size)
    validation, test = (_first(each, BATCH["cpu"]) for each in (dataset.validation, dataset.test))
    info = replace(spec.dataset, n_train=len(train), n_validation=len(validation), n_test=len(test))
    return Dataset(info=info, train=train, validation=validation, test=test)


def _first(split: Split, batch: int) -> Split:
    n_images = batch + len(split) % batch
    return Split(split.images[:n_images], split.labels[:n_images])
