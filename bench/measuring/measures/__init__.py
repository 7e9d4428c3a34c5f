"""Measures: what an architecture is, as numbers. One file a measure, found by a folder scan.

A measure is a module in this folder, or in the user's own folder `measures/`. Its name does not
start with an underscore. It has

    FIELDS: tuple[Field, ...]
    measure(model, example, components) -> Measured

`example` is a batch of images (n, channels, height, width), as large as a training batch;
`components` maps a prefix of a module's dotted name to a component's name. A measure that needs the
`recipe` takes it as a fourth argument. A measure that does not apply raises `MeasureError`. The
docstrings of the measures do not repeat this.
"""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from bench.errors import BenchError, MeasureError
from bench.inputs import plugins
from bench.spec import Field, Measured, Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

DEFAULT_RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.0)  # Adam


KIND = "measures"
HERE = "bench/measuring/measures"
HOOKS = ("FIELDS", "measure")


def names() -> list[str]:
    """Every measure's name, sorted. Nothing is imported."""
    return sorted({*_builtin(), *(path.stem for path in plugins.files(KIND))})


def broken() -> list[BenchError]:
    """Why measures of the user's folder cannot be used; they are left out."""
    return plugins.own(KIND, HOOKS, _builtin()).broken


def _builtin() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_"))


def measure_all(
    model: nn.Module,
    example: Tensor,
    components: Mapping[str, str],
    recipe: Recipe = DEFAULT_RECIPE,
) -> dict[str, Measured]:
    """Each measure's name -> what it found; a measure that fails says why, the others still run.

    The model's training flags and the global generators of torch, numpy and Python come back as
    they were.
    """
    given = {"model": model, "example": example, "components": components, "recipe": recipe}
    own = plugins.own(KIND, HOOKS, _builtin()).usable
    _with_sizes(model, example)
    return {name: _measure_one(name, own.get(name), given) for name in sorted({*_builtin(), *own})}


def _with_sizes(model: nn.Module, example: Tensor) -> None:
    """Gives lazy layers their sizes by one forward pass; what fails there fails in the measures."""
    from torch.nn.parameter import is_lazy

    subject: Any = importlib.import_module("bench.measuring.subject")
    if any(is_lazy(parameter) for parameter in model.parameters()):
        with suppress(Exception), subject.at_rest(model, example):
            model(example[:1])


def _measure_one(name: str, own: ModuleType | None, given: Mapping[str, Any]) -> Measured:
    """The measure of that name; it gets those of the given values that it takes.

    Args:
        name: The measure's.
        own: The module in the user's folder; None for a measure of ours.
        given: What a measure can take, by the argument's name.
    """
    fields: tuple[Field, ...] = ()
    try:
        plugin: Any = own or importlib.import_module(f"{__name__}.{name}")  # brings torch
        subject: Any = importlib.import_module("bench.measuring.subject")
        fields = _fields(plugin.FIELDS)
        taken = inspect.signature(plugin.measure).parameters
        with subject.at_rest(given["model"], given["example"]):
            measured: Measured = plugin.measure(**{wanted: given[wanted] for wanted in taken})
        _require_fields(measured, f"{KIND if own else HERE}/{name}.py")
        # As a record would give it back: what it cannot hold is refused here.
        return (
            msgspec.json.decode(msgspec.json.encode(measured), type=Measured) if own else measured
        )
    except (Exception, SystemExit) as error:  # a plug-in may raise anything; the rest go on
        return Measured(fields=fields, values={}, error=_one_line(name, error))


def _fields(found: object) -> tuple[Field, ...]:
    """The measure's FIELDS; TypeError for anything else than a tuple of them."""
    if isinstance(found, tuple) and all(isinstance(each, Field) for each in found):
        return found
    raise TypeError("FIELDS is no tuple of bench.spec.Field")


def _require_fields(measured: Measured, where: str) -> None:
    if not isinstance(measured, Measured):
        raise MeasureError(
            f"it returns {type(measured).__name__}",
            where=where,
            remedy="return bench.spec.Measured",
        )
    promised = {field.name for field in _fields(measured.fields)}
    if promised != measured.values.keys():
        odd = ", ".join(sorted(promised ^ measured.values.keys()))
        raise MeasureError(
            f"fields and values differ in: {odd}",
            where=where,
            remedy="return one value for each of FIELDS",
        )
    for name, value in measured.values.items():
        if not isinstance(value, int | float | str | None):
            raise TypeError(f"{name} is a {type(value).__name__}, not a number or a text")
        if isinstance(value, float) and not math.isfinite(value):
            raise TypeError(f"{name} is {value}: leave out what cannot be known, as None")


def _one_line(name: str, error: BaseException) -> str:
    if isinstance(error, MeasureError):
        return str(error)
    text = " ".join(str(error).split())[:200]
    return str(
        MeasureError(
            f"{type(error).__name__}: {text}" if text else type(error).__name__,
            where=f"measure {name}",
            remedy="the model or the measure raised this; run the model's forward once to see",
        )
    )
