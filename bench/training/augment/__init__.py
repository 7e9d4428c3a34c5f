"""Batched augmentation, equal to torchvision's on one image after another.

An image is cropped and flipped; rotated; sheared, scaled and shifted; changed in its brightness,
contrast and saturation; and a rectangle of it is erased. Each part is a module with torchvision's
operation as its measure. `nearest` interpolation equals torchvision on PIL images bit for bit, and
so does every other part; `bilinear` equals torchvision on uint8 tensors within one grey level. All
are integer arithmetic on the device, and everything that rounds is done on the host in float64, so
that a CPU and a GPU see the same numbers.

    maps = drawn(augmentation, n_images, (28, 28), generator)
    batch = apply(images[rows], maps[rows])
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.spec import Augmentation
from bench.training.augment import bilinear, crop, erasing, jitter, nearest
from bench.training.augment.maps import Chain, Coefficients
from bench.training.augment.parameters import Parameters, draw
from bench.training.augment.steps import Size, check

__all__ = ["Coefficients", "Parameters", "apply", "coefficients", "draw", "drawn"]

MAPS = {"nearest": nearest.maps, "bilinear": bilinear.maps}


def drawn(
    augmentation: Augmentation, n_images: int, size: Size, generator: torch.Generator
) -> Coefficients:
    """The maps of n images of (height, width), on the CPU.

    Args:
        augmentation: The parts and their ranges.
        n_images: How many images.
        size: The images' (height, width).
        generator: The random stream, on the CPU. Each part draws for all images at once; a part
            that is switched off draws nothing.

    Raises:
        TrainingError: An empty range, or a part that images of this size cannot have.
    """
    moves = coefficients(draw(augmentation, n_images, size, generator), size)
    cropped = crop.maps(augmentation, n_images, size, generator)
    jittered = jitter.maps(augmentation, n_images, generator)
    erased = erasing.maps(augmentation, n_images, size, generator)
    if cropped is None and jittered is None and erased is None:
        return moves
    moving = None if moves.identity else moves
    parts = tuple(part for part in (cropped, moving, jittered, erased) if part is not None)
    return Chain(parts=parts, identity=False)


def coefficients(parameters: Parameters, size: Size) -> Coefficients:
    """The maps of n images of (height, width), on the CPU, by the parameters' interpolation.

    Raises:
        TrainingError: An image is too large, or shrunk or sheared beyond any use.
    """
    check(parameters, size)
    return MAPS[parameters.interpolation](parameters, size)


def apply(images: Tensor, maps: Coefficients) -> Tensor:
    """Augments each image by its own map.

    Args:
        images: (n, height, width) uint8, or (n, channels, height, width).
        maps: n maps for this size, on the images' device.

    Returns:
        uint8 of the same shape; the images themselves where the maps leave them as they are.
    """
    return images if maps.identity else maps.moved(images)
