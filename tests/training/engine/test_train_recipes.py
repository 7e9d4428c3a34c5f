"""Every part of a recipe in a real run: against a plain loop of torch's own parts, and its bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load as read_weights
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import (
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
)

from bench.inputs.datasets import Dataset
from bench.inputs.recipes import Changes
from bench.spec import Architecture, Augmentation, Numerics, Recipe, RunSpec
from bench.training import provenance
from bench.training.engine import checkpoint
from bench.training.engine.run import Result, run
from bench.training.engine.streams import generator, stream_seed
from bench.training.engine.timing import seconds_per_epoch
from bench.training.engine.train import augmentation_in, start
from tests.training.engine.stepping import Kept

CPU = torch.device("cpu")
TURNED = Augmentation(rotation_degrees=30.0, scale_min=0.8, scale_max=1.2)
N_TRAIN, EPOCHS = 600, 3


class Tiny(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, stride=3, bias=False),  # BatchNorm would undo a bias
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Flatten(),
            nn.Linear(6 * 64, 10),
            nn.LogSoftmax(dim=1),
        )


def recipe(**fields: Any) -> Recipe:
    base: dict[str, Any] = {"peak_learning_rate": 0.01, "warmup_fraction": 0.0, "epochs": EPOCHS}
    return Recipe(**{**base, **fields})


def tiny(how: Recipe) -> Architecture:
    return Architecture(
        name="tiny",
        display_name="Tiny",
        group="",
        path=Path("tiny.py"),
        docstring="",
        source="",
        digest="tiny",
        recipe=how,
        components={},
        memory_format="contiguous_format",
        build=Tiny,
    )


def spec_of(how: Recipe, data: Dataset) -> RunSpec:
    return RunSpec(
        architecture="tiny",
        architecture_digest="tiny",
        recipe=how,
        seed=4,
        dataset=data.info,
        numerics=Numerics(memory_format="contiguous_format"),
    )


def train(how: Recipe, data: Dataset, kept: Kept | None = None) -> Result:
    environment = provenance.environment(CPU, "tests")
    result = run(tiny(how), spec_of(how, data), data, environment, kept or Kept())
    assert result.record.status == "completed", result.record.reason
    return result


@dataclass
class Plain:
    """A recipe said in torch's own words."""

    optimizer: Callable[[nn.Module], Optimizer]
    scheduler: Callable[[Optimizer, int], LRScheduler]  # number of steps
    smoothing: float = 0.0
    ema_decay: float = 0.0
    losses: list[float] = field(default_factory=list)  # mean training loss by epoch
    validation: float = 0.0
    rate: float = 0.0  # of the last step

    def fit(self, how: Recipe, data: Dataset) -> dict[str, Tensor]:
        torch.manual_seed(stream_seed(4, "init"))
        network = Tiny()
        optimizer = self.optimizer(network)
        batches = -(-N_TRAIN // how.batch_size)
        scheduler = self.scheduler(optimizer, batches * how.epochs)
        average = {name: value.clone() for name, value in network.state_dict().items()}
        t = 0
        for epoch in range(1, how.epochs + 1):
            order = torch.randperm(N_TRAIN, generator=generator(4, "order", epoch))
            torch.manual_seed(stream_seed(4, "dropout", epoch))
            network.train()
            total = 0.0
            for chosen in order.split(how.batch_size):
                loss = self.loss(network(pixels(data.train.images)[chosen]), chosen, data)
                optimizer.zero_grad()
                loss.backward()
                self.rate = optimizer.param_groups[0]["lr"]
                optimizer.step()
                t += 1
                if t < batches * how.epochs:
                    scheduler.step()
                total += loss.item() * len(chosen)
                self.follow(average, network, t)
            self.losses.append(total / N_TRAIN)
        with torch.no_grad():
            network.load_state_dict(average)
            outputs = network.eval()(pixels(data.validation.images))
        labels = torch.from_numpy(data.validation.labels)
        self.validation = -outputs[torch.arange(len(labels)), labels].mean().item()
        return average

    def loss(self, outputs: Tensor, chosen: Tensor, data: Dataset) -> Tensor:
        """Szegedy et al. 2016: a part of each label is spread evenly over the ten classes."""
        targets = torch.full_like(outputs, self.smoothing / 10)
        rows = torch.arange(len(chosen))
        targets[rows, torch.from_numpy(data.train.labels)[chosen]] += 1 - self.smoothing
        return -(targets * outputs).sum(dim=1).mean()

    def follow(self, average: dict[str, Tensor], network: nn.Module, t: int) -> None:
        decay = min(self.ema_decay, (1 + t) / (10 + t))
        for name, value in network.state_dict().items():
            kept = decay * average[name] + (1 - decay) * value
            average[name] = kept if value.is_floating_point() else value.clone()


def pixels(images: np.ndarray) -> Tensor:
    return ((torch.from_numpy(images) / 255 - 0.1307) / 0.3081).unsqueeze(1)


def split_groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    weights = [network[0].weight, network[5].weight]
    rest = [*network[1].parameters(), network[5].bias]
    return [{"params": weights, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def constant(optimizer: Optimizer, n_steps: int) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: 1.0)


def rise_and_fall(optimizer: Optimizer, n_steps: int) -> LRScheduler:
    """Linear over 3 of 15 steps from a quarter, then half a cosine to a tenth at step 14."""
    after = [0.55 + 0.45 * np.cos(np.pi * i / 11) for i in range(12)]
    return LambdaLR(optimizer, lambda step: [0.25, 0.5, 0.75, *after][step])


def one_cycle(optimizer: Optimizer, n_steps: int) -> LRScheduler:
    return OneCycleLR(optimizer, 0.01, total_steps=n_steps, pct_start=0.3)


CASES: dict[str, tuple[Recipe, Callable[[], Plain]]] = {
    "adamw, cosine, smoothed labels": (
        recipe(
            optimizer="adamw",
            weight_decay=0.1,
            schedule="cosine",
            warmup_fraction=0.2,
            div_factor=4.0,
            final_fraction=0.1,
            label_smoothing=0.2,
        ),
        lambda: Plain(
            lambda n: AdamW(n.parameters(), 0.01, weight_decay=0.1), rise_and_fall, smoothing=0.2
        ),
    ),
    "sgd, step, spared norms, batches of 100": (
        recipe(
            optimizer="sgd",
            weight_decay=0.05,
            decay_norm_and_bias=False,
            momentum=0.8,
            schedule="step",
            step_fractions=(0.5,),
            batch_size=100,
        ),
        lambda: Plain(
            lambda n: SGD(split_groups(n, 0.05), 0.01, 0.8, nesterov=True),
            lambda o, n: MultiStepLR(o, [9]),
        ),
    ),
    "sgd without Nesterov, falls by epochs": (
        recipe(optimizer="sgd", nesterov=False, schedule="step", step_size_epochs=1),
        lambda: Plain(
            lambda n: SGD(n.parameters(), 0.01, 0.9), lambda o, n: MultiStepLR(o, [5, 10])
        ),
    ),
    "rmsprop, a table of epochs": (
        recipe(
            optimizer="rmsprop",
            momentum=0.0,
            schedule="table",
            learning_rate_table=((1, 0.01), (3, 0.002)),
        ),
        lambda: Plain(
            lambda n: RMSprop(n.parameters(), 0.01), lambda o, n: MultiStepLR(o, [10], 0.2)
        ),
    ),
    "sgd, one cycle": (
        recipe(optimizer="sgd", warmup_fraction=0.3, batch_size=64),
        lambda: Plain(lambda n: SGD(n.parameters(), 0.01, 0.9, nesterov=True), one_cycle),
    ),
    "adam, a running average": (
        recipe(schedule="linear", final_fraction=0.99, ema_decay=0.5),
        lambda: Plain(
            lambda n: Adam(n.parameters(), 0.01),
            lambda o, n: LambdaLR(o, lambda step: 1 - 0.01 * step / 14),
            ema_decay=0.5,
        ),
    ),
    "adam, constant, a long running average": (
        recipe(schedule="linear", final_fraction=0.9999999, ema_decay=0.99),
        lambda: Plain(lambda n: Adam(n.parameters(), 0.01), constant, ema_decay=0.99),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_is_what_torch_does_with_its_own_parts(name: str, small_data: Dataset) -> None:
    how, make = CASES[name]
    plain = make()
    expected = plain.fit(how, small_data)
    result = train(how, small_data)
    epochs = result.record.epochs
    assert [e.train_loss for e in epochs] == pytest.approx(plain.losses, rel=1e-5)
    assert epochs[-1].learning_rate == pytest.approx(plain.rate, rel=1e-6)
    # Unsmoothed, of the running average where there is one.
    assert epochs[-1].validation_loss == pytest.approx(plain.validation, rel=1e-5)
    assert result.weights is not None
    found = read_weights(result.weights)
    assert found.keys() == expected.keys()
    for part, value in expected.items():
        assert torch.allclose(found[part], value, rtol=1e-4, atol=1e-5), part


# Each epoch is no progress by so much, so the learning rate falls after the second and the third.
PLATEAU = recipe(
    optimizer="sgd", schedule="plateau", plateau_patience=0, plateau_threshold=0.99, epochs=4
)


def test_plateau_falls_by_what_this_run_measured(small_data: Dataset) -> None:
    optimizer = SGD(Tiny().parameters(), 0.01)
    scheduler = ReduceLROnPlateau(optimizer, patience=0, threshold=0.99)
    found = train(PLATEAU, small_data).record.epochs
    for epoch in found:
        assert epoch.learning_rate == optimizer.param_groups[0]["lr"]
        scheduler.step(epoch.validation_loss)
    assert [each.learning_rate for each in found] == pytest.approx([0.01, 0.01, 0.001, 0.0001])


RESUMED = {"plateau": PLATEAU, **{name: how for name, (how, _) in CASES.items()}}


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_ends_with_the_bits_of_an_undisturbed_one(
    name: str, small_data: Dataset
) -> None:
    how = RESUMED[name]
    kept = Kept()
    whole = train(how, small_data, kept).record
    for content in kept.written:
        interrupted = Kept(content)
        resumed = train(how, small_data, interrupted).record
        assert interrupted.reasons == []
        assert resumed.weights_sha256 == whole.weights_sha256
        assert resumed.test_misses == whole.test_misses
        assert without_seconds(resumed) == without_seconds(whole)


def without_seconds(record: Any) -> list[Any]:
    return [replace(epoch, train_seconds=0.0) for epoch in record.epochs]


def test_an_average_changes_what_is_evaluated_and_nothing_that_is_trained(
    small_data: Dataset,
) -> None:
    plain, averaged = (train(recipe(ema_decay=d), small_data).record for d in (0.0, 0.9))
    assert [e.train_loss for e in plain.epochs] == [e.train_loss for e in averaged.epochs]
    assert [e.train_correct for e in plain.epochs] == [e.train_correct for e in averaged.epochs]
    assert plain.epochs[0].validation_loss != averaged.epochs[0].validation_loss
    assert plain.weights_sha256 != averaged.weights_sha256
    assert plain.n_parameters == averaged.n_parameters


def test_a_checkpoint_without_the_average_is_refused(small_data: Dataset) -> None:
    plain, averaged = recipe(), recipe(ema_decay=0.9)
    content = checkpoint.encode(start(tiny(plain), spec_of(plain, small_data), CPU), "k", "e")
    state = start(tiny(averaged), spec_of(averaged, small_data), CPU)
    with pytest.raises(checkpoint.Unusable, match="does not fit"):
        checkpoint.restore(state, content, "k", "e")


def test_smoothed_labels_are_in_the_training_loss_alone(small_data: Dataset) -> None:
    first = train(recipe(label_smoothing=0.3, peak_learning_rate=1e-9), small_data).record
    second = train(recipe(peak_learning_rate=1e-9), small_data).record
    assert first.epochs[0].train_loss != pytest.approx(second.epochs[0].train_loss, rel=1e-3)
    # At this learning rate both hold their initial weights, so an equal measure is equal.
    assert first.epochs[0].validation_loss == pytest.approx(
        second.epochs[0].validation_loss, rel=1e-4
    )


def test_the_last_epochs_are_without_augmentation() -> None:
    how = recipe(epochs=5, unaugmented_epochs=2, augmentation=TURNED)
    used = [augmentation_in(how, epoch) for epoch in range(1, 6)]
    assert used == [TURNED] * 3 + [Augmentation()] * 2


def test_unaugmented_epochs_train_on_the_images_as_they_are(small_data: Dataset) -> None:
    none, all_of_them, some, last = (
        train(how, small_data).record
        for how in (
            recipe(),
            recipe(augmentation=TURNED, unaugmented_epochs=EPOCHS),
            recipe(augmentation=TURNED),
            recipe(augmentation=TURNED, unaugmented_epochs=1),
        )
    )
    assert all_of_them.weights_sha256 == none.weights_sha256
    losses = [[e.train_loss for e in record.epochs] for record in (some, last)]
    assert losses[0][:2] == losses[1][:2]
    assert losses[0][2] != losses[1][2]


def test_augmentation_draws_leave_order_initial_weights_and_dropout_as_they_were(
    small_data: Dataset,
) -> None:
    # Turns too small to move a pixel: they are drawn for every image, and change no image.
    unmoving = Augmentation(rotation_degrees=1e-9)
    drawn = train(recipe(augmentation=unmoving), small_data).record
    undrawn = train(recipe(), small_data).record
    assert drawn.weights_sha256 == undrawn.weights_sha256
    assert without_seconds(drawn) == without_seconds(undrawn)
    assert drawn.key != undrawn.key


@pytest.mark.parametrize("batch_size", [7, 600, 5000])
def test_any_batch_size_sees_every_image_once_an_epoch(
    batch_size: int, small_data: Dataset
) -> None:
    record = train(recipe(batch_size=batch_size, epochs=1), small_data).record
    assert 0 < record.epochs[0].train_correct <= N_TRAIN


def test_a_short_trial_takes_any_recipe(small_data: Dataset) -> None:
    for how, _ in CASES.values():
        longest = replace(how, epochs=40, unaugmented_epochs=30)
        spec = spec_of(longest, small_data)
        assert seconds_per_epoch(tiny(longest), spec, small_data, CPU) > 0


def test_fewer_epochs_than_the_recipe_leaves_unaugmented_still_train(small_data: Dataset) -> None:
    how = recipe(epochs=9, unaugmented_epochs=3, augmentation=TURNED, ema_decay=0.9)
    short = Changes(epochs=2).applied(how)
    assert (short.epochs, short.unaugmented_epochs) == (2, 2)
    assert len(train(short, small_data).record.epochs) == 2
