"""One run: `RunSpec` in, epochs and weights out.

The data lie on the device as uint8; a batch is gathered, augmented by integer gathers and
normalised through a table of 256 numbers, so the data path costs little and nothing in an epoch
waits for a number to come back from the device.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import TrainingError
from bench.spec import Architecture, Augmentation, Epoch, Numerics, Recipe, RunSpec
from bench.training import augment
from bench.training.augment.steps import Size
from bench.training.engine import optimizer as optimizers
from bench.training.engine.average import Average
from bench.training.engine.cpu import Rewritten, augmented
from bench.training.engine.data import DeviceData, memory_format, network_input
from bench.training.engine.device_optimizer import DeviceOptimizer
from bench.training.engine.evaluation import Evaluation, evaluate
from bench.training.engine.host_indices import Indexed
from bench.training.engine.network import initialised, tied_parameters
from bench.training.engine.schedule import Rates, rates
from bench.training.engine.settings import seed_global_generators
from bench.training.engine.streams import generator, stream_seed


class Diverged(TrainingError):
    """The loss stopped being a finite number."""


class Parted(TrainingError):
    """The move to another place or memory format has parted weights that the network ties."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(
            f"{' and '.join(names)} share their memory, and a copy of the network parts them",
            where="training",
            remedy="assign the parameter itself, such as `self.b.weight = self.a.weight`",
        )


@dataclass
class State:
    """What training changes; a checkpoint holds all of it but `trained` and `rates`."""

    network: nn.Module  # owns the parameters and buffers
    trained: nn.Module  # computes the training step on the network's parameters and buffers
    scored: nn.Module  # computes what `evaluated` computes
    optimizer: torch.optim.Optimizer
    rates: Rates  # by the step's index from the run's start
    average: Average | None
    epochs: list[Epoch] = field(default_factory=list)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is scored and recorded: the running average, where there is one."""
        return self.average.module if self.average else self.network


def start(architecture: Architecture, spec: RunSpec, device: torch.device) -> State:
    """A network with its seed's initial weights, its optimiser and the rates of every step."""
    network = initialised(architecture, spec.seed)
    tied = tied_parameters(network)
    network = network.to(device).to(memory_format=memory_format(spec.numerics))
    if tied_parameters(network) != tied:
        raise Parted(tied[0])
    every_rate = rates(spec.recipe, steps_of(spec))
    average = Average(network) if spec.recipe.ema_decay > 0 else None

    def computing(owner: nn.Module) -> nn.Module:
        if device.type == "cuda":
            return Indexed(owner, device)
        return Rewritten(owner) if spec.numerics.path == "fused" else owner

    trained = computing(network)
    return State(
        network=network,
        trained=trained,
        scored=computing(average.module) if average else trained,
        optimizer=_optimizer(spec, network, every_rate),
        rates=every_rate,
        average=average,
    )


def _optimizer(spec: RunSpec, network: nn.Module, every_rate: Rates) -> torch.optim.Optimizer:
    if spec.numerics.path == "graph":
        return DeviceOptimizer(spec.recipe, network, every_rate)
    return optimizers.build(spec.recipe, network)


def refresh_rates(state: State, spec: RunSpec) -> None:
    """Computes the rates of the steps to come again, where they depend on the epochs before.

    They are a function of the epochs that are recorded, so a resumed run gets the same.
    """
    if spec.recipe.schedule != "plateau":
        return
    state.rates = rates(spec.recipe, steps_of(spec), state.epochs)
    if isinstance(state.optimizer, DeviceOptimizer):
        state.optimizer.refresh(state.rates)


def steps_of(spec: RunSpec) -> int:
    """Steps of the whole run."""
    return spec.recipe.epochs * steps_per_epoch(spec.recipe, spec.n_train)


