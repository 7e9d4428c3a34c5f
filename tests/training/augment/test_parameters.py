"""The draws against torchvision's own `get_params`."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from torchvision.transforms import RandomAffine, RandomRotation

from bench.errors import TrainingError
from bench.spec import Augmentation
from bench.training import augment
from bench.training.augment import Parameters
from tests.training.augment.oracle import DIGIT, PUBLISHED, stream

N_DRAWS = 20_000
ALPHA = 1e-3  # the draws are seeded, so these tests pass always or never
FIELDS = ("angle", "translate_x", "translate_y", "scale", "shear")


def values(drawn: Parameters) -> list[list[float]]:
    return [getattr(drawn, field).tolist() for field in FIELDS]


# --- the same numbers ---------------------------------------------------------------------------


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    degrees=st.floats(0.01, 180),
    translate=st.floats(0.001, 1),
    scale=st.tuples(st.floats(0.01, 1), st.floats(1.01, 20)),
    shear=st.floats(0.01, 89),
)
def test_one_image_takes_torchvisions_numbers(
    seed: int,
    size: tuple[int, int],
    degrees: float,
    translate: float,
    scale: tuple[float, float],
    shear: float,
) -> None:
    """`get_params` takes angle, x, y, scale and shear from the stream one after another, as `draw`
    does for one image: the same support, float32 arithmetic and rounding, to the last bit.
    """
    augmentation = Augmentation(
        rotation_degrees=degrees,
        translate=translate,
        scale_min=scale[0],
        scale_max=scale[1],
        shear_degrees=shear,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        angle, (x, y), factor, (shear_x, shear_y) = RandomAffine.get_params(
            [-degrees, degrees], [translate] * 2, list(scale), [-shear, shear], [size[1], size[0]]
        )

    ours = values(augment.draw(augmentation, 1, size, stream(seed)))

    assert ours == [[angle], [x], [y], [factor], [shear_x]]
    assert shear_y == 0


def test_many_images_take_the_numbers_of_one_after_another() -> None:
    """So what holds for one image holds for each of many."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        theirs = [RandomRotation.get_params([-6.0, 6.0]) for _ in range(1_000)]

    ours = augment.draw(Augmentation(rotation_degrees=6), 1_000, DIGIT, stream(3))

    assert ours.angle.tolist() == theirs


def test_parts_that_are_off_stay_off() -> None:
    drawn = augment.draw(Augmentation(), 3, DIGIT, stream(0))

    assert values(drawn) == [[0.0] * 3, [0] * 3, [0] * 3, [1.0] * 3, [0.0] * 3]
    assert drawn.identity


def test_a_part_with_a_probability_leaves_the_other_images_still() -> None:
    always = augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(2))
    how = replace(PUBLISHED, rotation_probability=0.3, affine_probability=0.6)
    drawn = augment.draw(how, N_DRAWS, DIGIT, stream(2))
    turns, moves = drawn.angle != 0, drawn.scale != 1

    assert turns.mean() == pytest.approx(0.3, abs=0.01)
    assert moves.mean() == pytest.approx(0.6, abs=0.01)
    assert (turns & moves).mean() == pytest.approx(0.18, abs=0.01)
    assert np.array_equal(drawn.angle, np.where(turns, always.angle, 0))
    for field in ("translate_x", "translate_y", "shear"):
        expected = np.where(moves, getattr(always, field), 0)
        assert np.array_equal(getattr(drawn, field), expected), field


# --- the same distributions ---------------------------------------------------------------------


def test_whole_translations_have_torchvisions_probabilities() -> None:
    """Uniform +-2.24 pixels, rounded: the outer values have .74 of an inner one's width."""
    drawn = augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(4))
    outer, inner = 0.74 / 4.48, 1 / 4.48
    expected = np.array([outer, inner, inner, inner, outer]) * N_DRAWS

    for whole in (drawn.translate_x, drawn.translate_y):
        levels, counts = np.unique(whole, return_counts=True)
        assert levels.tolist() == [-2, -1, 0, 1, 2]
        assert scipy.stats.chisquare(counts, expected).pvalue > ALPHA


