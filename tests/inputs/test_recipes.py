"""Recipes changed from the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.errors import UsageError
from bench.inputs.recipes import FIELDS, Changes, difference, parsed
from bench.spec import Augmentation, Recipe

OWN = Recipe(
    peak_learning_rate=0.02,
    warmup_fraction=0.25,
    ema_decay=0.999,
    augmentation=Augmentation(rotation_degrees=6.0, translate=0.08),
)
OTHER = Recipe(peak_learning_rate=0.01, warmup_fraction=0.2, weight_decay=1e-4)


def changed(*words: str, **keys: object) -> Recipe:
    return Changes(fields=parsed(words), **keys).applied(OWN)  # type: ignore[arg-type]


def test_nothing_said_leaves_the_recipe() -> None:
    assert changed() == OWN


def test_fields_are_changed_and_nothing_else() -> None:
    found = changed("ema_decay=0", "augmentation.translate=0.1", "optimizer=adamw")
    shifted = replace(OWN.augmentation, translate=0.1)
    assert found == replace(OWN, ema_decay=0.0, optimizer="adamw", augmentation=shifted)


def test_lists_and_truth_are_written_as_in_json() -> None:
    found = changed(
        "schedule=step",
        "step_fractions=[0.5,0.75]",
        "warmup_fraction=0",
        "decay_norm_and_bias=false",
    )
    assert (found.step_fractions, found.decay_norm_and_bias) == ((0.5, 0.75), False)


def test_another_networks_recipe_comes_first_and_the_epochs_last() -> None:
    assert changed(recipe=OTHER) == OTHER
    found = changed("weight_decay=0", "unaugmented_epochs=3", recipe=OTHER, epochs=2)
    assert found == replace(OTHER, weight_decay=0.0, unaugmented_epochs=2, epochs=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ema_decay"], "gives no value"),
        (["ema_decay="], "gives no value"),
        (["ema_deca=0"], "did you mean 'ema_decay'?"),
        (["augmentation=0"], "no field 'augmentation'"),
        (["ema_decay=0", "ema_decay=0.9"], "is given twice"),
        (["epochs=2"], "--epochs N"),
        (["ema_decay=1"], "< 1.0"),
        (["ema_decay=none"], "Expected `float`"),
        (["optimizer=adamx"], "optimizer"),
        (["schedule=step", "step_epochs=5"], "write a list as [5, 10]"),
        (["schedule=step", "step_epochs=(5,"], "write a list as [5, 10]"),
        (["step_factor=0.5"], "has no effect"),
    ],
)
def test_a_bad_change_is_one_clear_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        changed(*words)
    assert said in str(error.value)
    assert "--with" in str(error.value)
    assert "\n" not in str(error.value)


@given(
    decay=st.sampled_from([0.0, 0.5, 0.999]),
    translate=st.sampled_from([0.08, 0.1]),
    batch_size=st.integers(1, 512),
)
def test_the_difference_makes_the_other_recipe(
    decay: float, translate: float, batch_size: int
) -> None:
    augmentation = replace(OWN.augmentation, translate=translate)
    other = replace(OWN, ema_decay=decay, batch_size=batch_size, augmentation=augmentation)
    fields = difference(OWN, other)
    assert Changes(fields=fields).applied(OWN) == other
    assert len(fields) == (decay != 0.999) + (translate != 0.08) + (batch_size != 128)


def test_every_field_can_be_named() -> None:
    assert "peak_learning_rate" in FIELDS
    assert "augmentation.interpolation" in FIELDS
    assert "augmentation" not in FIELDS
    assert len(FIELDS) == len(set(FIELDS))
