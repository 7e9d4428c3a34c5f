"""One run from its spec to its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from msgspec.structs import asdict, replace

from bench.errors import StoreError, in_one_line
from bench.inputs.datasets import Dataset
from bench.machine import today
from bench.spec import Architecture, Environment, Epoch, RunRecord, RunSpec, Status
from bench.training.engine import checkpoint
from bench.training.engine.data import DeviceData, prepare
from bench.training.engine.evaluation import score
from bench.training.engine.network import weights_bytes, weights_sha256
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import Diverged, State, epochs_left, run_epoch, start


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
        spec: Everything that decides the bits; its path is eager or fused. A captured run takes
            turns with others: `bench.training.engine.gpu.run_in_turns`.
        dataset: The data set that `spec.dataset` describes.
        environment: Where this runs; `environment.device` is the torch device.
        kept: The run's checkpoint; a resumed run ends with the bits of an undisturbed one.
        on_epoch: Called after every epoch, within the run: an error of it ends the run.

    Raises:
        StoreError, OSError, MemoryError: trouble of this machine, see `ended_by`.
    """
    assert spec.numerics.path != "graph", "a captured run takes turns: run_in_turns"
    device = torch.device(environment.device)
    state: State | None = None
    with numerics_of(spec.numerics, device):
        try:
            data = prepare(dataset, spec, device)
            state = resumed(architecture, spec, environment, kept)
            for number in epochs_left(state, spec):
                state.epochs.append(run_epoch(state, data, spec, number))
                if number < spec.recipe.epochs:
                    kept.write(checkpoint.encode(state, spec.key, environment.fingerprint))
                on_epoch(state.epochs[-1])
            return completed(spec, environment, state, data)
        except Exception as error:
            return ended_by(error, spec, environment, state)


def resumed(
    architecture: Architecture, spec: RunSpec, environment: Environment, kept: CheckpointFile
) -> State:
    """The run's state at its checkpoint, or at its start where it has no usable one."""
    device, content = torch.device(environment.device), kept.read()
    if content is not None:
        state = start(architecture, spec, device)
        try:
            checkpoint.restore(state, content, spec.key, environment.fingerprint)
            return state
        except checkpoint.Unusable as error:
            kept.set_aside(str(error))
    return start(architecture, spec, device)


def completed(spec: RunSpec, environment: Environment, state: State, data: DeviceData) -> Result:
    """The record and the weights of a run that has trained all its epochs."""
    counts = [e.validation_correct for e in state.epochs if e.validation_correct is not None]
    record = replace(
        record_of(spec, environment, "completed", None, state),
        selected_epoch=counts.index(max(counts)) + 1 if counts else None,
        test_misses=_misses(spec, state, data),
        weights_sha256=weights_sha256(state.evaluated),
    )
    return Result(record, weights_bytes(state.evaluated))


def ended_by(
    error: Exception, spec: RunSpec, environment: Environment, state: State | None
) -> Result:
    """The record of a run that an error ended: it diverged or it failed.

    Raises:
        StoreError, OSError, MemoryError: the error itself, where it is trouble of this machine.
            The same run may end otherwise another time, and a record is for ever.
    """
    if isinstance(error, StoreError | OSError | MemoryError):
        raise error
    if isinstance(error, Diverged):
        return Result(record_of(spec, environment, "diverged", error.what, state), None)
    reason = in_one_line(error)
    return Result(record_of(spec, environment, "failed", reason, state), None)


def _misses(spec: RunSpec, state: State, data: DeviceData) -> list[tuple[int, int]] | None:
    """(test index, label given) of the wrong answers of the last weights."""
    if data.test is None:
        return None
    scores = score(state.scored, data.test, data.grey_levels, spec.numerics)
    given = scores.labels_given.cpu()
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
        **asdict(spec),
        key=spec.key,
        status=status,
        reason=reason,
        n_parameters=sum(parameter.numel() for parameter in parameters),
        environment=environment,
        epochs=epochs,
        selected_epoch=None,
        test_misses=None,
        weights_sha256=None,
        train_seconds=sum(epoch.train_seconds or 0.0 for epoch in epochs),
        finished_on=today(),
    )
