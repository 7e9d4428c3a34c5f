"""Images as a network reads them: each channel by its own table of levels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torchvision import transforms

from bench.errors import TrainingError
from bench.inputs.image_data import Dataset, Split
from bench.spec import DatasetInfo, Numerics, Recipe, RunSpec
from bench.training.engine.data import network_input, prepare

CPU = torch.device("cpu")
RECIPE = Recipe(
    peak_learning_rate=0.1,
    warmup_fraction=0.0,
    pixel_mean=(0.4914, 0.4822, 0.4465),
    pixel_std=(0.2470, 0.2435, 0.2616),
)


def colour_data(n_validation: int = 2) -> Dataset:
    draw = np.random.default_rng(0)

    def split(n: int) -> Split:
        images = draw.integers(256, size=(n, 3, 5, 4), dtype=np.uint8)
        return Split(images, draw.integers(7, size=n))

    info = DatasetInfo(
        name="made_up",
        digest="0",
        n_train=6,
        n_validation=n_validation,
        n_test=3,
        split_seed=0,
        shape=(3, 5, 4),
        n_classes=7,
    )
    return Dataset(info=info, train=split(6), validation=split(n_validation), test=split(3))


def spec_of(dataset: Dataset, recipe: Recipe = RECIPE, path: str = "eager") -> RunSpec:
    return RunSpec(
        architecture="net",
        architecture_digest="0",
        recipe=recipe,
        seed=0,
        dataset=dataset.info,
        numerics=Numerics(memory_format="channels_last", path=path),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("path", ["eager", "fused"])
def test_each_channel_is_normalised_as_torchvision_does(path: str) -> None:
    dataset = colour_data()
    spec = spec_of(dataset, path=path)
    data = prepare(dataset, spec, CPU)
    assert data.size == (5, 4)
    found = network_input(data.train.images, data.grey_levels, spec.numerics)
    theirs = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(RECIPE.pixel_mean, RECIPE.pixel_std)]
    )
    expected = torch.stack([theirs(each.transpose(1, 2, 0)) for each in dataset.train.images])
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_one_number_stands_for_every_channel() -> None:
    dataset = colour_data()
    one = prepare(dataset, spec_of(dataset, replace(RECIPE, pixel_mean=0.5, pixel_std=0.2)), CPU)
    three = replace(RECIPE, pixel_mean=(0.5,) * 3, pixel_std=(0.2,) * 3)
    assert torch.equal(one.grey_levels, prepare(dataset, spec_of(dataset, three), CPU).grey_levels)


def test_another_number_of_channels_is_refused() -> None:
    dataset = colour_data()
    with pytest.raises(TrainingError, match="pixel_std has 2 numbers, the images have 3 channels"):
        prepare(dataset, spec_of(dataset, replace(RECIPE, pixel_std=(0.1, 0.2))), CPU)


def test_no_validation_is_none() -> None:
    dataset = colour_data(n_validation=0)
    assert prepare(dataset, spec_of(dataset), CPU).validation is None
