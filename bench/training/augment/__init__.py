"""Batched augmentation, equal to torchvision's on one image after another.

An image is rotated, then sheared, scaled and shifted, with fill 0, as `RandomRotation` and
`RandomAffine` do. `nearest` interpolation equals torchvision on PIL images bit for bit;
`bilinear` equals torchvision on uint8 tensors within one grey level. Both are integer arithmetic
on the device, and everything that rounds is done on the host in float64, so that a CPU and a GPU
see the same numbers.

    parameters = draw(augmentation, n_images, (28, 28), generator)
    maps = coefficients(parameters, (28, 28))
    batch = apply(images[rows], maps[rows])
"""

from __future__ import annotations

from torch import Tensor

from bench.training.augment import bilinear, nearest
from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import Parameters, draw
from bench.training.augment.steps import Size, check

__all__ = ["Coefficients", "Parameters", "apply", "coefficients", "draw"]

MAPS = {"nearest": nearest.maps, "bilinear": bilinear.maps}


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
        images: (n, height, width) uint8.
        maps: n maps for this size, on the images' device.

    Returns:
        (n, height, width) uint8; the images themselves where the maps leave them as they are.
    """
    return images if maps.identity else maps.moved(images)