def steps_per_epoch(recipe: Recipe, n_train: int) -> int:
    """Batches an epoch, the short last one included."""
    return -(-n_train // recipe.batch_size)


def epochs_left(state: State, spec: RunSpec) -> range:
    """The numbers of the epochs that are still to be trained; they count from 1."""
    return range(len(state.epochs) + 1, spec.recipe.epochs + 1)


def run_epoch(state: State, data: DeviceData, spec: RunSpec, epoch: int) -> Epoch:
    """Trains one epoch, as the network is written or fused, and scores it; epochs count from 1."""
    started = time.perf_counter()
    training = _train_epoch(state, data, spec, epoch)
    seconds = time.perf_counter() - started
    grey, numerics = data.grey_levels, spec.numerics
    validation = (
        evaluate(state.scored, data.validation, grey, numerics) if data.validation else None
    )
    test = evaluate(state.scored, data.test, grey, numerics) if data.test else None
    return epoch_of(state, spec, epoch, (training, validation, test), seconds)


def epoch_of(
    state: State,
    spec: RunSpec,
    number: int,
    scores: tuple[Evaluation, Evaluation | None, Evaluation | None],
    train_seconds: float,
) -> Epoch:
    """The epoch's record, from its scores of training, validation and test; epochs count from 1.

    Raises:
        Diverged: a score's loss is not finite, though every step's was.
    """
    training, validation, test = scores
    n_steps = steps_per_epoch(spec.recipe, spec.n_train)
    last_step = number * n_steps - 1
    if not all(math.isfinite(score.loss) for score in scores if score):
        raise _diverged(f"in the evaluation after epoch {number}, step {n_steps}")
    return Epoch(
        epoch=number,
        learning_rate=float(state.rates.learning_rate[last_step]),
        train_loss=training.loss,
        train_correct=training.correct,
        validation_loss=validation.loss if validation else None,
        validation_correct=validation.correct if validation else None,
        test_loss=test.loss if test else None,
        test_correct=test.correct if test else None,
        train_seconds=train_seconds,
    )


def _train_epoch(state: State, data: DeviceData, spec: RunSpec, epoch: int) -> Evaluation:
    """Mean loss and exact count of correct answers over the epoch's training images."""
    refresh_rates(state, spec)
    device, n_train = data.train.images.device, spec.n_train
    order = torch.randperm(n_train, generator=generator(spec.seed, "order", epoch)).to(device)
    maps = maps_of(spec, data.size, epoch).to(device)
    dropout_seed = stream_seed(spec.seed, "dropout", epoch)
    seed_global_generators(dropout_seed)
    if isinstance(state.trained, Rewritten):
        state.trained.words.reseed(dropout_seed)
    n_steps = steps_per_epoch(spec.recipe, n_train)
    losses = torch.empty(n_steps, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    state.trained.train()
    for step, chosen in enumerate(order.split(spec.recipe.batch_size)):
        inputs, labels = _batch(data, maps, chosen, spec.numerics)
        loss, outputs = forward(state.trained, inputs, labels, spec.recipe.label_smoothing)
        descend(state, loss, (epoch - 1) * n_steps + step)
        losses[step] = loss.detach() * len(chosen)
        correct += (outputs.detach().argmax(dim=1) == labels).sum()
    require_finite(losses, epoch)
    return Evaluation(float(losses.sum(dtype=torch.float64)) / n_train, int(correct))


def maps_of(spec: RunSpec, size: Size, epoch: int) -> augment.Coefficients:
    """The epoch's draws for every training image of (height, width), on the host everywhere."""
    stream = generator(spec.seed, "augment", epoch)
    augmentation = augmentation_in(spec.recipe, epoch)
    return augment.drawn(augmentation, spec.n_train, size, stream)


def augmentation_in(recipe: Recipe, epoch: int) -> Augmentation:
    """The recipe's augmentation, or none in its last, unaugmented epochs; epochs count from 1."""
    augmented = epoch <= recipe.epochs - recipe.unaugmented_epochs
    return recipe.augmentation if augmented else Augmentation()


def _batch(
    data: DeviceData, maps: augment.Coefficients, chosen: Tensor, numerics: Numerics
) -> tuple[Tensor, Tensor]:
    """The chosen training images, augmented, normalised float32, and their labels (n,)."""
    labels = data.train.labels[chosen]
    if numerics.path == "fused":
        inputs = augmented(data.train.images, maps, chosen, data.grey_levels)
        if inputs is not None:
            return inputs, labels
    images = augment.apply(data.train.images[chosen], maps[chosen])
    return network_input(images, data.grey_levels, numerics), labels


def training_batch(data: DeviceData, spec: RunSpec) -> tuple[Tensor, Tensor]:
    """The first images of the training split as the first epoch's batch, and their labels (n,)."""
    chosen = torch.arange(min(spec.recipe.batch_size, spec.n_train))
    return _batch(data, maps_of(spec, data.size, 1), chosen, spec.numerics)


def forward(
    trained: nn.Module, inputs: Tensor, labels: Tensor, label_smoothing: float
) -> tuple[Tensor, Tensor]:
    """The mean loss () and the outputs (n, classes).

    Outputs are logits or log-probabilities: the latter are their own logarithmic softmax, so the
    loss is the same.
    """
    outputs = trained(inputs)
    return functional.cross_entropy(outputs, labels, label_smoothing=label_smoothing), outputs


def descend(state: State, loss: Tensor, index: int) -> None:
    """Moves the network, and its average, by the loss's gradients at the step of that index."""
    now = state.rates
    optimizers.set_rates(
        state.optimizer, float(now.learning_rate[index]), float(now.momentum[index])
    )
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    if state.average:
        state.average.update(float(now.average_weight[index]))


def require_finite(losses: Tensor, epoch: int) -> None:
    """Raises Diverged where one of the epoch's losses (n_steps,) is not a finite number."""
    broken = (~torch.isfinite(losses)).nonzero()
    if len(broken):
        raise _diverged(f"at epoch {epoch}, step {int(broken[0]) + 1}")


def _diverged(at: str) -> Diverged:
    """Epoch and step count from 1; the step is the epoch's."""
    return Diverged(
        f"loss is not finite {at}",
        where="training",
        remedy="lower the recipe's peak_learning_rate",
    )
