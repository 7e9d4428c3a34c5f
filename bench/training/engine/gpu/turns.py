"""Training in turns: one process advances many runs by handing each a turn after the other.

A GPU is trained on this way: while one run's kernels compute, another run's are launched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

from bench.spec import Architecture, Environment, Epoch, RunSpec
from bench.training import augment
from bench.training.augment.steps import Size
from bench.training.engine import checkpoint
from bench.training.engine.data import DeviceData
from bench.training.engine.gpu.graphs import Steps
from bench.training.engine.gpu.slots import Slot, Slots
from bench.training.engine.run import CheckpointFile, Result, completed, ended_by, resumed
from bench.training.engine.train import State, epochs_left, maps_of

# What a turn did: it trained, it found nothing to do before something else is ready, it ended an
# epoch.
Turn = Literal["trained", "waited", "epoch"]
# The maps of an epoch, computed meanwhile: (run, the images' (height, width), epoch from 1).
Ahead = Callable[[RunSpec, Size, int], "Future[augment.Coefficients]"]

STEPS_A_TURN = 16


def at_once(spec: RunSpec, size: Size, epoch: int) -> Future[augment.Coefficients]:
    """The maps of an epoch, computed here and now."""
    done: Future[augment.Coefficients] = Future()
    done.set_result(maps_of(spec, size, epoch))
    return done


@dataclass(frozen=True)
class TrainingContext:
    """What the process gives each run that it trains."""

    ahead: Ahead = at_once
    seconds_between_checkpoints: float = 0.0  # 0: after every epoch
    slots: Slots | None = None  # None: the run makes one of its own


def run_in_turns(
    architecture: Architecture,
    spec: RunSpec,
    data: Callable[[], DeviceData],
    environment: Environment,
    kept: CheckpointFile,
    context: TrainingContext,
) -> Generator[Turn | Epoch, None, Result]:
    """What `bench.training.engine.run.run` does, in turns; yields each epoch as it ends.

    Args:
        architecture, environment, kept: As in `run`.
        spec: Everything that decides the bits; the caller has set its numerics.
        data: Gives the data set on the device.
        context: What the process gives the run.

    Raises:
        StoreError, OSError, MemoryError: trouble of this machine, see `ended_by`.
    """
    state: State | None = None
    written = time.monotonic()
    try:
        on_device = data()
        state = resumed(architecture, spec, environment, kept)
        for turn in train_in_turns(state, on_device, spec, context.ahead, context.slots):
            if turn != "epoch":
                yield turn
                continue
            is_due = time.monotonic() - written >= context.seconds_between_checkpoints
            if is_due and state.epochs[-1].epoch < spec.recipe.epochs:
                kept.write(checkpoint.encode(state, spec.key, environment.fingerprint))
                written = time.monotonic()
            yield state.epochs[-1]
        return completed(spec, environment, state, on_device)
    except Exception as error:
        return ended_by(error, spec, environment, state)


def train_in_turns(
    state: State,
    data: DeviceData,
    spec: RunSpec,
    ahead: Ahead = at_once,
    slots: Slots | None = None,
) -> Iterator[Turn]:
    """Trains from the state's last epoch to the recipe's end, a turn at each `next`.

    The bits do not depend on what happens between two turns.

    Args:
        state: Fresh from `start`, or restored from a checkpoint; changed in place.
        data: The data set on the network's device.
        spec: The run; its path is eager or graph.
        ahead: Prepares an epoch's augmentation while the one before it trains.
        slots: What runs on this device hand on; None for a run that has no neighbours.

    Raises:
        Diverged: the loss is not finite; names the epoch and the step.
    """
    is_captured = spec.numerics.path == "graph" and data.train.images.device.type == "cuda"
    yield from in_steps(state, data, spec, ahead, capture=is_captured, slots=slots)


def in_steps(
    state: State,
    data: DeviceData,
    spec: RunSpec,
    ahead: Ahead = at_once,
    *,
    capture: bool,
    slots: Slots | None = None,
) -> Iterator[Turn]:
    """The same by `Steps`.

    Args:
        state, data, spec, ahead, slots: As in `train_in_turns`.
        capture: Whether its steps are captured; the state's optimiser is on the device then.
    """
    epochs = epochs_left(state, spec)
    if not epochs:
        return
    waiting = ahead(spec, data.size, epochs[0])
    with (slots or Slots(data.train.images.device)).lent() as slot:
        with slot.current():
            steps = Steps(state, data, spec, capture, slot.pool() if capture else None)
        for epoch in epochs:
            while not waiting.done():
                yield "waited"
            with slot.current():
                steps.begin(epoch, waiting.result())
            if epoch < spec.recipe.epochs:
                waiting = ahead(spec, data.size, epoch + 1)
            yield from _epoch(steps, slot)


def _epoch(steps: Steps, slot: Slot) -> Iterator[Turn]:
    """The epoch that has begun, to its end."""
    are_left = True
    while are_left:
        with slot.current():
            are_left = steps.advance(STEPS_A_TURN)
        yield "trained"
    with slot.current():
        steps.evaluate()
    while not steps.is_done():
        yield "waited"
    steps.finish()
    yield "epoch"
