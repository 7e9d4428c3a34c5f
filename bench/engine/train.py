"""One run: `RunSpec` in, epochs and weights out.

The data lie on the device as uint8; a batch is gathered, augmented by integer gathers and
normalised through a table of 256 numbers, so the data path costs little and nothing in an epoch
waits for a number to come back from the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench import augment
from bench.datasets import Dataset, Split
from bench.engine.network import initialised
from bench.engine.streams import generator, stream_seed
from bench.errors import TrainingError
from bench.spec import Architecture, Epoch, Numerics, Recipe, RunSpec

EVALUATION_BATCH = 1000  # images; decides no bits of the weights


class Diverged(TrainingError):
    """The loss stopped being a finite number."""


@dataclass(frozen=True)
class DeviceSplit:
    """One part of a data set on the device."""

    images: Tensor  # (n, 28, 28) uint8
    labels: Tensor  # (n,) int64


@dataclass(frozen=True)
class DeviceData:
    """A data set on the device; `test` is None for a run that must not look at it."""

    train: DeviceSplit
    validation: DeviceSplit
    test: DeviceSplit | None
    grey_levels: Tensor  # (256,) float32: the normalised value of each grey level


@dataclass
class State:
    """What training changes, and all that a checkpoint must hold."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.OneCycleLR
    epochs: list[Epoch] = field(default_factory=list)


def prepare(dataset: Dataset, spec: RunSpec, device: torch.device) -> DeviceData:
    """Moves a data set to the device."""
    grey = torch.arange(256, dtype=torch.float32).div(
        255
    )  # ToTensor's arithmetic, then Normalize's
    grey = grey.sub(spec.recipe.pixel_mean).div(spec.recipe.pixel_std)
    return DeviceData(
        train=_on_device(dataset.train, device),
        validation=_on_device(dataset.validation, device),
        test=_on_device(dataset.test, device) if spec.evaluate_test else None,
        grey_levels=grey.to(device),
    )


def _on_device(split: Split, device: torch.device) -> DeviceSplit:
    images = torch.from_numpy(split.images).to(device)
    return DeviceSplit(images, torch.from_numpy(split.labels).to(device))


def start(architecture: Architecture, spec: RunSpec, device: torch.device) -> State:
    """A network with its seed's initial weights, its optimiser and its schedule."""
    network = initialised(architecture, spec.seed)
    network = network.to(device)
    network = network.to(memory_format=_memory_format(spec.numerics))
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=spec.recipe.peak_learning_rate,
        weight_decay=spec.recipe.weight_decay,
        fused=True,
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=spec.recipe.peak_learning_rate,
        total_steps=spec.recipe.epochs * steps_per_epoch(spec.recipe, spec.dataset.n_train),
        pct_start=spec.recipe.warmup_fraction,
    )
    return State(network, optimizer, scheduler)


