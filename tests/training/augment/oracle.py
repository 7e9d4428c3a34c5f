"""torchvision on one image after another, and images that show every displaced pixel."""

from __future__ import annotations

import numpy as np
import torch
import torchvision.transforms.functional as reference
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode

from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import Parameters

PUBLISHED = Augmentation(
    rotation_degrees=6, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2
)
DIGIT = (28, 28)
BILINEAR = InterpolationMode.BILINEAR


EVERY_PART = Augmentation(
    rotation_degrees=6,
    rotation_probability=0.7,
    translate=0.08,
    shear_degrees=2,
    affine_probability=0.7,
    crop_padding=3,
    crop_padding_mode="reflect",
    crop_probability=0.8,
    flip_probability=0.5,
    brightness=0.4,
    contrast=0.4,
    jitter_probability=0.8,
    erasing_probability=0.5,
    erasing_fill=(33,),
)


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n_images: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """(n, height, width) uint8 of levels 1 to 255, so that fill differs from all."""
    return torch.randint(1, 256, (n_images, *size), dtype=torch.uint8, generator=stream(seed))


def colours(n_images: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """(n, 3, height, width) uint8 of all levels."""
    return torch.randint(256, (n_images, 3, *size), dtype=torch.uint8, generator=stream(seed))


def pil(image: Tensor) -> Image.Image:
    """(height, width) or (3, height, width) uint8."""
    return Image.fromarray((image if image.dim() == 2 else image.permute(1, 2, 0)).numpy())


def from_pil(image: Image.Image) -> Tensor:
    """What `pil` took."""
    pixels = torch.from_numpy(np.array(image))
    return pixels if pixels.dim() == 2 else pixels.permute(2, 0, 1)


def one(
    angle: float = 0.0, x: int = 0, y: int = 0, scale: float = 1.0, shear: float = 0.0
) -> Parameters:
    """One image's parameters."""
    return many([(angle, x, y, scale, shear)])


def many(rows: list[tuple[float, int, int, float, float]]) -> Parameters:
    """Parameters of one image a row: angle, x, y, scale, shear."""
    angle, x, y, scale, shear = (np.array(column) for column in zip(*rows, strict=True))
    return Parameters(angle * 1.0, x, y, scale * 1.0, shear * 1.0)


def batched(images: Tensor, drawn: Parameters) -> Tensor:
    height, width = images.shape[1:]
    return augment.apply(images, augment.coefficients(drawn, (height, width)))


def moves(drawn: Parameters, i: int) -> dict[str, object]:
    """Image i's arguments of `functional.affine`."""
    return {
        "angle": 0.0,
        "translate": [int(drawn.translate_x[i]), int(drawn.translate_y[i])],
        "scale": float(drawn.scale[i]),
        "shear": [float(drawn.shear[i]), 0.0],
    }


def on_pil_images(images: Tensor, drawn: Parameters) -> Tensor:
    results = []
    for i, image in enumerate(images.numpy()):
        rotated = reference.rotate(Image.fromarray(image), float(drawn.angle[i]))
        results.append(np.asarray(reference.affine(rotated, **moves(drawn, i))))
    return torch.from_numpy(np.stack(results))


def rotated_tensors(images: Tensor, drawn: Parameters) -> Tensor:
    """The first step on tensors, bilinear, in the images' own type; float is not rounded."""
    return torch.cat(
        [
            reference.rotate(image[None], float(drawn.angle[i]), BILINEAR, fill=[0.0])
            for i, image in enumerate(images)
        ]
    )


def moved_tensors(images: Tensor, drawn: Parameters) -> Tensor:
    """The second step on tensors, bilinear, in the images' own type; float is not rounded."""
    return torch.cat(
        [
            reference.affine(image[None], **moves(drawn, i), interpolation=BILINEAR, fill=[0.0])
            for i, image in enumerate(images)
        ]
    )
