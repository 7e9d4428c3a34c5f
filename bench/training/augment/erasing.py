"""A rectangle of each image filled with one level: torchvision's RandomErasing, and Cutout."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import Doubles, Integers, chosen
from bench.training.augment.steps import Size, each

N_TRIES = 10  # for a rectangle that fits, as in torchvision; an image without one stays


@dataclass(frozen=True)
class ErasingMaps(Coefficients):
    """The rectangles of n images."""

    rectangles: Tensor  # (n, 4) int32: first line and column, and the first ones beyond
    fill: tuple[int, ...]  # grey levels: one, or one for each channel

    def moved(self, images: Tensor) -> Tensor:
        """The (n, channels, height, width) uint8 images, each without its rectangle.

        Raises:
            TrainingError: the levels are neither one nor one for each channel.
        """
        _, channels, height, width = images.shape
        if len(self.fill) not in (1, channels):
            raise TrainingError(
                f"erasing_fill has {len(self.fill)} levels, the images have {channels} channels",
                where="the recipe's augmentation",
                remedy="give one level, or one for each channel",
            )
        top, left, bottom, right = self.rectangles[:, :, None].unbind(1)  # (n, 1) each
        y = torch.arange(height, dtype=torch.int32, device=images.device)
        x = torch.arange(width, dtype=torch.int32, device=images.device)
        lines, columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
        is_inside = lines[:, None, :, None] & columns[:, None, None, :]
        level = torch.tensor(self.fill, dtype=torch.uint8, device=images.device)
        return torch.where(is_inside, level[:, None, None], images)


def maps(
    augmentation: Augmentation, n_images: int, size: Size, generator: torch.Generator
) -> ErasingMaps | None:
    """Draws the rectangles of n images of (height, width); None where they are off."""
    if augmentation.erasing_probability == 0:
        return None
    is_erased = chosen(augmentation.erasing_probability, n_images, generator).numpy()
    if augmentation.cutout_pixels:
        rectangles = _squares(augmentation.cutout_pixels, n_images, size, generator)
    else:
        sides = _sides(augmentation, is_erased, size, generator)
        free = np.array(size)[:, None] - sides + 1
        corner = _below(free, generator)
        rectangles = np.concatenate([corner, corner + sides])
    rectangles[:, ~is_erased] = 0
    return ErasingMaps(
        rectangles=torch.from_numpy(rectangles.T.astype(np.int32)),
        fill=augmentation.erasing_fill,
        identity=False,
    )


def _squares(side: int, n_images: int, size: Size, generator: torch.Generator) -> Integers:
    """Squares whose centre lies anywhere, cut at the image's edges, (4, n)."""
    ends = np.array(size)[:, None]
    centre = _below(np.broadcast_to(ends, (2, n_images)), generator)
    corner = centre - side // 2
    return np.concatenate([corner.clip(0, ends), (corner + side).clip(0, ends)])


def _sides(
    augmentation: Augmentation,
    is_erased: NDArray[np.bool_],
    size: Size,
    generator: torch.Generator,
) -> Integers:
    """Height and width of each rectangle, (2, n); 0 where none of the tries fits."""
    height, width = size
    n_images = len(is_erased)
    low, high = augmentation.erasing_scale_min, augmentation.erasing_scale_max
    areas = height * width * _uniform(low, high, n_images, generator)
    low, high = map(math.log, (augmentation.erasing_ratio_min, augmentation.erasing_ratio_max))
    ratios = _uniform(low, high, n_images, generator)
    sides = np.zeros((2, n_images), dtype=np.int64)
    left = np.flatnonzero(is_erased)
    for area, log_ratio in zip(areas, ratios, strict=True):
        ratio = each(math.exp, log_ratio[left])
        tried = np.rint(np.sqrt([area[left] * ratio, area[left] / ratio])).astype(np.int64)
        fits = (tried[0] < height) & (tried[1] < width)
        sides[:, left[fits]] = tried[:, fits]
        left = left[~fits]
    return sides


def _uniform(low: float, high: float, n_images: int, generator: torch.Generator) -> Doubles:
    """Each image's numbers for all tries, (N_TRIES, n), drawn in float32."""
    drawn = torch.empty(N_TRIES, n_images).uniform_(low, high, generator=generator)
    return drawn.double().numpy()


def _below(bounds: Integers, generator: torch.Generator) -> Integers:
    """A whole number from 0 to below each bound, (2, n)."""
    drawn = torch.rand(bounds.shape, generator=generator).double().numpy()
    return np.floor(drawn * bounds).astype(np.int64)