def steps_per_epoch(recipe: Recipe, n_train: int) -> int:
    """Batches an epoch, the short last one included."""
    return -(-n_train // recipe.batch_size)


def train(
    state: State,
    data: DeviceData,
    spec: RunSpec,
    on_epoch: Callable[[State], None] = lambda state: None,
) -> None:
    """Trains from the state's last epoch to the recipe's end.

    Args:
        state: Fresh from `start`, or restored from a checkpoint; changed in place.
        data: The data set on the network's device.
        spec: The run.
        on_epoch: Called after every epoch.

    Raises:
        Diverged: the loss is not finite; names the epoch and the step.
    """
    for epoch in range(len(state.epochs) + 1, spec.recipe.epochs + 1):
        state.epochs.append(_run_epoch(state, data, spec, epoch))
        on_epoch(state)


def _run_epoch(state: State, data: DeviceData, spec: RunSpec, epoch: int) -> Epoch:
    started = time.perf_counter()
    train_loss, train_correct = _train_epoch(state, data, spec, epoch)
    train_seconds = time.perf_counter() - started
    validation = evaluate(state.network, data.validation, data.grey_levels, spec.numerics)
    test = data.test and evaluate(state.network, data.test, data.grey_levels, spec.numerics)
    return Epoch(
        epoch=epoch,
        learning_rate=float(state.scheduler.get_last_lr()[0]),
        train_loss=train_loss,
        train_correct=train_correct,
        validation_loss=validation.loss,
        validation_correct=validation.correct,
        test_loss=test.loss if test else None,
        test_correct=test.correct if test else None,
        train_seconds=train_seconds,
    )


def _train_epoch(state: State, data: DeviceData, spec: RunSpec, epoch: int) -> tuple[float, int]:
    """Mean loss and exact count of correct answers over the augmented training images."""
    device, n_train = data.train.images.device, spec.dataset.n_train
    order = torch.randperm(n_train, generator=generator(spec.seed, "order", epoch)).to(device)
    coefficients = _augmentation_of(data, spec, epoch).to(device)
    torch.manual_seed(stream_seed(spec.seed, "dropout", epoch))
    losses = torch.empty(steps_per_epoch(spec.recipe, n_train), device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    state.network.train()
    for step, chosen in enumerate(order.split(spec.recipe.batch_size)):
        if epoch > 1 or step > 0:
            state.scheduler.step()
        images = augment.apply(data.train.images[chosen], coefficients[chosen])
        labels = data.train.labels[chosen]
        inputs = _network_input(images, data.grey_levels, spec.numerics)
        loss, outputs = _step(state, inputs, labels)
        losses[step] = loss * len(chosen)
        correct += (outputs.argmax(dim=1) == labels).sum()
    _require_finite(losses, epoch)
    return float(losses.sum(dtype=torch.float64)) / n_train, int(correct)


def _augmentation_of(data: DeviceData, spec: RunSpec, epoch: int) -> augment.Coefficients:
    """This epoch's draws for every training image, made on the host for every device."""
    n_train, height, width = data.train.images.shape
    stream = generator(spec.seed, "augment", epoch)
    draws = augment.draw(spec.recipe.augmentation, n_train, (height, width), stream)
    return augment.coefficients(draws, (height, width))


def _step(state: State, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the optimiser; returns the mean loss () and the outputs (n, 10), detached."""
    outputs = state.network(inputs)
    loss = functional.cross_entropy(outputs, labels)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    return loss.detach(), outputs.detach()


def _require_finite(losses: Tensor, epoch: int) -> None:
    broken = (~torch.isfinite(losses)).nonzero()
    if len(broken):
        raise Diverged(
            f"loss is not finite at epoch {epoch}, step {int(broken[0]) + 1}",
            where="training",
            remedy="lower the recipe's peak_learning_rate",
        )


@dataclass(frozen=True)
class Evaluation:
    """Scores of one split."""

    loss: float  # mean over images
    correct: int
    labels_given: Tensor  # (n,) int64, on the host


@torch.inference_mode()
def evaluate(
    network: nn.Module, split: DeviceSplit, grey_levels: Tensor, numerics: Numerics
) -> Evaluation:
    """Scores a split with the network in evaluation mode, without augmentation."""
    network.eval()
    outputs = torch.cat(
        [
            network(_network_input(images, grey_levels, numerics))
            for images in split.images.split(EVALUATION_BATCH)
        ]
    )  # (n, 10)
    given = outputs.argmax(dim=1)
    return Evaluation(
        loss=float(functional.cross_entropy(outputs, split.labels)),
        correct=int((given == split.labels).sum()),
        labels_given=given.cpu(),
    )


def _network_input(images: Tensor, grey_levels: Tensor, numerics: Numerics) -> Tensor:
    """(n, 28, 28) uint8 -> (n, 1, 28, 28) normalised float32."""
    values = grey_levels[images.int()].unsqueeze(1)
    return values.contiguous(memory_format=_memory_format(numerics))


def _memory_format(numerics: Numerics) -> torch.memory_format:
    chosen = {"channels_last": torch.channels_last, "contiguous_format": torch.contiguous_format}
    return chosen[numerics.memory_format]
