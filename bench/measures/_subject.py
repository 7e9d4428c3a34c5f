"""The model under measurement: kept at rest, its layers named, ordered and grouped.

A *layer* is a module that torch.nn ships and that does its own work (a container does not), or a
module of the architecture that holds parameters itself. Names are dotted module names, so every
measure's rows can be joined into one table.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.errors import MeasureError

ROOT = "(model)"  # what the model computes outside of any layer

# The README's grouping: these keys are always there, 0 where the architecture has none.
COMPONENTS = ("Conv Layers", "BatchNorm", "SE Attention", "Skip Connections", "Final Linear")
OTHER = "Other"

# Component of a layer that the architecture did not declare, by its type; else OTHER.
COMPONENT_OF_TYPE: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.modules.conv._ConvNd, "Conv Layers"),  # every convolution, transposed ones included
    (nn.modules.batchnorm._BatchNorm, "BatchNorm"),
    (nn.Linear, "Final Linear"),
)

# torch.nn modules that only hold others; their forward, where they have one, is their children's.
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Call:
    """One call of a layer in a forward pass."""

    name: str  # the layer's dotted name, "name (call 2)" when it is called again
    layer: str  # the layer's dotted name
    operation: str  # the class's name
    output_shape: list[int] | None  # without the batch; None for a layer that is never called


@contextmanager
def at_rest(model: nn.Module, example: Tensor) -> Iterator[None]:
    """Eval mode and no gradients inside; training flags and global generators restored after."""
    training = {module: module.training for module in model.modules()}
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global generator is what is kept
    devices = [example.device] if example.device.type == "cuda" else []
    model.eval()
    try:
        with torch.random.fork_rng(devices), torch.no_grad():
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        for module, flag in training.items():
            module.training = flag


def display_name(module_name: str) -> str:
    """The dotted name, or a word for the model itself."""
    return module_name or ROOT


def is_layer(module: nn.Module) -> bool:
    """True for a module that torch.nn ships and that is no container."""
    holder = isinstance(module, CONTAINERS) or type(module) is nn.Module
    return type(module).__module__.startswith("torch.nn") and not holder


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """Dotted name -> layer, in module order; a shared layer once, under its first name."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(_under(name, outer) for outer in found if is_layer(found[outer]))
        owns = next(module.parameters(recurse=False), None) is not None
        if not inside and (is_layer(module) or owns):
            found[name] = module
    return found


def calls(model: nn.Module, example: Tensor) -> list[Call]:
    """Calls of layers in the order of one forward pass, then layers that are never called.

    Raises:
        MeasureError: the model does not accept the example.
    """
    made: list[Call] = []
    known = layers(model)
    handles = [
        module.register_forward_hook(_recorder(made, name)) for name, module in known.items()
    ]
    try:
        with at_rest(model, example):
            model(example[:1])
    except Exception as error:
        raise MeasureError(
            f"the forward pass raised {type(error).__name__}: {error}",
            where=f"{type(model).__name__} on an input of shape {tuple(example[:1].shape)}",
            remedy="make forward accept such a batch",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    called = {call.layer for call in made}
    idle = ((name, module) for name, module in known.items() if name not in called)
    return made + [_call(name, name, module, None) for name, module in idle]


def component_of(name: str, module: nn.Module, components: Mapping[str, str]) -> str:
    """The component of a layer: the longest declared prefix of its name, else by its type."""
    declared = [prefix for prefix in components if _under(name, prefix)]
    if declared:
        return components[max(declared, key=len)]
    by_type = (title for kind, title in COMPONENT_OF_TYPE if isinstance(module, kind))
    return next(by_type, OTHER)


def grouped(
    model: nn.Module, values: Mapping[str, int], components: Mapping[str, str]
) -> dict[str, int]:
    """Component -> sum of the values; the README's keys always, others only where above 0.

    Args:
        model: The model whose modules `values` and `components` name.
        values: Module's dotted name -> value; the result adds up to their sum.
        components: Prefix of a module's dotted name -> component's name.

    Raises:
        MeasureError: a declared prefix names no module of the model.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    _require_known(components, modules, type(model).__name__)
    totals = dict.fromkeys(COMPONENTS, 0)
    for name, value in values.items():
        if value:
            title = component_of(name, modules[name], components)
            totals[title] = totals.get(title, 0) + value
    return totals


def _require_known(
    components: Mapping[str, str], modules: Mapping[str, nn.Module], where: str
) -> None:
    unknown = sorted(prefix for prefix in components if prefix not in modules)
    if unknown:
        raise MeasureError(
            f"component prefix '{unknown[0]}' names no module",
            where=where,
            remedy="use a module's dotted name, or a leading part of it, in COMPONENTS",
        )


def _under(name: str, prefix: str) -> bool:
    """True where the dotted name is the prefix or lies below it: 'se.0' under 'se', 'set' not."""
    return prefix in ("", name) or name.startswith(prefix + ".")


def _recorder(made: list[Call], name: str) -> Any:
    def record(module: nn.Module, _inputs: Any, output: Any) -> None:
        again = sum(call.layer == name for call in made)
        label = display_name(name) + (f" (call {again + 1})" if again else "")
        made.append(_call(label, name, module, shape_of(output)))

    return record


def _call(label: str, name: str, module: nn.Module, shape: list[int] | None) -> Call:
    return Call(display_name(label), name, operation_of(module), shape)


def operation_of(module: nn.Module) -> str:
    """The class's name as it was written, also for a parametrized module."""
    parametrized = torch.nn.utils.parametrize.is_parametrized(module)
    kind = type(module).__mro__[1] if parametrized else type(module)
    return kind.__name__


def shape_of(output: Any) -> list[int] | None:
    """The tensor's shape without the batch; None for anything else."""
    return list(output.shape[1:]) if isinstance(output, Tensor) else None
