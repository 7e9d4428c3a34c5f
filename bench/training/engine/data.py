"""A data set on the device, and the batches that a network reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import TrainingError
from bench.inputs.datasets import Dataset, Split
from bench.spec import Numerics, Recipe, RunSpec
from bench.training.augment.steps import Size
from bench.training.engine.cpu import looked_up

NORMALISATION = ("pixel_mean", "pixel_std")  # fields of a recipe


@dataclass(frozen=True)
class DeviceSplit:
    """One part of a data set on the device."""

    images: Tensor  # (n, height, width) grey, else (n, channels, height, width); uint8
    labels: Tensor  # (n,) int64


@dataclass(frozen=True)
class DeviceData:
    """A data set on the device."""

    train: DeviceSplit
    validation: DeviceSplit | None  # None where the data set has no validation images
    test: DeviceSplit | None  # None for a run that must not look at it
    # The normalised value of each level, float32: (256,) of grey images, else (channels, 256).
    grey_levels: Tensor

    @property
    def size(self) -> Size:
        """The images' (height, width)."""
        height, width = self.train.images.shape[-2:]
        return height, width


def prepare(dataset: Dataset, spec: RunSpec, device: torch.device) -> DeviceData:
    """Moves a data set to the device.

    Raises:
        TrainingError: the recipe has a mean or a deviation for another number of channels.
    """
    return DeviceData(
        train=on_device(dataset.train, device),
        validation=on_device(dataset.validation, device) if len(dataset.validation) else None,
        test=on_device(dataset.test, device) if spec.evaluate_test else None,
        grey_levels=grey_levels(spec.recipe, spec.dataset.known_shape[0]).to(device),
    )


def grey_levels(recipe: Recipe, n_channels: int) -> Tensor:
    """The normalised value of each level, float32: (256,) of grey images, else (channels, 256).

    Raises:
        TrainingError: as `prepare`.
    """
    # ToTensor's arithmetic, then Normalize's.
    levels = torch.arange(256, dtype=torch.float32).div(255).expand(n_channels, 256)
    mean, std = (of_channels(recipe, field, n_channels) for field in NORMALISATION)
    levels = levels.sub(torch.tensor(mean)[:, None]).div(torch.tensor(std)[:, None])
    return levels[0] if n_channels == 1 else levels


def of_channels(recipe: Recipe, field: str, n_channels: int) -> tuple[float, ...]:
    """The field's number for each channel.

    Raises:
        TrainingError: the recipe gives another number of them.
    """
    value = getattr(recipe, field)
    values: tuple[float, ...] = value if isinstance(value, tuple) else (value,) * n_channels
    if len(values) != n_channels:
        raise TrainingError(
            f"{field} has {len(values)} numbers, the images have {n_channels} channels",
            where="the recipe",
            remedy="give one number, or one for each channel",
        )
    return values


def on_device(split: Split, device: torch.device) -> DeviceSplit:
    """The part on the device."""
    images = torch.from_numpy(split.images).to(device)
    return DeviceSplit(images, torch.from_numpy(split.labels).to(device))


def network_input(images: Tensor, grey_levels: Tensor, numerics: Numerics) -> Tensor:
    """A split's images (n, ...) uint8 -> (n, channels, height, width) normalised float32."""
    if images.dim() == 4:
        n_channels, n_levels = grey_levels.shape
        first = torch.arange(0, n_channels * n_levels, n_levels, device=images.device)
        values = grey_levels.flatten()[images.int() + first.int()[:, None, None]]
    elif numerics.path == "fused":
        values = looked_up(images, grey_levels)
    else:
        values = grey_levels[images.int()].unsqueeze(1)
    return values.contiguous(memory_format=memory_format(numerics))


def memory_format(numerics: Numerics) -> torch.memory_format:
    """torch's object of that name."""
    found: torch.memory_format = getattr(torch, numerics.memory_format)
    return found
