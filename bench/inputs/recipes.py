"""How a command changes recipes: another network's recipe, or other values of some fields."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bench.errors import UsageError, nearest, page
from bench.spec import Augmentation, Recipe

WHERE = "--with"
INNER = [f"augmentation.{name}" for name in Augmentation.__struct_fields__]

# Every field by its dotted name, in the recipe's order.
FIELDS = [
    each
    for name in Recipe.__struct_fields__
    for each in (INNER if name == "augmentation" else [name])
]
# PyTorch's names of fields that have another name here.
PYTORCH = {
    "lr": "peak_learning_rate",
    "max_lr": "peak_learning_rate",
    "learning_rate": "peak_learning_rate",
    "pct_start": "warmup_fraction",
    "num_epochs": "epochs",
    "gamma": "step_factor",
    "milestones": "step_epochs",
    "mean": "pixel_mean",
    "std": "pixel_std",
}


def nearest_field(name: str) -> str:
    """``did you mean 'peak_learning_rate'?`` for a field that no recipe has, such as lr."""
    own = PYTORCH.get(name)
    return f"did you mean '{own}'?" if own else nearest(name, FIELDS)


@dataclass(frozen=True)
class Changes:
    """How a command changes the recipes in the architectures' files.

    Attributes:
        recipe: Another network's recipe, in place of each network's own.
        fields: Field -> value, such as `augmentation.translate` -> 0.1; applied after `recipe`.
        epochs: The number of epochs; applied last.
    """

    recipe: Recipe | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None

    def applied(self, own: Recipe) -> Recipe:
        """The recipe for an architecture whose file holds the recipe `own`.

        Raises:
            UsageError: a bad value of a field, or fields that contradict each other.
        """
        changed = _with(own if self.recipe is None else self.recipe, self.fields)
        return changed if self.epochs is None else changed.with_epochs(self.epochs)


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """`ema_decay=0`, `augmentation.translate=0.1`, `optimizer=sgd` -> field -> value.

    Raises:
        UsageError: an unknown field, a field named twice, or no value.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not text:
            raise UsageError(f"'{word}' gives no value", where=WHERE, remedy="write FIELD=VALUE")
        if name not in FIELDS:
            raise UsageError(
                f"a recipe has no field '{name}'", where=WHERE, remedy=nearest_field(name)
            )
        if name == "epochs":
            raise UsageError("epochs have an option of their own", where=WHERE, remedy="--epochs N")
        if name in found:
            raise UsageError(f"'{name}' is given twice", where=WHERE, remedy="name it once")
        found[name] = _value(text)
    return found


def written(value: Any) -> str:
    """A field's value in the form that `parsed` reads; whole numbers without a point."""
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


def difference(own: Recipe, other: Recipe) -> dict[str, Any]:
    """The fields in which the other recipe differs, with the other recipe's values."""
    ours, theirs = _flat(own), _flat(other)
    return {name: theirs[name] for name in FIELDS if ours[name] != theirs[name]}


def _with(recipe: Recipe, fields: Mapping[str, Any]) -> Recipe:
    content = msgspec.to_builtins(recipe)
    for name, value in fields.items():
        *outer, inner = name.split(".")
        (content[outer[0]] if outer else content)[inner] = value
    try:
        return msgspec.convert(content, Recipe)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # half a character, the latter
        remedy = f"write a list as [5, 10]; {page('python')} lists the fields"
        raise UsageError(str(error), where=WHERE, remedy=remedy) from error


def _value(text: str) -> Any:
    """Numbers, lists, true and false as in JSON or in a recipe's file; other text is a word."""
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return read(text)
    return text


def _flat(recipe: Recipe) -> dict[str, Any]:
    """Field's dotted name -> value."""
    content: dict[str, Any] = msgspec.to_builtins(recipe)
    inner = content.pop("augmentation").items()
    return content | {f"augmentation.{name}": value for name, value in inner}
