"""Crops and flips against torchvision's own transforms on PIL images, to the last pixel."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import Compose, RandomCrop, RandomHorizontalFlip

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import crop
from tests.training.augment.oracle import DIGIT, colours, from_pil, noise, pil, stream

N_DRAWS = 20_000


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    padding=st.integers(0, 12),
    mode=st.sampled_from(["constant", "reflect"]),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    in_colour=st.booleans(),
)
def test_one_image_takes_torchvisions_numbers_and_pixels(
    seed: int,
    size: tuple[int, int],
    padding: int,
    mode: Literal["constant", "reflect"],
    flip: float,
    in_colour: bool,
) -> None:
    if mode == "reflect":
        padding = min(padding, min(size) - 1)
    (image,) = (colours if in_colour else noise)(1, size, seed)
    theirs = Compose(
        [
            RandomCrop(size, padding=padding, padding_mode=mode),
            # A part that is off draws nothing, and torchvision draws for a certain flip.
            *([RandomHorizontalFlip(flip)] if flip else []),
        ]
    )
    augmentation = Augmentation(
        crop_padding=padding,
        crop_padding_mode=mode if padding else "constant",
        flip_probability=flip,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        expected = from_pil(theirs(pil(image)))

    maps = augment.drawn(augmentation, 1, size, stream(seed))

    assert augment.apply(image[None], maps)[0].equal(expected)


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_many_images_are_cropped_each_by_its_own_numbers(
    mode: Literal["constant", "reflect"],
) -> None:
    images = colours(500, (27, 33))
    augmentation = Augmentation(crop_padding=4, crop_padding_mode=mode, flip_probability=0.5)
    maps = crop.maps(augmentation, len(images), (27, 33), stream(2))
    assert maps is not None
    padded = torch.nn.functional.pad(images.float(), (4, 4, 4, 4), mode=mode).byte()
    for i, moved in enumerate(
        augment.apply(images, augment.drawn(augmentation, 500, (27, 33), stream(2)))
    ):
        top, left = int(maps.top[i]) + 4, int(maps.left[i]) + 4
        expected = padded[i, :, top : top + 27, left : left + 33]
        assert moved.equal(expected.flip(2) if maps.is_flipped[i] else expected)


def test_each_part_has_its_probability() -> None:
    augmentation = Augmentation(crop_padding=2, crop_probability=0.3, flip_probability=0.7)
    maps = crop.maps(augmentation, N_DRAWS, DIGIT, stream(3))
    assert maps is not None
    stayed = ((maps.top == 0) & (maps.left == 0)).double().mean()
    # One of 25 crops leaves the image where it was.
    assert stayed == pytest.approx(0.7 + 0.3 / 25, abs=0.01)
    assert maps.is_flipped.double().mean() == pytest.approx(0.7, abs=0.01)
    assert set(maps.top.tolist()) == {-2, -1, 0, 1, 2}


def test_a_border_that_mirrors_more_than_the_image_is_refused() -> None:
    augmentation = Augmentation(crop_padding=28, crop_padding_mode="reflect")
    with pytest.raises(TrainingError) as caught:
        augment.drawn(augmentation, 2, DIGIT, stream(0))
    assert str(caught.value) == (
        "a border of 28 pixels cannot mirror an image of 28 x 28 (the recipe's augmentation): "
        "give crop_padding at most 27 pixels"
    )
