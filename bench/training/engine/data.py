"""A data set on the device, and the batches that a network reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.inputs.datasets import Dataset, Split
from bench.spec import Numerics, RunSpec
from bench.training.augment.steps import Size
from bench.training.engine.cpu import looked_up


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

    @property
    def size(self) -> Size:
        """The images' (height, width)."""
        _, height, width = self.train.images.shape
        return height, width


def prepare(dataset: Dataset, spec: RunSpec, device: torch.device) -> DeviceData:
    """Moves a data set to the device."""
    # ToTensor's arithmetic, then Normalize's.
    grey = torch.arange(256, dtype=torch.float32).div(255)
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


def network_input(images: Tensor, grey_levels: Tensor, numerics: Numerics) -> Tensor:
    """(n, 28, 28) uint8 -> (n, 1, 28, 28) normalised float32."""
    if numerics.path == "fused":
        values = looked_up(images, grey_levels)
    else:
        values = grey_levels[images.int()].unsqueeze(1)
    return values.contiguous(memory_format=memory_format(numerics))


def memory_format(numerics: Numerics) -> torch.memory_format:
    """torch's object of that name."""
    found: torch.memory_format = getattr(torch, numerics.memory_format)
    return found
