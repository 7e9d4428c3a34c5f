"""Brightness, contrast and saturation: torchvision's ColorJitter on PIL images, bit for bit.

Each mixes the image with a plainer one, `plain + factor (image - plain)`, cut to grey levels: black
for the brightness, the mean grey level for the contrast, the image without colours for the
saturation. A factor is a whole multiple of 1 / 4096, so that Pillow's float32 and the integers here
are both exact. As in torchvision, each image has an order of its own.

Source: Pillow, `PIL/ImageEnhance.py` and `libImaging/Blend.c`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training.augment.maps import Coefficients
from bench.training.augment.parameters import chosen

FACTOR_BITS = 12  # fractional
ONE = 1 << FACTOR_BITS
BRIGHTNESS, CONTRAST, SATURATION = range(3)
LUMA = (19595, 38470, 7471)  # of red, green and blue, in 16 fractional bits (ITU-R 601)


@dataclass(frozen=True)
class JitterMaps(Coefficients):
    """The changes of n images' grey levels."""

    kinds: Tensor  # (n, k) int64: what is changed first, second ...
    factors: Tensor  # (n, k) int32: by how much, in fixed point
    acting: tuple[int, ...]  # the k kinds that the augmentation has

    def moved(self, images: Tensor) -> Tensor:
        """The (n, channels, height, width) uint8 images, each by its own factors.

        Raises:
            TrainingError: grey images have no saturation.
        """
        if SATURATION in self.acting and images.shape[1] == 1:
            raise TrainingError(
                "grey images have no saturation",
                where="the recipe's augmentation",
                remedy="set saturation to 0",
            )
        values = images.int()
        for i in range(len(self.acting)):
            plain = self._plain(values, self.kinds[:, i, None, None, None])
            factor = self.factors[:, i, None, None, None]
            moved = ((values - plain) * factor).bitwise_right_shift_(FACTOR_BITS).add_(plain)
            values = moved.clamp_(0, 255)
        return values.to(torch.uint8)

    def _plain(self, values: Tensor, kind: Tensor) -> Tensor:
        """What each image is mixed with, (n, 1, 1 or height, 1 or width) int32."""
        plain = torch.zeros_like(kind, dtype=torch.int32)
        if self.acting == (BRIGHTNESS,):
            return plain
        grey = _without_colours(values)
        if CONTRAST in self.acting:
            n_pixels = grey.shape[2] * grey.shape[3]
            total = grey.sum(dim=(2, 3), keepdim=True)
            mean = (2 * total + n_pixels).div(2 * n_pixels, rounding_mode="floor").int()
            plain = plain + mean * (kind == CONTRAST)
        if SATURATION in self.acting:
            plain = plain + grey * (kind == SATURATION)
        return plain


def _without_colours(values: Tensor) -> Tensor:
    """(n, 1 or 3, height, width) int32 -> (n, 1, height, width), as Pillow's mode L."""
    if values.shape[1] == 1:
        return values
    red, green, blue = (part * values[:, i] for i, part in enumerate(LUMA))
    return ((red + green + blue + (1 << 15)) >> 16).unsqueeze(1)


def maps(
    augmentation: Augmentation, n_images: int, generator: torch.Generator
) -> JitterMaps | None:
    """Draws the factors of n images and their order; None where all are off."""
    ranges = (augmentation.brightness, augmentation.contrast, augmentation.saturation)
    acting = tuple(kind for kind, reach in enumerate(ranges) if reach > 0)
    if not acting:
        return None
    factors = torch.empty(n_images, len(acting))
    for column, kind in zip(factors.unbind(1), acting, strict=True):
        drawn = torch.empty(n_images)
        drawn.uniform_(max(0.0, 1 - ranges[kind]), 1 + ranges[kind], generator=generator)
        column.copy_(drawn)
    fixed = factors.double().mul_(ONE).round_().int()
    is_changed = chosen(augmentation.jitter_probability, n_images, generator)
    fixed = torch.where(is_changed[:, None], fixed, ONE)
    order = torch.zeros(n_images, 1, dtype=torch.int64)
    if len(acting) > 1:
        order = torch.rand(n_images, len(acting), generator=generator).argsort(dim=1)
    return JitterMaps(
        kinds=torch.tensor(acting)[order],
        factors=fixed.gather(1, order),
        acting=acting,
        identity=False,
    )
