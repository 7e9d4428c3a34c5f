"""The recipe's table: every field, and which of them act."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bench.report.sections import recipe
from bench.report.summary import summarise
from bench.spec import Augmentation, Recipe
from tests import factories


def rows(**fields: Any) -> dict[str, str]:
    """Setting -> value, as the section prints the recipe with these fields."""
    how = Recipe(peak_learning_rate=0.012, warmup_fraction=0.1, **fields)
    portrait = replace(factories.portrait("model_1"), recipe=how)
    section = recipe.section(
        summarise("local", [], [portrait], factories.published(), {}, "command")[0]
    )
    assert section is not None
    (table,) = section.tables
    return {name.text: value.text for name, value in table.rows}


def test_every_field_that_acts_has_a_row() -> None:
    how = Recipe(peak_learning_rate=0.012, warmup_fraction=0.1)
    names = [name for name in Recipe.__struct_fields__ if name not in how.unused]
    names.remove("augmentation")
    assert {"momentum", "step_epochs", "plateau_patience"} <= set(how.unused)
    # Nothing is done to the images: scales of 1 and the way to interpolate are what is left.
    off = {f"augmentation: {name}" for name in ("scale min", "scale max", "interpolation")}
    assert set(rows()) == {*(name.replace("_", " ") for name in names), *off}


def test_what_an_augmentation_does_has_a_row() -> None:
    part = Augmentation(crop_padding=4, crop_probability=0.5, flip_probability=1.0)
    found = set(rows(augmentation=part)) - set(rows())
    names = ("crop padding", "crop padding mode", "crop probability")
    assert found == {f"augmentation: {name}" for name in names}


def test_values_are_printed_as_they_are_written() -> None:
    found = rows(
        optimizer="sgd",
        schedule="step",
        step_fractions=(0.5, 0.75),
        ema_decay=0.9999999,
        decay_norm_and_bias=False,
        weight_decay=5e-5,
        augmentation=Augmentation(rotation_degrees=7.5),
    )
    assert found["step fractions"] == "0.5, 0.75"
    assert found["ema decay"] == "0.9999999"
    assert found["decay norm and bias"] == "no"
    assert found["weight decay"] == "5e-05"
    assert found["momentum"] == "0.9"
    assert found["optimizer"] == "sgd"
    assert found["peak learning rate"] == "0.012"
    assert found["augmentation: rotation degrees"] == "7.5"
