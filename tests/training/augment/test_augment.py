"""What holds for every interpolation: batches, devices, and what cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace as changed
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import Coefficients
from tests.training.augment.oracle import DIGIT, EVERY_PART, PUBLISHED, noise, one, stream

WILD = Augmentation(
    rotation_degrees=180, translate=1.0, scale_min=0.001, scale_max=5.0, shear_degrees=88
)
INTERPOLATIONS = ("nearest", "bilinear")
both = pytest.mark.parametrize("interpolation", INTERPOLATIONS)


def tensors(maps: augment.Coefficients) -> list[torch.Tensor]:
    return [part for part in vars(maps).values() if isinstance(part, torch.Tensor)]


def maps_of(
    interpolation: str, n_images: int, augmentation: Augmentation = PUBLISHED
) -> Coefficients:
    chosen = changed(augmentation, interpolation=interpolation)
    return augment.coefficients(augment.draw(chosen, n_images, DIGIT, stream(3)), DIGIT)


@both
def test_without_parts_the_images_themselves_come_back(interpolation: str) -> None:
    images, maps = noise(7, DIGIT), maps_of(interpolation, 7, Augmentation())

    assert maps.identity
    assert augment.apply(images, maps) is images
    assert augment.apply(images[:3], maps[:3]).equal(images[:3])


@both
@pytest.mark.parametrize("augmentation", [PUBLISHED, WILD], ids=["published", "wild"])
@pytest.mark.parametrize(
    "rows",
    [slice(5, 12), torch.tensor([11, 0, 0, 7]), torch.arange(20) % 3 == 0],
    ids=["slice", "indices", "mask"],
)
def test_a_batch_is_part_of_the_whole(
    rows: slice | torch.Tensor, augmentation: Augmentation, interpolation: str
) -> None:
    images, maps = noise(20, DIGIT), maps_of(interpolation, 20, augmentation)

    batch = augment.apply(images[rows], maps[rows])

    assert batch.equal(augment.apply(images, maps)[rows])
    assert {len(part) for part in tensors(maps[rows])} == {len(batch)}


@both
def test_images_and_maps_are_left_as_they_were(interpolation: str) -> None:
    images, maps = noise(20, DIGIT), maps_of(interpolation, 20, WILD)
    parts = tensors(maps)
    before = images.clone(), [part.clone() for part in parts]

    augment.apply(images, maps)

    assert len(parts) > 1
    assert images.equal(before[0])
    assert all(part.equal(old) for part, old in zip(parts, before[1], strict=True))


@both
def test_no_images_are_no_trouble(interpolation: str) -> None:
    maps = maps_of(interpolation, 8)

    assert augment.apply(noise(8, DIGIT)[:0], maps[:0]).shape == (0, 28, 28)
    assert {len(part) for part in tensors(maps_of(interpolation, 0))} == {0}


def test_the_two_interpolations_differ() -> None:
    images = noise(20, DIGIT)
    nearest, bilinear = (augment.apply(images, maps_of(name, 20)) for name in INTERPOLATIONS)

    assert not nearest.equal(bilinear)


@pytest.mark.parametrize("channels", [(), (1,), (3,)], ids=str)
def test_every_part_in_a_row_is_part_of_the_whole_too(channels: tuple[int, ...]) -> None:
    images = torch.randint(256, (20, *channels, *DIGIT), dtype=torch.uint8, generator=stream(0))
    maps = augment.drawn(EVERY_PART, 20, DIGIT, stream(3))
    whole, rows = augment.apply(images, maps), torch.tensor([11, 0, 0, 7])

    with IntegersOnly():  # type: ignore[no-untyped-call]
        assert augment.apply(images[rows], maps[rows].to("cpu")).equal(whole[rows])
    assert whole.shape == images.shape
    assert len(whole.unique(dim=0)) == 20
    assert augment.apply(images[:0], maps[:0]).shape == (0, *channels, *DIGIT)


def test_parts_follow_one_another() -> None:
    images = noise(20, DIGIT)
    alone = [
        changed(Augmentation(), crop_padding=3, crop_padding_mode="reflect"),
        changed(Augmentation(), rotation_degrees=180.0),
        changed(Augmentation(), brightness=0.5),
        changed(Augmentation(), erasing_probability=1.0, cutout_pixels=9, erasing_fill=(99,)),
    ]
    both = changed(alone[1], crop_padding=3, crop_padding_mode="reflect")
    together, source = augment.drawn(both, 20, DIGIT, stream(1)), stream(1)
    turned = augment.drawn(alone[1], 20, DIGIT, source)  # its numbers are drawn first
    cropped = augment.drawn(alone[0], 20, DIGIT, source)

    expected = augment.apply(augment.apply(images, cropped), turned)

    assert augment.apply(images, together).equal(expected)
    both = changed(alone[3], brightness=0.5)
    together, source = augment.drawn(both, 20, DIGIT, stream(1)), stream(1)
    changes = [augment.drawn(each, 20, DIGIT, source) for each in alone[2:]]
    expected = augment.apply(augment.apply(images, changes[0]), changes[1])
    assert augment.apply(images, together).equal(expected)


def test_a_contrast_is_of_the_turned_image() -> None:
    """Its mean has the black corners."""
    images, source = noise(20, DIGIT), stream(1)
    turning = changed(Augmentation(), rotation_degrees=180.0)
    turned = augment.drawn(turning, 20, DIGIT, source)
    mixed = augment.drawn(changed(Augmentation(), contrast=0.5), 20, DIGIT, source)
    expected = augment.apply(augment.apply(images, turned), mixed)
    together = augment.drawn(changed(turning, contrast=0.5), 20, DIGIT, stream(1))
    assert augment.apply(images, together).equal(expected)


@both
def test_all_channels_of_an_image_move_alike(interpolation: str) -> None:
    images, maps = noise(20, DIGIT), maps_of(interpolation, 20, WILD)

    moved = augment.apply(images.unsqueeze(1).repeat(1, 3, 1, 1), maps)

    for channel in moved.unbind(1):
        assert channel.equal(augment.apply(images, maps))


# --- devices ------------------------------------------------------------------------------------


class IntegersOnly(TorchDispatchMode):
    """Refuses every operation that takes or gives a tensor of anything but integers."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Any = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, result)):
            assert not isinstance(leaf, torch.Tensor) or not leaf.is_floating_point(), func
        return result


