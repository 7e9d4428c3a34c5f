"""Bilinear interpolation against torchvision on uint8 tensors, and in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from torch import Tensor

from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import Parameters
from bench.training.augment.bilinear import maps
from tests.training.augment.oracle import (
    DIGIT,
    PUBLISHED,
    batched,
    many,
    moved_tensors,
    noise,
    one,
    rotated_tensors,
    stream,
)

Row = tuple[float, int, int, float, float]  # angle, x, y, scale, shear
TWENTIETH = 0.05  # of a grey level: what fixed point may be off by before it rounds


def bilinear(drawn: Parameters) -> Parameters:
    return replace(drawn, interpolation="bilinear")


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs.double()).abs().max())


# --- under the ranges of recipes ----------------------------------------------------------------


def test_two_thousand_images_under_the_published_ranges() -> None:
    images = noise(2_000, DIGIT)
    augmentation = changed(PUBLISHED, interpolation="bilinear")
    drawn = augment.draw(augmentation, len(images), DIGIT, stream(1))

    ours = batched(images, drawn)
    theirs = moved_tensors(rotated_tensors(images, drawn), drawn)

    assert difference(ours, theirs) <= 1
    assert (ours != theirs).double().mean() < 0.01


@pytest.mark.parametrize("size", [(27, 33), (33, 27), (28, 28), (1, 5), (5, 1)], ids=str)
@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(rotation_degrees=180),
        Augmentation(translate=1.0),
        Augmentation(scale_min=0.25, scale_max=4.0),
        Augmentation(shear_degrees=70),
        Augmentation(
            rotation_degrees=180, translate=0.6, scale_min=0.2, scale_max=3.0, shear_degrees=60
        ),
    ],
    ids=["rotation", "translation", "scale", "shear", "all"],
)
def test_wide_ranges_under_one_grey_level(
    augmentation: Augmentation, size: tuple[int, int]
) -> None:
    images = noise(200, size)
    drawn = bilinear(augment.draw(augmentation, len(images), size, stream(2)))

    theirs = moved_tensors(rotated_tensors(images, drawn), drawn)

    assert difference(batched(images, drawn), theirs) <= 1


# --- extremes, a step at a time -----------------------------------------------------------------

sides = st.one_of(st.sampled_from([1, 2, 27, 28, 33]), st.integers(1, 40))
angles = st.one_of(
    st.sampled_from([0.0, -0.0, 45.0, 90.0, -90.0, 180.0, -180.0, 270.0, 1e-14, 89.99999]),
    st.floats(-180, 180),
)
scales = st.one_of(st.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 4.0]), st.floats(0.05, 20))
shears = st.one_of(st.sampled_from([0.0, 45.0, -45.0, 1e-14]), st.floats(-80, 80))
shifts = st.integers(-60, 60)
images_rows = st.lists(st.tuples(angles, shifts, shifts, scales, shears), min_size=1, max_size=4)


@settings(max_examples=300)
@given(size=st.tuples(sides, sides), rows=images_rows)
def test_extremes_equal_each_step(size: tuple[int, int], rows: list[Row]) -> None:
    """One grey level a step, and in float64 what fixed point may add to the rounding's half.

    Where both steps meet exact halves (a quarter turn of an image with an odd and an even side,
    say), the noise of torchvision's floats decides on each, and both together can make two.
    """
    images, drawn = noise(len(rows), size), bilinear(many(rows))
    turned = batched(images, bilinear(many([(row[0], 0, 0, 1.0, 0.0) for row in rows])))
    moved = batched(images, drawn)

    assert difference(turned, rotated_tensors(images, drawn)) <= 1
    assert difference(moved, moved_tensors(turned, drawn)) <= 1
    assert difference(turned, rotated_tensors(images.double(), drawn)) <= 0.5 + TWENTIETH
    assert difference(moved, moved_tensors(turned.double(), drawn)) <= 0.5 + TWENTIETH


def test_positions_beyond_32_bits() -> None:
    """torchvision's float32 is too coarse out there; in float64 it agrees."""
    rows = [
        (float(i), x, y, 0.001 * 1.02**i, 89.9 - 0.1 * i)
        for i in range(100)
        for x, y in ((0, 0), (5, -3), (-7, 1))
    ]
    images, drawn = noise(len(rows), (27, 33)), bilinear(many(rows))
    turned = batched(images, bilinear(many([(row[0], 0, 0, 1.0, 0.0) for row in rows])))

    ours = batched(images, drawn)

    assert maps(drawn, (27, 33)).is_wide
    assert ours.any()
    assert difference(ours, moved_tensors(turned.double(), drawn)) <= 0.5 + TWENTIETH


def test_a_large_image_keeps_its_precision() -> None:
    images = noise(2, (1_024, 900))
    drawn = bilinear(many([(33.0, 5, -9, 1.1, 12.0), (-170.0, 100, 40, 0.7, -40.0)]))
    turned = batched(images, bilinear(many([(33.0, 0, 0, 1.0, 0.0), (-170.0, 0, 0, 1.0, 0.0)])))

    assert difference(turned, rotated_tensors(images.double(), drawn)) <= 0.5 + TWENTIETH
    assert (
        difference(batched(images, drawn), moved_tensors(turned.double(), drawn)) <= 0.5 + TWENTIETH
    )


# --- by hand ------------------------------------------------------------------------------------


def test_halves_round_to_even() -> None:
    """Twice as large, the two pixels lie at 1/4 and 3/4: 12.5 and 17.5."""
    image = torch.tensor([[[10, 20]]], dtype=torch.uint8)

    assert batched(image, bilinear(one(scale=2.0))).tolist() == [[[12, 18]]]


def test_a_pixel_beside_the_border_counts_with_its_weight_squared() -> None:
    """A quarter turn puts both pixels between the two, half outside: 150 / 4 = 37.5."""
    image = torch.tensor([[[100, 200]]], dtype=torch.uint8)

    assert batched(image, bilinear(one(angle=90.0))).tolist() == [[[38, 38]]]


@pytest.mark.parametrize("level", [1, 128, 255])
def test_one_grey_level_stays_inside_the_image(level: int) -> None:
    images = torch.full((50, 30, 30), level, dtype=torch.uint8)
    drawn = augment.draw(Augmentation(rotation_degrees=180), 50, (30, 30), stream(3))

    inside = batched(images, bilinear(drawn))[:, 6:24, 6:24]

    assert inside.unique().tolist() == [level]


def test_whole_shifts_are_exact() -> None:
    images = noise(1, (27, 33))
    expected = torch.zeros_like(images)
    expected[:, 4:, :-2] = images[:, :-4, 2:]

    assert batched(images, bilinear(one(x=-2, y=4))).equal(expected)
    assert batched(images, bilinear(one(angle=180.0))).equal(images.flip(1, 2))
    assert not batched(images, bilinear(one(x=33))).any()
