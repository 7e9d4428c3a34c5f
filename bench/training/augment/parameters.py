"""What is drawn for every image, from torchvision's distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation

Interpolation = Literal["nearest", "bilinear"]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Parameters:
    """What was drawn for each of n images: arrays of shape (n,)."""

    angle: Doubles  # degrees, counter-clockwise
    translate_x: Integers  # pixels, to the right
    translate_y: Integers  # pixels, down
    scale: Doubles  # above 1 enlarges
    shear: Doubles  # degrees, along x
    interpolation: Interpolation = "nearest"  # of all images

    def __len__(self) -> int:
        return len(self.angle)

    @property
    def identity(self) -> bool:
        """Whether every image stays as it is."""
        still = (self.angle, self.translate_x, self.translate_y, self.shear)
        return not any(values.any() for values in still) and bool((self.scale == 1.0).all())


def draw(
    augmentation: Augmentation, n_images: int, size: tuple[int, int], generator: torch.Generator
) -> Parameters:
    """Draws every image's parameters from torchvision's distributions.

    Uniform in float32; translations are rounded to whole pixels, halves to even. A part that is
    switched off draws nothing. With all parts on, one image takes the very numbers that
    torchvision's `RandomAffine.get_params` takes from a stream.

    Args:
        augmentation: The ranges.
        n_images: How many images.
        size: The images' (height, width).
        generator: The random stream, on the CPU; the global one is not touched.

    Raises:
        TrainingError: The scale's range is empty.
    """
    height, width = size
    _check_scale(augmentation)

    def uniform(low: float, high: float, off: float) -> Doubles:
        values = torch.full((n_images,), off)
        if (low, high) != (off, off):
            values.uniform_(low, high, generator=generator)
        return values.double().numpy()

    def symmetric(limit: float) -> Doubles:
        return uniform(-limit, limit, 0.0)

    angle = symmetric(augmentation.rotation_degrees)
    translate_x = np.rint(symmetric(augmentation.translate * width)).astype(np.int64)
    translate_y = np.rint(symmetric(augmentation.translate * height)).astype(np.int64)
    scale = uniform(augmentation.scale_min, augmentation.scale_max, 1.0)
    shear = symmetric(augmentation.shear_degrees)
    turns = chosen(augmentation.rotation_probability, n_images, generator).numpy()
    moves = chosen(augmentation.affine_probability, n_images, generator).numpy()
    return Parameters(
        angle=np.where(turns, angle, 0.0),
        translate_x=translate_x * moves,
        translate_y=translate_y * moves,
        scale=np.where(moves, scale, 1.0),
        shear=np.where(moves, shear, 0.0),
        interpolation=augmentation.interpolation,
    )


def chosen(probability: float, n_images: int, generator: torch.Generator) -> Tensor:
    """Which of n images a part is applied to, (n,) bool; a certain part draws nothing."""
    if probability == 1:
        return torch.ones(n_images, dtype=torch.bool)
    return torch.rand(n_images, generator=generator) < probability


def _check_scale(augmentation: Augmentation) -> None:
    low, high = augmentation.scale_min, augmentation.scale_max
    if low > high:
        raise TrainingError(
            f"scale_min {low:g} is above scale_max {high:g}",
            where="the recipe's augmentation",
            remedy="give scale_max a value of at least scale_min",
        )