@pytest.mark.parametrize(
    ("field", "low", "high"), [("angle", -6, 6), ("scale", 0.94, 1.06), ("shear", -2, 2)]
)
def test_the_rest_is_uniform(field: str, low: float, high: float) -> None:
    drawn = getattr(augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(5)), field)

    assert scipy.stats.kstest(drawn, scipy.stats.uniform(low, high - low).cdf).pvalue > ALPHA
    assert np.array_equal(drawn, drawn.astype(np.float32))  # torchvision draws in float32


def torchvisions(n_images: int, size: tuple[int, int]) -> dict[str, list[float]]:
    """torchvision's draws under the published ranges, from the global stream."""
    rows = []
    for _ in range(n_images):
        angle = RandomRotation.get_params([-6.0, 6.0])
        _, shift, scale, shear = RandomAffine.get_params(
            [0.0, 0.0], [0.08, 0.08], [0.94, 1.06], [-2.0, 2.0], [size[1], size[0]]
        )
        rows.append((angle, *shift, scale, shear[0]))
    return dict(zip(FIELDS, map(list, zip(*rows, strict=True)), strict=True))


def test_two_samples_come_from_one_distribution() -> None:
    drawn = augment.draw(PUBLISHED, 4_000, (27, 33), stream(6))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        theirs = torchvisions(4_000, (27, 33))

    for field in ("angle", "scale", "shear"):
        assert scipy.stats.ks_2samp(getattr(drawn, field), theirs[field]).pvalue > ALPHA, field
    for field, reach in (("translate_x", 3), ("translate_y", 2)):
        levels = np.arange(-reach, reach + 1)
        both = (getattr(drawn, field), np.array(theirs[field]))
        counts = np.array([[np.sum(sample == level) for level in levels] for sample in both])
        assert counts.sum(axis=1).tolist() == [4_000, 4_000]  # no other level
        assert counts.min() > 0
        assert scipy.stats.chi2_contingency(counts).pvalue > ALPHA, field


def test_translations_follow_their_own_side() -> None:
    drawn = augment.draw(Augmentation(translate=0.5), 2_000, (10, 40), stream(8))

    assert (drawn.translate_x.min(), drawn.translate_x.max()) == (-20, 20)
    assert (drawn.translate_y.min(), drawn.translate_y.max()) == (-5, 5)


def test_the_parameters_are_independent() -> None:
    drawn = augment.draw(PUBLISHED, N_DRAWS, DIGIT, stream(11))
    correlation = np.corrcoef(values(drawn))

    assert np.abs(correlation - np.eye(5)).max() < 4 / np.sqrt(N_DRAWS)


# --- seeds --------------------------------------------------------------------------------------


def test_same_seed_same_draws() -> None:
    drawn = [augment.draw(PUBLISHED, 50, DIGIT, stream(9)) for _ in range(2)]

    assert values(drawn[0]) == values(drawn[1])


def test_other_seed_other_draws() -> None:
    first, other = (augment.draw(PUBLISHED, 50, DIGIT, stream(seed)) for seed in (9, 10))

    assert all(a != b for a, b in zip(values(first), values(other), strict=True))


def test_the_global_generator_is_untouched() -> None:
    before = torch.random.get_rng_state()
    numpy_before = np.random.get_state(legacy=False)  # noqa: NPY002 - the state that must not move

    augment.draw(PUBLISHED, 50, DIGIT, stream(9))

    assert torch.random.get_rng_state().equal(before)
    numpy_after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert np.array_equal(numpy_after["state"]["key"], numpy_before["state"]["key"])


def test_an_empty_range_of_scales_is_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        augment.draw(Augmentation(scale_min=1.2, scale_max=0.9), 5, DIGIT, stream(0))

    assert str(caught.value) == (
        "scale_min 1.2 is above scale_max 0.9 (the recipe's augmentation): "
        "give scale_max a value of at least scale_min"
    )
