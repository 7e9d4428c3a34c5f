"""The batched augmentation against torchvision on PIL images, one after another."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
import torchvision.transforms.functional as reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import RandomAffine, RandomRotation

from bench import augment
from bench.augment import Coefficients, Parameters
from bench.errors import TrainingError
from bench.spec import Augmentation

PUBLISHED = Augmentation(
    rotation_degrees=6, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2
)
DIGIT = (28, 28)


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n_images: int, size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """Images that show every displaced pixel: levels 1 to 255, so that fill differs from all."""
    return torch.randint(
        1, 256, (n_images, *size), dtype=torch.uint8, generator=stream(seed)
    )  # (n, height, width)


def parameters(
    angle: float = 0.0, x: int = 0, y: int = 0, scale: float = 1.0, shear: float = 0.0
) -> Parameters:
    """One image's parameters."""
    return Parameters(
        np.array([angle]), np.array([x]), np.array([y]), np.array([scale]), np.array([shear])
    )


def one_by_one(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    """torchvision's two functional operations on a PIL image after another."""
    results = []
    for i, image in enumerate(images.numpy()):
        rotated = reference.rotate(Image.fromarray(image), float(drawn.angle[i]))
        moved = reference.affine(
            rotated,
            angle=0.0,
            translate=[int(drawn.translate_x[i]), int(drawn.translate_y[i])],
            scale=float(drawn.scale[i]),
            shear=[float(drawn.shear[i]), 0.0],
        )
        results.append(np.asarray(moved))
    return torch.from_numpy(np.stack(results))


def batched(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    height, width = images.shape[1:]
    return augment.apply(images, augment.coefficients(drawn, (height, width)))


def n_differing_pixels(images: torch.Tensor, drawn: Parameters) -> int:
    return int((batched(images, drawn) != one_by_one(images, drawn)).sum())


# --- the pixels ---------------------------------------------------------------------------------


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


angles = st.one_of(
    st.sampled_from([0.0, -0.0, 45.0, 60.0, 90.0, -90.0, 180.0, -180.0, 270.0, 1e-14, 89.99999]),
    st.floats(-180, 180),
)
scales = st.one_of(st.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 7.0]), st.floats(0.05, 20))
shears = st.one_of(st.sampled_from([0.0, -0.0, 45.0, -45.0, 1e-14]), st.floats(-80, 80))


@settings(max_examples=300, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    angle=angles,
    x=st.integers(-60, 60),
    y=st.integers(-60, 60),
    scale=scales,
    shear=shears,
)
@example(size=(28, 28), angle=90.0, x=0, y=0, scale=1.0, shear=0.0)
@example(size=(27, 33), angle=90.0, x=0, y=0, scale=1.0, shear=0.0)  # not square: no short cut
@example(size=(27, 33), angle=180.0, x=0, y=0, scale=1.0, shear=0.0)
@example(size=(28, 28), angle=0.0, x=29, y=0, scale=1.0, shear=0.0)  # past the border
@example(size=(28, 28), angle=0.0, x=0, y=0, scale=0.75, shear=0.0)  # a double just below 0
def test_extremes_equal_torchvision(
    size: tuple[int, int], angle: float, x: int, y: int, scale: float, shear: float
) -> None:
    assert n_differing_pixels(noise(1, size), parameters(angle, x, y, scale, shear)) == 0


def test_scaled_without_shear_takes_pillows_path_of_added_doubles() -> None:
    """Fixed point gives other pixels for some of these, so the two paths are told apart."""
    scale = np.linspace(0.3, 3.0, 2_000)
    zeros = np.zeros(len(scale), np.int64)
    drawn = Parameters(zeros * 1.0, zeros, zeros, scale, zeros * 1.0)

    assert n_differing_pixels(noise(len(scale), (23, 29)), drawn) == 0


def test_a_quarter_turn_by_hand() -> None:
    image = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)

    assert batched(image, parameters(angle=90)).tolist() == [[[2, 4], [1, 3]]]
    assert batched(image, parameters(x=1)).tolist() == [[[0, 1], [0, 3]]]
    assert batched(image, parameters(y=-1)).tolist() == [[[3, 4], [0, 0]]]


def test_without_parts_the_images_themselves_come_back() -> None:
    images = noise(7, DIGIT)
    maps = augment.coefficients(augment.draw(Augmentation(), 7, DIGIT, stream(0)), DIGIT)

    assert maps.identity
    assert augment.apply(images, maps) is images
    assert augment.apply(images[:3], maps[:3]).equal(images[:3])


# --- batches and devices ------------------------------------------------------------------------


def published_maps(n_images: int) -> Coefficients:
    return augment.coefficients(augment.draw(PUBLISHED, n_images, DIGIT, stream(3)), DIGIT)


@pytest.mark.parametrize(
    "rows",
    [slice(5, 12), torch.tensor([11, 0, 0, 7]), torch.arange(20) % 3 == 0],
    ids=["slice", "indices", "mask"],
)
def test_a_batch_is_part_of_the_whole(rows: slice | torch.Tensor) -> None:
    images, maps = noise(20, DIGIT), published_maps(20)

    batch = augment.apply(images[rows], maps[rows])

    assert batch.equal(augment.apply(images, maps)[rows])
    assert len(maps[rows]) == len(batch)


