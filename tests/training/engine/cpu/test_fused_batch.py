"""The fused input equals the plain one, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment.bilinear import BilinearMaps
from bench.training.engine.cpu.fused_batch import augmented, looked_up

GREY = torch.linspace(-0.4, 2.8, 256)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    rotation=st.sampled_from([0.0, 6.0, 180.0]),
    translate=st.sampled_from([0.0, 0.08, 1.0]),
    scales=st.sampled_from([(1.0, 1.0), (0.94, 1.06), (0.3, 3.0)]),
    shear=st.sampled_from([0.0, 2.0, 60.0]),
    interpolation=st.sampled_from(["nearest", "bilinear"]),
)
def test_the_fused_input_is_the_plain_one(
    seed: int,
    size: tuple[int, int],
    rotation: float,
    translate: float,
    scales: tuple[float, float],
    shear: float,
    interpolation: Literal["nearest", "bilinear"],
) -> None:
    recipe = Augmentation(
        rotation_degrees=rotation,
        translate=translate,
        scale_min=scales[0],
        scale_max=scales[1],
        shear_degrees=shear,
        interpolation=interpolation,
    )
    stream = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (9, *size), dtype=torch.uint8, generator=stream)
    chosen = torch.randperm(9, generator=stream)[:5]
    maps = augment.coefficients(augment.draw(recipe, 9, size, stream), size)
    moved = augment.apply(images[chosen], maps[chosen])
    plain = GREY[moved.int()].unsqueeze(1)
    assert torch.equal(looked_up(moved, GREY), plain)
    fused = augmented(images, maps, chosen, GREY)
    assert fused is None or torch.equal(fused, plain)
    assert (fused is None) == maps.identity


def test_other_maps_are_left_to_the_plain_way() -> None:
    stream = torch.Generator().manual_seed(0)
    still = augment.coefficients(augment.draw(Augmentation(), 3, (28, 28), stream), (28, 28))
    turning = Augmentation(rotation_degrees=6.0, interpolation="bilinear")
    maps = augment.coefficients(augment.draw(turning, 3, (28, 28), stream), (28, 28))
    images = torch.zeros(3, 28, 28, dtype=torch.uint8)
    assert isinstance(maps, BilinearMaps)
    chain = augment.drawn(Augmentation(flip_probability=0.5), 3, (28, 28), stream)
    for unknown in (still, replace(maps, is_wide=True), chain):
        assert augmented(images, unknown, torch.arange(3), GREY) is None


def test_every_grey_level_is_looked_up() -> None:
    levels = torch.from_numpy(np.arange(256, dtype=np.uint8)).view(1, 16, 16)
    assert torch.equal(looked_up(levels, GREY).flatten(), GREY)
