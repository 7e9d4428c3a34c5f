"""Random erasing against torchvision's, and Cutout against its authors' code."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
import torchvision.transforms.functional as reference
from torchvision.transforms import RandomErasing

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import erasing
from bench.training.augment.erasing import ErasingMaps
from tests.training.augment.oracle import DIGIT, colours, noise, stream

N_DRAWS = 20_000
ALPHA = 1e-3
OFTEN = Augmentation(erasing_probability=0.7, erasing_fill=(9, 8, 7))


def maps_of(
    augmentation: Augmentation, n_images: int, size: tuple[int, int], seed: int
) -> ErasingMaps:
    maps = erasing.maps(augmentation, n_images, size, stream(seed))
    assert maps is not None
    return maps


def test_each_image_loses_its_rectangle() -> None:
    images, size = colours(300, (27, 33)), (27, 33)
    erased = augment.apply(images, augment.drawn(OFTEN, 300, size, stream(1)))
    level = torch.tensor([9, 8, 7], dtype=torch.uint8)[:, None, None]
    for i, (top, left, bottom, right) in enumerate(
        maps_of(OFTEN, 300, size, 1).rectangles.tolist()
    ):
        expected = reference.erase(images[i], top, left, bottom - top, right - left, level)
        assert erased[i].equal(expected)


@pytest.mark.parametrize("size", [(28, 28), (12, 40)])
@pytest.mark.parametrize(("scale", "ratio"), [((0.02, 0.33), (0.3, 3.3)), ((0.2, 0.9), (0.5, 1.0))])
def test_rectangles_are_drawn_as_torchvision_draws_them(
    size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    augmentation = Augmentation(
        erasing_probability=1.0,
        erasing_scale_min=scale[0],
        erasing_scale_max=scale[1],
        erasing_ratio_min=ratio[0],
        erasing_ratio_max=ratio[1],
    )
    top, left, bottom, right = maps_of(augmentation, 4_000, size, 2).rectangles.numpy().T
    ours = np.stack([top, left, bottom - top, right - left], axis=1)
    ours[ours[:, 2] == 0] = 0
    image = torch.zeros(1, *size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        # Without a rectangle that fits it gives the whole image, to be left as it is.
        drawn = [RandomErasing.get_params(image, scale, ratio, [0.0])[:4] for _ in range(4_000)]
    theirs = np.array([(0, 0, 0, 0) if row[2:] == size else row for row in drawn])
    for column, side in zip(range(4), (*size, *size), strict=True):
        edges = np.quantile(theirs[:, column], np.linspace(0, 1, 9)[1:-1])
        both = (ours[:, column], theirs[:, column])
        counts = np.array([np.bincount(np.digitize(each, edges), minlength=8) for each in both])
        counts = counts[:, counts.sum(axis=0) > 0]
        assert scipy.stats.chi2_contingency(counts).pvalue > ALPHA, column
        assert ours[:, column].max() <= side
    area = ours[:, 2] * ours[:, 3]
    assert scipy.stats.ks_2samp(area, theirs[:, 2] * theirs[:, 3]).pvalue > ALPHA


def test_images_that_are_not_chosen_stay() -> None:
    maps = maps_of(OFTEN, N_DRAWS, DIGIT, 4)
    is_erased = (maps.rectangles[:, 2] > maps.rectangles[:, 0]).double().mean()
    assert is_erased == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("side", [1, 8, 9, 60])
def test_cutout_is_that_of_its_authors(side: int) -> None:
    """https://github.com/uoguelph-mlrg/Cutout, util/cutout.py; an odd side is whole here."""
    height, width = size = (27, 33)
    augmentation = Augmentation(erasing_probability=1.0, cutout_pixels=side)
    images = noise(200, size)
    cut = augment.apply(images, augment.drawn(augmentation, 200, size, stream(5)))
    centres = torch.rand(2, 200, generator=stream(5)).double().numpy()
    for i, (y, x) in enumerate(np.floor(centres.T * [height, width]).astype(int)):
        mask = np.ones(size, np.uint8)
        top, bottom = np.clip([y - side // 2, y + side - side // 2], 0, height)
        left, right = np.clip([x - side // 2, x + side - side // 2], 0, width)
        mask[top:bottom, left:right] = 0
        assert cut[i].equal(images[i] * torch.from_numpy(mask))


def test_levels_that_fit_no_channel_are_refused() -> None:
    maps = augment.drawn(OFTEN, 3, DIGIT, stream(0))
    with pytest.raises(TrainingError) as caught:
        augment.apply(noise(3, DIGIT), maps)
    assert str(caught.value) == (
        "erasing_fill has 3 levels, the images have 1 channels (the recipe's augmentation): "
        "give one level, or one for each channel"
    )


def test_a_square_is_cut_out_of_the_chosen_images_alone() -> None:
    augmentation = Augmentation(erasing_probability=0.3, cutout_pixels=9)
    maps = erasing.maps(augmentation, 20_000, DIGIT, stream(3))
    assert maps is not None
    cut = (maps.rectangles[:, 2] > 0).double().mean()
    assert cut == pytest.approx(0.3, abs=0.01)
