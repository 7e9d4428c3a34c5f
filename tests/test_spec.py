"""A recipe's bounds and contradictions, and what of it a key holds."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

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
        ({"optimizer": "rmsprop"}, "optimizer"),
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
    ({"schedule": "step"}, "schedule='step' needs step_fractions, such as (0.5, 0.75)"),
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
        "step_factor=0.5 has no effect: it needs schedule='step'",
    ),
    (
        {"final_fraction": 0.1},
        "final_fraction=0.1 has no effect: it needs schedule='cosine' or 'linear'",
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


# One value of each optional field in a recipe that it acts in.
OTHERS: dict[str, dict[str, Any]] = {
    "weight_decay": {"weight_decay": 0.1},
    "decay_norm_and_bias": {"decay_norm_and_bias": False},
    "optimizer": {"optimizer": "adamw"},
    "momentum": {"momentum": 0.8, "cycle_momentum": False},
    "schedule": {"schedule": "cosine"},
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


def test_every_field_of_a_recipe_is_part_of_the_key_and_survives_json() -> None:
    assert {*NEEDED, *OTHERS} == set(Recipe.__struct_fields__)
    recipes = [recipe(), *(recipe(**fields) for fields in OTHERS.values())]
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