@both
@pytest.mark.parametrize("augmentation", [PUBLISHED, WILD], ids=["published", "wild"])
def test_only_integers_are_computed_on_the_device(
    augmentation: Augmentation, interpolation: str
) -> None:
    """Integer arithmetic is exact, so every device gives the same images."""
    images, maps = noise(20, DIGIT), maps_of(interpolation, 20, augmentation)
    expected = augment.apply(images, maps)

    with IntegersOnly():  # type: ignore[no-untyped-call]
        assert augment.apply(images[2:9], maps[2:9].to("cpu")).equal(expected[2:9])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@both
@pytest.mark.parametrize("augmentation", [PUBLISHED, WILD], ids=["published", "wild"])
def test_a_gpu_gives_the_same_pixels(augmentation: Augmentation, interpolation: str) -> None:
    images, maps = noise(2_000, DIGIT), maps_of(interpolation, 2_000, augmentation)

    on_gpu = augment.apply(images.cuda(), maps.to("cuda")).cpu()

    assert on_gpu.equal(augment.apply(images, maps))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("channels", [(), (3,)], ids=str)
def test_a_gpu_gives_the_same_pixels_of_every_part(channels: tuple[int, ...]) -> None:
    images = torch.randint(256, (2_000, *channels, *DIGIT), dtype=torch.uint8)
    maps = augment.drawn(EVERY_PART, 2_000, DIGIT, stream(3))

    on_gpu = augment.apply(images.cuda(), maps.to("cuda")).cpu()

    assert on_gpu.equal(augment.apply(images, maps))


# --- what cannot be done ------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("scale", "shear"), [(1e-9, 0.0), (1e-45, 0.0), (0.0, 0.0), (1.0, 90.0)], ids=str
)
def test_shrunk_or_sheared_beyond_use_is_refused(
    scale: float, shear: float, interpolation: Any
) -> None:
    drawn = replace(one(scale=scale, shear=shear), interpolation=interpolation)

    with pytest.raises(TrainingError) as caught:
        augment.coefficients(drawn, DIGIT)

    assert str(caught.value) == (
        "an image is shrunk or sheared beyond 536,870,912 pixels (the recipe's augmentation): "
        "raise scale_min or lower shear_degrees"
    )


@both
def test_huge_images_are_refused(interpolation: Any) -> None:
    with pytest.raises(TrainingError, match="images of 28 x 5000 pixels are too large"):
        augment.coefficients(replace(one(), interpolation=interpolation), (28, 5000))


@both
def test_the_largest_images_are_not(interpolation: Any) -> None:
    drawn = replace(one(angle=180.0), interpolation=interpolation)
    size = (3, 4096)
    images = torch.from_numpy(np.arange(3 * 4096, dtype=np.uint8).reshape(1, *size))

    turned = augment.apply(images, augment.coefficients(drawn, size))

    assert turned.equal(images.flip(1, 2))