def test_images_and_maps_are_left_as_they_were() -> None:
    images, maps = noise(20, DIGIT), published_maps(20)
    before = images.clone(), maps[:].columns.clone(), maps.rotation.clone()

    augment.apply(images, maps)

    assert images.equal(before[0])
    assert maps.columns.equal(before[1])
    assert maps.rotation.equal(before[2])


def test_no_images_are_no_trouble() -> None:
    maps = published_maps(8)

    assert augment.apply(noise(8, DIGIT)[:0], maps[:0]).shape == (0, 28, 28)
    assert len(augment.coefficients(augment.draw(PUBLISHED, 0, DIGIT, stream(0)), DIGIT)) == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_pixels() -> None:
    images, maps = noise(2_000, DIGIT), published_maps(2_000)

    on_gpu = augment.apply(images.cuda(), maps.to("cuda")).cpu()

    assert on_gpu.equal(augment.apply(images, maps))


# --- the draws ----------------------------------------------------------------------------------

N_DRAWS = 20_000
ALPHA = 1e-3  # the draws are seeded, so these tests pass always or never


def test_whole_translations_have_torchvisions_probabilities() -> None:
    """Uniform +-2.24 pixels, rounded: the outer values have .74 of an inner one's width."""
    drawn = augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(4))
    outer, inner = 0.74 / 4.48, 1 / 4.48
    expected = np.array([outer, inner, inner, inner, outer]) * N_DRAWS

    for values in (drawn.translate_x, drawn.translate_y):
        whole, counts = np.unique(values, return_counts=True)
        assert whole.tolist() == [-2, -1, 0, 1, 2]
        assert scipy.stats.chisquare(counts, expected).pvalue > ALPHA


@pytest.mark.parametrize(
    ("field", "low", "high"), [("angle", -6, 6), ("scale", 0.94, 1.06), ("shear", -2, 2)]
)
def test_the_rest_is_uniform(field: str, low: float, high: float) -> None:
    values = getattr(augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(5)), field)

    assert scipy.stats.kstest(values, scipy.stats.uniform(low, high - low).cdf).pvalue > ALPHA
    assert np.array_equal(values, values.astype(np.float32))  # torchvision draws in float32


def test_draws_have_torchvisions_own_distributions() -> None:
    drawn = augment.draw(PUBLISHED, 4_000, (27, 33), stream(6))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        angle = [RandomRotation.get_params([-6.0, 6.0]) for _ in range(4_000)]
        affine = [
            RandomAffine.get_params([0.0, 0.0], [0.08, 0.08], [0.94, 1.06], [-2.0, 2.0], [33, 27])
            for _ in range(4_000)
        ]
    theirs = {
        "angle": angle,
        "translate_x": [translate[0] for _, translate, _, _ in affine],
        "translate_y": [translate[1] for _, translate, _, _ in affine],
        "scale": [scale for _, _, scale, _ in affine],
        "shear": [shear[0] for _, _, _, shear in affine],
    }

    for field, values in theirs.items():
        ours = getattr(drawn, field)
        assert scipy.stats.ks_2samp(ours, values).pvalue > ALPHA, field
        assert set(np.unique(drawn.translate_x)) == {-3, -2, -1, 0, 1, 2, 3}


def test_translations_follow_their_own_side() -> None:
    drawn = augment.draw(Augmentation(translate=0.5), 2_000, (10, 40), stream(8))

    assert (drawn.translate_x.min(), drawn.translate_x.max()) == (-20, 20)
    assert (drawn.translate_y.min(), drawn.translate_y.max()) == (-5, 5)


def everything(drawn: Parameters) -> list[list[float]]:
    return [values.tolist() for values in vars(drawn).values()]


def test_same_seed_same_draws() -> None:
    drawn = [augment.draw(PUBLISHED, 50, DIGIT, stream(9)) for _ in range(2)]

    assert everything(drawn[0]) == everything(drawn[1])


def test_other_seed_other_draws() -> None:
    one, other = (augment.draw(PUBLISHED, 50, DIGIT, stream(seed)) for seed in (9, 10))

    assert all(a != b for a, b in zip(everything(one), everything(other), strict=True))


def test_the_global_generator_is_untouched() -> None:
    before = torch.random.get_rng_state()
    numpy_before = np.random.get_state()[1]  # noqa: NPY002 - the state that must not move

    augment.draw(PUBLISHED, 50, DIGIT, stream(9))

    assert torch.random.get_rng_state().equal(before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_the_parameters_are_independent() -> None:
    drawn = augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(11))
    correlation = np.corrcoef([np.asarray(values) for values in vars(drawn).values()])

    assert np.abs(correlation - np.eye(5)).max() < 4 / np.sqrt(N_DRAWS)


# --- what cannot be done ------------------------------------------------------------------------


def test_beyond_pillows_fixed_point_is_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        augment.coefficients(parameters(scale=0.0005), DIGIT)

    assert str(caught.value) == (
        "an image is shrunk or sheared beyond 32,768 pixels (the recipe's augmentation): "
        "raise scale_min above 0.01 or lower shear_degrees below 80"
    )


def test_huge_images_are_refused() -> None:
    with pytest.raises(TrainingError, match="images of 28 x 5000 pixels are too large"):
        augment.coefficients(parameters(), (28, 5000))
