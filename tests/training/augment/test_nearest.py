"""Nearest interpolation against torchvision on PIL images, bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import Compose, RandomAffine, RandomRotation

from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import Parameters
from bench.training.augment.nearest import _Affine, _fixed, _rounded, maps
from tests.training.augment.oracle import (
    DIGIT,
    PUBLISHED,
    batched,
    many,
    noise,
    on_pil_images,
    one,
    stream,
)

Row = tuple[float, int, int, float, float]  # angle, x, y, scale, shear


def n_differing_pixels(images: torch.Tensor, drawn: Parameters) -> int:
    return int((batched(images, drawn) != on_pil_images(images, drawn)).sum())


# --- under the ranges of recipes ----------------------------------------------------------------


def test_ten_thousand_images_equal_torchvision_under_the_published_ranges() -> None:
    images = noise(10_000, DIGIT)
    drawn = augment.draw(PUBLISHED, len(images), DIGIT, stream(1))

    assert n_differing_pixels(images, drawn) == 0


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
def test_wide_ranges_equal_torchvision(augmentation: Augmentation, size: tuple[int, int]) -> None:
    images = noise(300, size)
    drawn = augment.draw(augmentation, len(images), size, stream(2))

    assert n_differing_pixels(images, drawn) == 0


def test_the_transforms_themselves_give_these_images() -> None:
    """Not their functional forms with our draws, but torchvision's own pipeline."""
    pipeline = Compose([RandomRotation(6), RandomAffine(0, (0.08, 0.08), (0.94, 1.06), 2)])
    images = noise(200, (27, 33))
    theirs, rows = [], []
    with torch.random.fork_rng(devices=[]):
        for seed, image in enumerate(images.numpy()):
            torch.manual_seed(seed)
            theirs.append(np.asarray(pipeline(Image.fromarray(image))))
            torch.manual_seed(seed)  # once more, for what was drawn
            angle = RandomRotation.get_params([-6.0, 6.0])
            _, shift, scale, shear = RandomAffine.get_params(
                [0.0, 0.0], [0.08, 0.08], [0.94, 1.06], [-2.0, 2.0], [33, 27]
            )
            rows.append((angle, *shift, scale, shear[0]))

    assert np.array_equal(batched(images, many(rows)).numpy(), np.stack(theirs))


# --- extremes -----------------------------------------------------------------------------------

sides = st.one_of(st.sampled_from([1, 2, 27, 28, 33]), st.integers(1, 40))
angles = st.one_of(
    st.sampled_from([0.0, -0.0, 45.0, 60.0, 90.0, -90.0, 180.0, -180.0, 270.0, 1e-14, 89.99999]),
    st.sampled_from([np.nextafter(90, 0), np.nextafter(180, 0), -1e-20, 180 - 1e-13, 6e-14]),
    st.floats(-180, 180),
)
shifts = st.one_of(st.integers(-60, 60), st.integers(-2_000, 2_000))
scales = st.one_of(
    st.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 7.0]),
    st.floats(0.05, 20),
    st.floats(-2.5, 5).map(lambda power: 10.0**power),
)
shears = st.one_of(
    st.sampled_from([0.0, -0.0, 45.0, -45.0, 1e-14]), st.floats(-80, 80), st.floats(-89, 89)
)
images_rows = st.lists(st.tuples(angles, shifts, shifts, scales, shears), min_size=1, max_size=4)


@settings(max_examples=400)
@given(size=st.tuples(sides, sides), rows=images_rows)
@example(size=(28, 28), rows=[(90.0, 0, 0, 1.0, 0.0)])
@example(size=(27, 33), rows=[(90.0, 0, 0, 1.0, 0.0)])  # not square: no short cut
@example(size=(27, 33), rows=[(180.0, 0, 0, 1.0, 0.0)])
@example(size=(28, 28), rows=[(0.0, 29, 0, 1.0, 0.0)])  # past the border
@example(size=(28, 28), rows=[(0.0, 0, 0, 0.75, 0.0)])  # a double just below 0
@example(size=(28, 28), rows=[(0.0, 0, 0, 1e-4, 0.0), (0.0, 0, 0, 1e-4, 1.0)])
def test_extremes_equal_torchvision(size: tuple[int, int], rows: list[Row]) -> None:
    assert n_differing_pixels(noise(len(rows), size), many(rows)) == 0


@pytest.mark.parametrize(
    "size", [(27, 33), (33, 27), (28, 28), (27, 27), (28, 33), (1, 6), (7, 1), (1, 1)], ids=str
)
def test_quarter_turns_equal_pillows_short_cuts(size: tuple[int, int]) -> None:
    """Alone, beside the exact angle, and before a second step."""
    exact = [90.0 * turn for turn in range(-4, 5)]
    beside = [np.nextafter(angle, end) for angle in exact for end in (-1e3, 1e3)]
    rows = [
        (angle, x, 0, scale, shear)
        for angle in exact + beside
        for x, scale, shear in ((0, 1.0, 0.0), (3, 1.0, 0.0), (0, 0.5, 0.0), (-2, 1.3, 20.0))
    ]

    assert n_differing_pixels(noise(len(rows), size), many(rows)) == 0


