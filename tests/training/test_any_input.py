"""Networks of other inputs and classes: structure without data, and whether they fit a data set."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from bench.errors import ArchitectureError
from bench.inputs import discover
from bench.inputs.discover import Found
from bench.measuring import portraits
from bench.records.receptive_fields import MEASURE, headline, shown
from bench.spec import Architecture, Augmentation, DatasetInfo, Recipe
from bench.training import provenance
from bench.training.engine import cpu
from bench.training.engine.network import require_trainable
from bench.training.selection import Selection, require_fit, require_usable_recipe, suited
from tests.support import write_architecture

COLOUR = '''
"""A small network for colour images."""
from torch import nn
from bench.spec import Recipe

INPUT = (3, 32, 24)
CLASSES = 7
RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=8)

class Network(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 7),
        )
'''


def loaded(folder: Path, source: str) -> Architecture:
    path = write_architecture(folder, "colour", source)
    return discover.load(discover.Found("colour", "", path))


def info(**fields: object) -> DatasetInfo:
    sizes = {"n_train": 8, "n_validation": 2, "n_test": 2}
    known = DatasetInfo(
        name="mine", digest="", split_seed=0, shape=(3, 32, 24), n_classes=7, **sizes
    )
    return replace(known, **fields)


def test_input_and_classes_are_the_files_own(tmp_path: Path) -> None:
    architecture = loaded(tmp_path, COLOUR)
    assert (architecture.input_shape, architecture.n_classes) == ((3, 32, 24), 7)
    assert require_trainable(architecture) == 3 * 4 * 9 + 4 + 8 + 4 * 7 + 7
    assert cpu.refusal(architecture) is None


def test_a_file_that_says_nothing_takes_grey_digits(tmp_path: Path) -> None:
    path = write_architecture(tmp_path, "tiny")
    architecture = discover.load(discover.Found("tiny", "", path))
    assert (architecture.input_shape, architecture.n_classes) == ((1, 28, 28), 10)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("(3, 32, 24)", "(3, 32)", "bad INPUT (3, 32)"),
        ("(3, 32, 24)", "(3, 0, 24)", "bad INPUT (3, 0, 24)"),
        ("(3, 32, 24)", "'3x32x24'", "such as INPUT = (3, 32, 32)"),
        ("CLASSES = 7", "CLASSES = 0", "bad CLASSES 0"),
        ("CLASSES = 7", "CLASSES = 'ten'", "such as CLASSES = 100"),
    ],
)
def test_a_bad_input_is_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        loaded(tmp_path, COLOUR.replace(old, new))
    assert words in str(caught.value)


def test_an_output_of_other_classes_names_the_hook(tmp_path: Path) -> None:
    architecture = loaded(tmp_path, COLOUR.replace("CLASSES = 7", "CLASSES = 9"))
    with pytest.raises(ArchitectureError, match=r"return \(2, 9\).*or set CLASSES"):
        require_trainable(architecture)


def test_structure_is_measured_without_data(tmp_path: Path) -> None:
    architecture = loaded(tmp_path, COLOUR)
    environment = provenance.environment(torch.device("cpu"), "test")
    portrait = portraits.portrait(architecture, environment)
    assert portrait.input_shape == (3, 32, 24)
    measured = portrait.measures[MEASURE]
    found = headline(measured, portrait.sides)
    assert found is not None
    assert found.output == "whole image"
    last = list(measured.layers.values())[-1]
    assert shown(last, sides=portrait.sides) == "whole image"
    assert portrait.measures["multiply_adds"].error is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shape": (1, 28, 28)}, "its INPUT is (3, 32, 24), the data set 'mine' has (1, 28, 28)"),
        ({"n_classes": 10}, "its CLASSES is 7, the data set 'mine' has 10"),
    ],
)
def test_a_network_that_does_not_fit_is_one_line(
    tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    architecture = loaded(tmp_path, COLOUR)
    require_fit(architecture, info())
    with pytest.raises(ArchitectureError) as caught:
        require_fit(architecture, info(**fields))
    assert words in str(caught.value)
    assert "or give another --dataset" in str(caught.value)


def test_a_recipe_needs_what_the_data_set_has(tmp_path: Path) -> None:
    architecture = loaded(tmp_path, COLOUR)
    require_usable_recipe(architecture, info())
    plateau = Recipe(peak_learning_rate=0.1, warmup_fraction=0.0, schedule="plateau")
    require_usable_recipe(replace(architecture, recipe=plateau), info())
    with pytest.raises(ArchitectureError, match="needs validation images, and 'mine' has none"):
        require_usable_recipe(replace(architecture, recipe=plateau), info(n_validation=0))
    grey = replace(architecture.recipe, pixel_mean=(0.1, 0.2))
    with pytest.raises(ArchitectureError, match="pixel_mean has 2 numbers, the images have 3"):
        require_usable_recipe(replace(architecture, recipe=grey), info())


@pytest.mark.parametrize(
    ("augmentation", "words"),
    [
        (Augmentation(crop_padding=24, crop_padding_mode="reflect"), "at most 23 pixels"),
        (Augmentation(erasing_probability=0.1, erasing_fill=(1, 2)), "erasing_fill has 2 levels"),
    ],
)
def test_an_augmentation_that_does_not_suit_the_images_is_told_before_the_first_run(
    tmp_path: Path, augmentation: Augmentation, words: str
) -> None:
    fits = loaded(tmp_path, COLOUR)
    recipe = replace(fits.recipe, augmentation=augmentation)
    misfit = replace(fits, name="misfit", recipe=recipe)
    named = [(Found(each.name, "", each.path), each) for each in (fits, misfit)]
    with pytest.raises(ArchitectureError, match=words):
        suited(Selection(named), named, info(), named=True)
    left, trained = suited(Selection(named), named, info(), named=False)
    assert (left.usable, trained) == (named[:1], named[:1])
    assert [words in str(error) for error in left.broken] == [True]
