"""A recipe's bounds and contradictions, and what of it a key holds."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bench.records.arms import identity
from bench.records.store import Suite
from bench.spec import Augmentation, Recipe, RecipeError, canonical_json, checked
from tests.factories import run_spec
from tests.support import ROOT

NEEDED: dict[str, Any] = {"peak_learning_rate": 0.01, "warmup_fraction": 0.2}


def recipe(**fields: Any) -> Recipe:
    return checked(Recipe(**{**NEEDED, **fields}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"peak_learning_rate": 0.0}, "peak_learning_rate"),
        ({"warmup_fraction": 1.0}, "warmup_fraction"),
        ({"warmup_fraction": -0.1}, "warmup_fraction"),
        ({"weight_decay": -1e-4}, "weight_decay"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"optimizer": "sgd", "schedule": "linear", "momentum": 1.0}, "momentum"),
        ({"schedule": "cosin"}, "schedule"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"label_smoothing": "much"}, "label_smoothing"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"ema_decay": -0.5}, "ema_decay"),
        ({"batch_size": 0}, "batch_size"),
        ({"unaugmented_epochs": -1}, "unaugmented_epochs"),
        ({"unaugmented_epochs": "two"}, "unaugmented_epochs"),
        ({"div_factor": 0.0}, "div_factor"),
        ({"schedule": "step", "step_fractions": (0.0, 0.5)}, "step_fractions"),
        ({"schedule": "step", "step_fractions": (0.5, 1.0)}, "step_fractions"),
        ({"schedule": "step", "step_fractions": (0.5,), "step_factor": 1.0}, "step_factor"),
        ({"augmentation": Augmentation(translate=1.5)}, r"augmentation\.translate"),
    ],
)
def test_a_field_beyond_its_bounds_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        recipe(**fields)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"schedule": "step"},
        (
            "schedule='step' needs step_fractions, such as (0.5, 0.75), step_epochs, such as "
            "(5, 10), or step_size_epochs, such as 5"
        ),
    ),
    (
        {"schedule": "step", "step_fractions": (0.5,), "step_size_epochs": 5},
        "step_fractions and step_size_epochs are both given: give one of them",
    ),
    ({"schedule": "step", "step_epochs": (5, 5)}, "step_epochs=(5, 5) do not rise"),
    (
        {"step_epochs": (5,)},
        "step_epochs=(5,) has no effect: it needs schedule='step'",
    ),
    (
        {"nesterov": False},
        "nesterov=False has no effect: it needs optimizer='sgd' and a momentum above 0",
    ),
    (
        {"optimizer": "sgd", "schedule": "constant", "momentum": 0.0, "nesterov": False},
        "nesterov=False has no effect: it needs optimizer='sgd' and a momentum above 0",
    ),
    (
        {"optimizer": "sgd", "centered": True},
        "centered=True has no effect: it needs optimizer='rmsprop'",
    ),
    (
        {"schedule": "step", "step_size_epochs": 5, "by_epoch": True},
        ("by_epoch=True has no effect: it needs schedule='cosine', 'cosine_restarts' or 'linear'"),
    ),
    (
        {"schedule": "cosine_restarts"},
        "schedule='cosine_restarts' needs restart_epochs, such as 5",
    ),
    (
        {"schedule": "cosine", "plateau_patience": 2},
        "plateau_patience=2 has no effect: it needs schedule='plateau'",
    ),
    (
        {"schedule": "table"},
        "schedule='table' needs learning_rate_table, such as ((1, 0.1), (8, 0.01))",
    ),
    (
        {"schedule": "table", "learning_rate_table": ((2, 0.01),)},
        "learning_rate_table=((2, 0.01),) does not begin with epoch 1",
    ),
    (
        {"schedule": "table", "learning_rate_table": ((1, 0.01), (1, 0.001))},
        "the epochs of learning_rate_table=((1, 0.01), (1, 0.001)) do not rise",
    ),
    (
        {"schedule": "table", "learning_rate_table": ((1, 0.001), (2, 0.02))},
        ("peak_learning_rate=0.01 is not the largest learning rate of learning_rate_table, 0.02"),
    ),
    (
        {"schedule": "step", "step_fractions": (0.7, 0.5)},
        "step_fractions=(0.7, 0.5) do not rise",
    ),
    (
        {"step_fractions": (0.5,)},
        "step_fractions=(0.5,) has no effect: it needs schedule='step'",
    ),
    (
        {"schedule": "cosine", "step_factor": 0.5},
        "step_factor=0.5 has no effect: it needs schedule='step' or 'plateau'",
    ),
    (
        {"final_fraction": 0.1},
        (
            "final_fraction=0.1 has no effect: "
            "it needs schedule='cosine', 'cosine_restarts', 'linear' or 'plateau'"
        ),
    ),
    (
        {"schedule": "linear", "final_div_factor": 10.0},
        "final_div_factor=10.0 has no effect: it needs schedule='one_cycle'",
    ),
    (
        {"schedule": "linear", "cycle_momentum": False},
        "cycle_momentum=False has no effect: it needs schedule='one_cycle'",
    ),
    (
        {"schedule": "linear", "warmup_fraction": 0.0, "div_factor": 10.0},
        "div_factor=10.0 has no effect: it needs a warmup_fraction above 0",
    ),
    (
        {"momentum": 0.5},
        (
            "momentum=0.5 has no effect: "
            "it needs cycle_momentum=False or another schedule than one_cycle"
        ),
    ),
    (
        {"epochs": 3, "unaugmented_epochs": 4},
        "unaugmented_epochs=4 is more than epochs=3",
    ),
    ({"peak_learning_rate": float("inf")}, "peak_learning_rate=inf is no finite number"),
    ({"weight_decay": float("nan")}, "weight_decay=nan is no finite number"),
    ({"pixel_mean": (0.1, float("nan"))}, "pixel_mean=(0.1, nan) is no finite number"),
    (
        {"schedule": "table", "learning_rate_table": ((1, float("inf")),)},
        "learning_rate_table=((1, inf),) is no finite number",
    ),
]


@pytest.mark.parametrize(("fields", "message"), CONTRADICTIONS)
def test_fields_that_contradict_each_other_are_one_clear_line(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        Recipe(**{**NEEDED, **fields})
    assert str(raised.value) == message
    if "finite" not in message:  # JSON has no such number
        with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
            msgspec.convert({**NEEDED, **fields}, Recipe)


@pytest.mark.parametrize("table", [((1, "0.1"),), ((1, 0.1, 3),), (1, 0.1)])
def test_a_table_of_another_form_is_told_by_its_form(table: Any) -> None:
    recipe = Recipe(**NEEDED, schedule="table", learning_rate_table=table)
    with pytest.raises(msgspec.ValidationError, match=r"^Expected .*learning_rate_table"):
        checked(recipe)


AUGMENTATION_CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"rotation_probability": 0.5},
        "rotation_probability=0.5 has no effect: it needs rotation_degrees above 0",
    ),
    (
        {"rotation_degrees": 5.0, "affine_probability": 0.5},
        (
            "affine_probability=0.5 has no effect: "
            "it needs translate, scale_min, scale_max or shear_degrees"
        ),
    ),
    (
        {"crop_padding_mode": "reflect"},
        "crop_padding_mode=reflect has no effect: it needs crop_padding above 0",
    ),
    (
        {"cutout_pixels": 8},
        "cutout_pixels=8 has no effect: it needs an erasing_probability above 0",
    ),
    (
        {"cutout_pixels": 8, "erasing_probability": 0.5, "erasing_scale_max": 0.5},
        (
            "erasing_scale_max=0.5 has no effect: "
            "it needs an erasing_probability above 0 without cutout_pixels"
        ),
    ),
    (
        {"erasing_probability": 0.5, "erasing_ratio_min": 4.0},
        "erasing_ratio_min=4.0 is above erasing_ratio_max=3.3",
    ),
    (
        {"erasing_probability": 0.5, "erasing_fill": ()},
        "erasing_fill is empty: give one grey level, such as (0,)",
    ),
    ({"brightness": float("nan")}, "brightness=nan is no finite number"),
]


@pytest.mark.parametrize(("fields", "message"), AUGMENTATION_CONTRADICTIONS)
def test_parts_of_an_augmentation_that_contradict_each_other_are_one_clear_line(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        Augmentation(**fields)
    assert str(raised.value) == message
    if "finite" not in message:
        with pytest.raises(msgspec.ValidationError, match=re.escape(message)):
            msgspec.convert({**NEEDED, "augmentation": fields}, Recipe)


# One value of each optional field in a recipe that it acts in.
OTHERS: dict[str, dict[str, Any]] = {
    "weight_decay": {"weight_decay": 0.1},
    "decay_norm_and_bias": {"decay_norm_and_bias": False},
    "optimizer": {"optimizer": "adamw"},
    "momentum": {"momentum": 0.8, "cycle_momentum": False},
    "nesterov": {"optimizer": "sgd", "nesterov": False},
    "rmsprop_alpha": {"optimizer": "rmsprop", "rmsprop_alpha": 0.9},
    "centered": {"optimizer": "rmsprop", "centered": True},
    "schedule": {"schedule": "cosine"},
    "by_epoch": {"schedule": "cosine", "by_epoch": True},
    "step_epochs": {"schedule": "step", "step_epochs": (5, 10)},
    "step_size_epochs": {"schedule": "step", "step_size_epochs": 5},
    "restart_epochs": {"schedule": "cosine_restarts", "restart_epochs": 5},
    "restart_factor": {"schedule": "cosine_restarts", "restart_epochs": 5, "restart_factor": 2},
    "learning_rate_table": {"schedule": "table", "learning_rate_table": ((1, 0.001), (4, 0.01))},
    "plateau_metric": {"schedule": "plateau", "plateau_metric": "validation_accuracy"},
    "plateau_patience": {"schedule": "plateau", "plateau_patience": 2},
    "plateau_threshold": {"schedule": "plateau", "plateau_threshold": 0.01},
    "plateau_cooldown": {"schedule": "plateau", "plateau_cooldown": 1},
    "div_factor": {"div_factor": 10.0},
    "final_div_factor": {"final_div_factor": 10.0},
    "cycle_momentum": {"cycle_momentum": False},
    "final_fraction": {"schedule": "cosine", "final_fraction": 0.1},
    "step_fractions": {"schedule": "step", "step_fractions": (0.5, 0.75)},
    "step_factor": {"schedule": "step", "step_fractions": (0.5, 0.75), "step_factor": 0.5},
    "label_smoothing": {"label_smoothing": 0.1},
    "ema_decay": {"ema_decay": 0.999},
    "ema_warmup": {"ema_decay": 0.999, "ema_warmup": 3.0},
    "batch_size": {"batch_size": 64},
    "epochs": {"epochs": 20},
    "augmentation": {"augmentation": Augmentation(rotation_degrees=5.0)},
    "unaugmented_epochs": {"unaugmented_epochs": 2},
    "pixel_mean": {"pixel_mean": 0.0},
    "pixel_std": {"pixel_std": 1.0},
}


CROP = {"crop_padding": 2}
ERASING = {"erasing_probability": 0.5}
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "rotation_degrees": {"rotation_degrees": 6.0},
    "rotation_probability": {"rotation_degrees": 6.0, "rotation_probability": 0.5},
    "translate": {"translate": 0.1},
    "scale_min": {"scale_min": 0.9},
    "scale_max": {"scale_max": 1.1},
    "shear_degrees": {"shear_degrees": 2.0},
    "affine_probability": {"translate": 0.1, "affine_probability": 0.5},
    "interpolation": {"translate": 0.1, "interpolation": "bilinear"},
    "crop_padding": CROP,
    "crop_padding_mode": {**CROP, "crop_padding_mode": "reflect"},
    "crop_probability": {**CROP, "crop_probability": 0.5},
    "flip_probability": {"flip_probability": 0.5},
    "brightness": {"brightness": 0.2},
    "contrast": {"contrast": 0.2},
    "saturation": {"saturation": 0.2},
    "jitter_probability": {"brightness": 0.2, "jitter_probability": 0.5},
    "erasing_probability": ERASING,
    "erasing_scale_min": {**ERASING, "erasing_scale_min": 0.1},
    "erasing_scale_max": {**ERASING, "erasing_scale_max": 0.2},
    "erasing_ratio_min": {**ERASING, "erasing_ratio_min": 0.5},
    "erasing_ratio_max": {**ERASING, "erasing_ratio_max": 2.0},
    "erasing_fill": {**ERASING, "erasing_fill": (33,)},
    "cutout_pixels": {**ERASING, "cutout_pixels": 8},
}


def test_every_field_of_a_recipe_is_part_of_the_key_and_survives_json() -> None:
    assert {*NEEDED, *OTHERS} == set(Recipe.__struct_fields__)
    assert set(AUGMENTATIONS) == set(Augmentation.__struct_fields__)
    parts = [Augmentation(**fields) for fields in AUGMENTATIONS.values()]
    recipes = [
        recipe(),
        *(recipe(**fields) for fields in OTHERS.values()),
        *(recipe(augmentation=part) for part in parts),
    ]
    keys = {run_spec("model_1", 0, recipe=each).key for each in recipes}
    assert len(keys) == len(recipes)
    for each in recipes:
        assert msgspec.json.decode(canonical_json(each), type=Recipe) == each


def test_a_default_that_is_spelled_out_changes_no_key() -> None:
    defaults = {
        field.name: field.default
        for field in msgspec.structs.fields(Recipe)
        if field.name not in NEEDED
    }
    keys = {run_spec("model_1", 0, recipe=each).key for each in (recipe(), recipe(**defaults))}
    assert len(keys) == 1


def test_no_later_field_changes_what_an_arm_is_called() -> None:
    """People name an arm by the first digits of its digest, so it stays as the records are."""
    runs = Suite(ROOT / "results", "reference").runs()
    of_model_1 = Counter(identity(run)[:12] for run in runs if run.architecture == "model_1")
    assert of_model_1 == {"3d22661d48ea": 10, "5ef5c6d25945": 5}


@pytest.mark.parametrize(("epochs", "unaugmented"), [(1, 1), (4, 4), (20, 5)])
def test_a_recipe_is_valid_over_any_number_of_epochs(epochs: int, unaugmented: int) -> None:
    long = recipe(unaugmented_epochs=5, schedule="step", step_fractions=(0.5, 0.75))
    other = long.with_epochs(epochs)
    assert (other.epochs, other.unaugmented_epochs) == (epochs, unaugmented)
    assert replace(other, epochs=15, unaugmented_epochs=5) == long


def test_the_starters_examples_are_fields_of_a_recipe() -> None:
    starter = (ROOT / "templates" / "architecture.py").read_text(encoding="utf-8")
    comment = [line for line in starter.splitlines() if line.startswith("#   ")]
    named = re.findall(r"(\w+)=", "\n".join(comment))
    assert len(named) > 5
    assert set(named) <= set(Recipe.__struct_fields__)