def test_scaled_without_shear_takes_pillows_path_of_added_doubles() -> None:
    """Fixed point gives other pixels for some of these, so the two paths are told apart."""
    rows = [(0.0, 0, 0, scale, 0.0) for scale in np.linspace(0.3, 3.0, 2_000)]

    assert n_differing_pixels(noise(len(rows), (23, 29)), many(rows)) == 0


# Beyond Pillow's fixed point, shifted so that some of the image stays in sight.
FAR: dict[str, tuple[tuple[int, int], list[Row]]] = {
    "wide": (
        (27, 33),
        [
            (float(i), x, y, 0.002 * 1.01**i, 89.0 - 0.1 * i)
            for i in range(120)
            for x, y in ((0, 0), (5, -3), (-7, 1))
        ],
    ),
    # A line lies an odd number of pixels beside the next, and the sources on pixels' borders,
    # where the last bit of every sum of doubles decides.
    "columns on borders": (
        (28, 28),
        [
            (0.0, side * (odd + 1) // 2, 0, 1.0, math.degrees(math.atan(odd)))
            for odd in range(2_401, 6_001, 2)
            for side in (1, -1)
        ],
    ),
    "rows on borders": (
        (28, 33),
        [
            (0.0, side * 1_432 + x, y, scale, 89.98)
            for side in (1, -1, 3)
            for x in range(-16, 17, 2)
            for y in (0, 1, -1)
            for scale in (0.3, 0.6, 0.75, 0.9, 1.5)
        ],
    ),
}


@pytest.mark.parametrize("name", FAR)
def test_beyond_fixed_point_takes_pillows_third_path(name: str) -> None:
    size, rows = FAR[name]
    images, drawn = noise(len(rows), size), many(rows)

    assert maps(drawn, size).sources is not None
    assert n_differing_pixels(images, drawn) == 0
    assert batched(images, drawn).flatten(1).any(dim=1).all()


def test_without_shear_no_table_of_every_pixel_is_made() -> None:
    drawn = many([(30.0, 2, 3, 1e-4, 0.0)])

    assert maps(drawn, DIGIT).sources is None


# --- the rotation matrix's 15 decimals ----------------------------------------------------------

halves = st.integers(-(10**15), 10**15 - 1).map(lambda units: (units + 0.5) * 1e-15)
entries = st.one_of(st.floats(-1, 1), halves, st.floats(-1e-14, 1e-14))


@settings(max_examples=300)
@given(st.lists(entries, min_size=1, max_size=50))
def test_rounding_is_pythons(values: list[float]) -> None:
    beside = [float(np.nextafter(v, end)) for v in values for end in (-2.0, 2.0)]
    every = [*values, *beside]

    assert _rounded(np.array(every)).tolist() == [round(value, 15) for value in every]


def test_rotations_whose_rounding_moves_a_pixel() -> None:
    """Cosines beside a step of the fixed point, where the 15th decimal decides on a pixel.

    A step lies at (k - 1/2) / 65536, which has 17 decimals.
    """
    steps = (np.arange(1, 65_536) - 0.5) / 65_536
    angles = np.degrees(np.arccos(steps))
    cosines = np.array([math.cos(-math.radians(angle)) for angle in angles])
    decided = angles[_fixed(cosines) != _fixed(np.round(cosines, 15))]
    drawn = many([(float(angle), 0, 0, 1.0, 0.0) for angle in decided[:400]])

    assert len(drawn) == 400
    assert n_differing_pixels(noise(400, (90, 101)), drawn) == 0


# --- by hand ------------------------------------------------------------------------------------


def test_a_quarter_turn_by_hand() -> None:
    image = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)

    assert batched(image, one(angle=90)).tolist() == [[[2, 4], [1, 3]]]
    assert batched(image, one(x=1)).tolist() == [[[0, 1], [0, 3]]]
    assert batched(image, one(y=-1)).tolist() == [[[3, 4], [0, 0]]]


@pytest.mark.parametrize(
    ("c", "f", "far"),
    [
        (-32_768.0, 0.0, True),  # the first corner: -32,768 itself is too far
        (-32_767.9, 0.0, False),
        (32_752.0, 0.0, True),  # the corner of x 4 and y 6: 4 + 12 + 32,752
        (32_751.9, 0.0, False),
        (0.0, -32_768.0, True),
        (0.0, -32_767.9, False),
        (0.0, 32_762.0, True),  # six rows below
        (0.0, 32_761.9, False),
    ],
)
def test_pillow_leaves_fixed_point_where_a_corner_is_32768_pixels_away(
    c: float, f: float, far: bool
) -> None:
    one, sheared = np.array([1.0]), np.array([2.0])
    affine = _Affine(a=one, b=sheared, c=np.array([c]), f=np.array([f]))
    assert affine.is_far((6, 4)).tolist() == [far]
