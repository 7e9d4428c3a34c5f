"""Images in colour on every path: the same data reach the network, and the bits come again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from bench.inputs import discover
from bench.inputs.image_data import Dataset, Split
from bench.spec import Architecture, Augmentation, DatasetInfo, EnginePath, RunSpec
from bench.training.engine import cpu
from bench.training.engine.gpu.capturing import attempt
from bench.training.engine.settings import numerics_of
from bench.training.engine.timing import seconds_per_epoch
from tests.support import write_architecture
from tests.training.engine.stepping import CPU, Kept, by_steps, digest, measured, spec_of, trained

SOURCE = '''
"""A network for colour images."""
from torch import nn
from bench.spec import Recipe

INPUT = (3, 12, 10)
CLASSES = 5
RECIPE = Recipe(
    peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=32,
    pixel_mean=(0.5, 0.4, 0.3), pixel_std=(0.2, 0.25, 0.3),
)

class Network(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(2), nn.Dropout(0.1), nn.Conv2d(8, 8, 3, padding=1),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
        )
'''
EVERYTHING = Augmentation(
    rotation_degrees=10.0,
    translate=0.1,
    crop_padding=2,
    flip_probability=0.5,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erasing_probability=0.5,
    erasing_fill=(100, 110, 120),
)


@pytest.fixture
def network(tmp_path: Path) -> Architecture:
    path = write_architecture(tmp_path, "colours", SOURCE)
    return discover.load(discover.Found("colours", "", path))


def colour_data(n_validation: int = 50) -> Dataset:
    draw = np.random.default_rng(1)

    def split(n: int) -> Split:
        labels = draw.integers(5, size=n)
        images = draw.integers(200, size=(n, 3, 12, 10), dtype=np.uint8)
        images[:, 0] += (10 * labels[:, None, None]).astype(np.uint8)
        return Split(images, labels)

    info = DatasetInfo(
        name="colours",
        digest="0",
        n_train=210,
        n_validation=n_validation,
        n_test=60,
        split_seed=0,
        shape=(3, 12, 10),
        n_classes=5,
    )
    return Dataset(info=info, train=split(210), validation=split(n_validation), test=split(60))


def spec(network: Architecture, data: Dataset, path: EnginePath) -> RunSpec:
    found = spec_of(network, data, path)
    return replace(found, recipe=replace(found.recipe, augmentation=EVERYTHING))


@pytest.mark.parametrize("n_validation", [50, 0])
def test_every_path_trains_alike(network: Architecture, n_validation: int) -> None:
    data = colour_data(n_validation)
    assert cpu.refusal(network) is None
    plain_spec = spec(network, data, "eager")
    plain = trained(network, plain_spec, data).record
    with numerics_of(plain_spec.numerics, CPU):
        state = by_steps(network, plain_spec, data)
    assert digest(state) == plain.weights_sha256
    assert measured(state.epochs) == measured(plain.epochs)
    for path in ("fused", "graph"):
        kept = Kept()
        whole = trained(network, spec(network, data, path), data, kept).record
        again = trained(network, spec(network, data, path), data, Kept(kept.written[1])).record
        assert again.weights_sha256 == whole.weights_sha256
        assert (whole.selected_epoch is None) == (n_validation == 0)
        # Dropout has other streams on each path, so losses are near and not equal.
        assert whole.epochs[-1].train_loss == pytest.approx(plain.epochs[-1].train_loss, rel=0.05)


def test_the_trial_of_a_capture_takes_the_networks_input(network: Architecture) -> None:
    trial = attempt(network, torch.device("cpu"))
    assert trial.succeeded, trial


def test_an_epoch_is_timed(network: Architecture) -> None:
    data = colour_data(0)
    assert seconds_per_epoch(network, spec(network, data, "fused"), data, CPU) > 0
