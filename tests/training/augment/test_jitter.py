"""Brightness, contrast and saturation against torchvision on PIL images, to the last level."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import scipy.stats
import torch
import torchvision.transforms.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import jitter
from bench.training.augment.jitter import ONE, JitterMaps
from tests.training.augment.oracle import DIGIT, colours, from_pil, noise, pil, stream

N_DRAWS = 20_000
ALPHA = 1e-3
ADJUST = (
    reference.adjust_brightness,
    reference.adjust_contrast,
    reference.adjust_saturation,
)


def maps_of(augmentation: Augmentation, n_images: int, seed: int) -> JitterMaps:
    maps = jitter.maps(augmentation, n_images, stream(seed))
    assert maps is not None
    return maps


def by_torchvision(image: Tensor, maps: JitterMaps, i: int) -> Tensor:
    changed = pil(image)
    for kind, factor in zip(maps.kinds[i].tolist(), maps.factors[i].tolist(), strict=True):
        changed = ADJUST[kind](changed, factor / ONE)
    return from_pil(changed)


reaches = st.sampled_from([0.0, 0.2, 1.0, 3.0, 7.0])


@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    brightness=reaches,
    contrast=reaches,
    saturation=reaches,
    in_colour=st.booleans(),
    dark=st.booleans(),
)
def test_each_image_has_the_levels_of_torchvision(
    seed: int,
    size: tuple[int, int],
    brightness: float,
    contrast: float,
    saturation: float,
    in_colour: bool,
    dark: bool,
) -> None:
    images = (colours if in_colour else noise)(4, size, seed) // (8 if dark else 1)
    augmentation = Augmentation(
        brightness=brightness, contrast=contrast, saturation=saturation if in_colour else 0.0
    )
    maps = augment.drawn(augmentation, 4, size, stream(seed))
    if maps.identity:
        return
    changed = augment.apply(images, maps)
    drawn = maps_of(augmentation, 4, seed)
    for i, image in enumerate(images):
        assert changed[i].equal(by_torchvision(image, drawn, i))


def test_brightness_is_the_same_on_tensors() -> None:
    images, maps = colours(50, DIGIT), maps_of(Augmentation(brightness=0.9), 50, 1)
    for i, changed in enumerate(maps.moved(images)):
        factor = int(maps.factors[i]) / ONE
        assert changed.equal(reference.adjust_brightness(images[i], factor))


@pytest.mark.parametrize(("reach", "low", "high"), [(0.2, 0.8, 1.2), (1.5, 0.0, 2.5)])
def test_factors_are_uniform_as_in_color_jitter(reach: float, low: float, high: float) -> None:
    drawn = maps_of(Augmentation(contrast=reach), N_DRAWS, 4).factors[:, 0].numpy() / ONE
    assert scipy.stats.kstest(drawn, scipy.stats.uniform(low, high - low).cdf).pvalue > ALPHA


def test_every_order_is_as_likely() -> None:
    kinds = maps_of(Augmentation(brightness=0.2, contrast=0.2, saturation=0.2), N_DRAWS, 5).kinds
    orders, counts = np.unique(kinds.numpy(), axis=0, return_counts=True)
    assert [tuple(order) for order in orders.tolist()] == list(permutations(range(3)))
    assert scipy.stats.chisquare(counts).pvalue > ALPHA


def test_images_that_are_not_chosen_stay() -> None:
    augmentation = Augmentation(brightness=0.5, contrast=0.5, jitter_probability=0.3)
    maps = maps_of(augmentation, N_DRAWS, 6)
    is_still = (maps.factors == ONE).all(dim=1)
    assert is_still.double().mean() == pytest.approx(0.7, abs=0.01)
    images = noise(N_DRAWS, (5, 4))
    assert augment.apply(images, augment.drawn(augmentation, N_DRAWS, (5, 4), stream(6)))[
        is_still
    ].equal(images[is_still])


def test_grey_images_have_no_saturation() -> None:
    maps = augment.drawn(Augmentation(saturation=0.2), 3, DIGIT, stream(0))
    with pytest.raises(TrainingError) as caught:
        augment.apply(noise(3, DIGIT), maps)
    assert str(caught.value) == (
        "grey images have no saturation (the recipe's augmentation): set saturation to 0"
    )
    assert augment.apply(torch.zeros(3, 3, 4, 4, dtype=torch.uint8), maps).shape == (3, 3, 4, 4)
