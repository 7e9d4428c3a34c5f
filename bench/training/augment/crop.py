"""A random crop of the image with a border, and a flip: torchvision's, as one integer gather."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import chosen
from bench.training.augment.steps import Size


@dataclass(frozen=True)
class CropMaps(Coefficients):
    """The crops and flips of n images as int32 tensors."""

    top: Tensor  # (n,): line of the image that becomes the first one; negative in the border
    left: Tensor  # (n,): the same for columns, before the flip
    is_flipped: Tensor  # (n,): 1 or 0
    reflects: bool  # the border mirrors the image, its edge not repeated; else it is black

    def moved(self, images: Tensor) -> Tensor:
        """The (n, channels, height, width) uint8 images, each by its own map."""
        n_images, channels, height, width = images.shape
        x = torch.arange(width, dtype=torch.int32, device=images.device)
        y = torch.arange(height, dtype=torch.int32, device=images.device)
        columns = x + self.is_flipped[:, None] * (width - 1 - 2 * x) + self.left[:, None]
        lines = y + self.top[:, None]
        # In the image with a border of one black pixel.
        columns, lines = self._inside(columns, width) + 1, self._inside(lines, height) + 1
        index = (lines[:, :, None] * (width + 2) + columns[:, None, :]).flatten(1).long()
        bordered = torch.nn.functional.pad(images, (1, 1, 1, 1)).flatten(2)
        index = index[:, None].expand(-1, channels, -1)
        return bordered.gather(2, index).view(n_images, channels, height, width)

    def _inside(self, positions: Tensor, side: int) -> Tensor:
        """Pixels of the image; -1 or the side where the border is black."""
        if self.reflects:
            return side - 1 - (side - 1 - positions.abs()).abs()
        return positions.clamp(-1, side)


def maps(
    augmentation: Augmentation, n_images: int, size: Size, generator: torch.Generator
) -> CropMaps | None:
    """Draws the crops and flips of n images of (height, width); None where both are off.

    One image takes the very numbers that torchvision takes: line, column, flip.

    Raises:
        TrainingError: a border that mirrors more than there is of the image.
    """
    padding, flips = augmentation.crop_padding, augmentation.flip_probability > 0
    if not padding and not flips:
        return None
    reflects = augmentation.crop_padding_mode == "reflect"
    if reflects and padding >= min(size):
        raise TrainingError(
            f"a border of {padding} pixels cannot mirror an image of {size[0]} x {size[1]}",
            where="the recipe's augmentation",
            remedy=f"give crop_padding at most {min(size) - 1} pixels",
        )
    shifts = torch.zeros(2, n_images, dtype=torch.int32)
    is_flipped = torch.zeros(n_images, dtype=torch.int32)
    if padding:
        for shift in shifts:
            drawn = torch.randint(2 * padding + 1, (n_images,), generator=generator)
            shift.copy_(drawn - padding)
        shifts *= chosen(augmentation.crop_probability, n_images, generator)
    if flips:
        is_flipped += chosen(augmentation.flip_probability, n_images, generator)
    return CropMaps(
        top=shifts[0], left=shifts[1], is_flipped=is_flipped, reflects=reflects, identity=False
    )
