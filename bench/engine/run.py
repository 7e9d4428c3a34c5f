"""One run from its spec to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from msgspec.structs import replace

from bench.datasets import Dataset
from bench.engine import checkpoint
from bench.engine.data import DeviceData, prepare
from bench.engine.evaluation import evaluate
from bench.engine.network import weights_bytes, weights_sha256
from bench.engine.settings import numerics_of
from bench.engine.train import Diverged, State, start
from bench.engine.turns import Means, Turn, train_in_turns
from bench.errors import StoreError
from bench.spec import Architecture, Environment, Epoch, RunRecord, RunSpec, Status
from bench.wording import in_one_line

EVERYTHING_HERE = Means()


class CheckpointFile(Protocol):
    """Where a run keeps its state between two epochs."""

    def read(self) -> bytes | None: ...
    def write(self, content: bytes) -> None: ...
    def set_aside(self, reason: str) -> None: ...
    def clear(self) -> None: ...


@dataclass(frozen=True)
class Result:
    """A finished run: its record and its weights."""

    record: RunRecord
    weights: bytes | None  # safetensors; None where the run is not completed


def run(
    architecture: Architecture,
    spec: RunSpec,
    dataset: Dataset,
    environment: Environment,
    kept: CheckpointFile,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Result:
    """Trains one network from one seed; a run that goes wrong is a record too.

    Args:
        architecture: The network and its hooks.
        spec: Everything that decides the bits.
        dataset: The data set that `spec.dataset` describes.
        environment: Where this runs; `environment.device` is the torch device.
        kept: The run's checkpoint; a resumed run ends with the bits of an undisturbed one.
        on_epoch: Called after every epoch.
    """
    device = torch.device(environment.device)
    with numerics_of(spec.numerics, device):
        data = partial(prepare, dataset, spec, device)
        return _drained(run_in_turns(architecture, spec, data, environment, kept), on_epoch)


def _drained(
    turns: Generator[Turn | Epoch, None, Result], on_epoch: Callable[[Epoch], None]
) -> Result:
    while True:
        try:
            turn = next(turns)
        except StopIteration as end:
            result: Result = end.value
            return result
        if isinstance(turn, Epoch):
            on_epoch(turn)


def run_in_turns(
    architecture: Architecture,
    spec: RunSpec,
    data: Callable[[], DeviceData],
    environment: Environment,
    kept: CheckpointFile,
    means: Means = EVERYTHING_HERE,
) -> Generator[Turn | Epoch, None, Result]:
    """The same in turns, under numerics that the caller has set; yields each epoch as it ends.

    Args:
        architecture: The network and its hooks.
        spec: Everything that decides the bits.
        data: Gives the data set on the device.
        environment: Where this runs.
        kept: The run's checkpoint.
        means: What the process gives its runs.

    Raises:
        StoreError, OSError, MemoryError: trouble of this machine. Run again the run may well end
            otherwise, so it is no record: records are for ever.
    """
    device = torch.device(environment.device)
    state: State | None = None
    written = time.monotonic()
    try:
        on_device = data()
        state = _resume(architecture, spec, device, environment.fingerprint, kept)
        for turn in train_in_turns(state, on_device, spec, means.ahead):
            if turn != "epoch":
                yield turn
                continue
            is_due = time.monotonic() - written >= means.seconds_between_checkpoints
            if is_due and state.epochs[-1].epoch < spec.recipe.epochs:
                kept.write(checkpoint.encode(state, spec.key, environment.fingerprint))
                written = time.monotonic()
            yield state.epochs[-1]
        return _completed(spec, environment, state, on_device)
    except Diverged as error:
        return Result(record_of(spec, environment, "diverged", error.what, state), None)
    except (StoreError, OSError, MemoryError):
        raise
    except Exception as error:
        reason = in_one_line(error)
        return Result(record_of(spec, environment, "failed", reason, state), None)


def _resume(
    architecture: Architecture,
    spec: RunSpec,
    device: torch.device,
    fingerprint: str,
    kept: CheckpointFile,
) -> State:
    content = kept.read()
    if content is not None:
        state = start(architecture, spec, device)
        try:
            checkpoint.restore(state, content, spec.key, fingerprint)
            return state
        except checkpoint.Unusable as error:
            kept.set_aside(str(error))
    return start(architecture, spec, device)


def _completed(spec: RunSpec, environment: Environment, state: State, data: DeviceData) -> Result:
    counts = [epoch.validation_correct for epoch in state.epochs]
    record = replace(
        record_of(spec, environment, "completed", None, state),
        selected_epoch=counts.index(max(counts)) + 1,
        test_misses=_misses(spec, state, data),
        weights_sha256=weights_sha256(state.evaluated),
    )
    return Result(record, weights_bytes(state.evaluated))


def _misses(spec: RunSpec, state: State, data: DeviceData) -> list[tuple[int, int]] | None:
    """(test index, label given) of the wrong answers of the last weights."""
    if data.test is None:
        return None
    given = evaluate(state.scored, data.test, data.grey_levels, spec.numerics).labels_given
    wrong = (given != data.test.labels.cpu()).nonzero().flatten()
    return [(int(index), int(given[index])) for index in wrong]


def record_of(
    spec: RunSpec,
    environment: Environment,
    status: Status,
    reason: str | None,
    state: State | None = None,
) -> RunRecord:
    """A run's record with the epochs that it did; what only a completed one has is None."""
    epochs = list(state.epochs) if state else []
    parameters = list(state.network.parameters()) if state else []
    return RunRecord(
        engine_version=spec.engine_version,
        key=spec.key,
        status=status,
        reason=reason,
        architecture=spec.architecture,
        architecture_digest=spec.architecture_digest,
        n_parameters=sum(parameter.numel() for parameter in parameters),
        recipe=spec.recipe,
        seed=spec.seed,
        evaluate_test=spec.evaluate_test,
        dataset=spec.dataset,
        numerics=spec.numerics,
        environment=environment,
        epochs=epochs,
        selected_epoch=None,
        test_misses=None,
        weights_sha256=None,
        train_seconds=sum(epoch.train_seconds for epoch in epochs),
    )
