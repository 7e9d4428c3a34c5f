"""The model under measurement: kept unchanged, its layers named, ordered and grouped.

A *layer* is a module of torch.nn that computes something itself (a container does not), or a
module of the architecture that holds parameters itself. Names are dotted module names, so that the
rows of all measures can be joined into one table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from bench.errors import MeasureError
from bench.training.engine.modes import in_mode
from bench.training.engine.settings import generators_kept

ROOT = "(model)"  # the model itself, for work outside of its layers

# The general grouping: these keys are always there, with 0 for a part that is missing.
COMPONENTS = ("Conv Layers", "BatchNorm", "SE Attention", "Skip Connections", "Final Linear")
OTHER = "Other"

# Component of a layer without a declared component, by the layer's type; OTHER for other types.
COMPONENT_OF_TYPE: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.modules.conv._ConvNd, "Conv Layers"),  # every convolution, transposed ones included
    (nn.modules.batchnorm._BatchNorm, "BatchNorm"),
    (nn.Linear, "Final Linear"),
)

# Type of a layer: the first line that is true for it; else its class's name.
TYPES: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("Transposed convolution", lambda m: isinstance(m, nn.modules.conv._ConvTransposeNd)),
    ("Depthwise convolution", lambda m: _is_conv(m) and 1 < m.groups == m.in_channels),
    ("Grouped convolution", lambda m: _is_conv(m) and m.groups > 1),
    ("Pointwise convolution", lambda m: _is_conv(m) and set(m.kernel_size) == {1}),
    ("Standard convolution", lambda m: _is_conv(m)),
    ("BatchNorm", lambda m: isinstance(m, nn.modules.batchnorm._BatchNorm)),
    ("Linear", lambda m: isinstance(m, nn.Linear)),
)
BODY = "Body"  # role of a layer without a declared component

# torch.nn modules that only hold other modules and compute nothing themselves.
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Call:
    """One call of a layer in a forward pass."""

    name: str  # the layer's dotted name, "name (call 2)" when it is called again
    layer: str  # the layer's dotted name
    operation: str  # the class's name
    output_shape: list[int] | None  # without the batch; None for a result that is no tensor
    unused: bool = False  # forward never calls the layer


@contextmanager
def at_rest(model: nn.Module, example: Tensor) -> Iterator[None]:
    """Eval mode without gradients inside; afterwards mode and global generators are restored.

    Attention runs its own steps, not torch's closed one, so that they can be followed.
    """
    closed = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with generators_kept(example.device), torch.no_grad(), in_mode(model, training=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(closed)


def forward_failed(error: Exception, image: Tensor) -> MeasureError:
    """The error of one line for any error that a forward pass raised."""
    text = next(iter(str(error).splitlines()), "")
    return MeasureError(
        f"forward raised {type(error).__name__}{': ' if text else ''}{text}",
        where=f"on an input of shape {tuple(image.shape)}",
        remedy="make forward accept such a batch",
    )


def on_this_input(why: str) -> str:
    """The note of a measure that could follow one forward pass only."""
    return f"traced on this input, another may take another way: {' '.join(why.split())}"


def display_name(module_name: str) -> str:
    """The dotted name; `ROOT` for the model itself."""
    return module_name or ROOT


def call_name(layer: str, number: int) -> str:
    """The row of a layer's call, counted from 1: "x", then "x (call 2)"."""
    return display_name(layer) + (f" (call {number})" if number > 1 else "")


def is_layer(module: nn.Module) -> bool:
    """True for a module of torch.nn that is no container and whose forward nobody replaced.

    A ScriptModule is one layer: what runs inside is not Python's.
    """
    holder = isinstance(module, CONTAINERS) or type(module) is nn.Module
    replaced = "forward" in vars(module)
    ours = type(module).__module__.startswith("torch.nn") and not holder and not replaced
    return ours or isinstance(module, torch.jit.ScriptModule)


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """Dotted name -> layer, in module order; a shared layer stands under its first name only."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(_under(name, outer) for outer in found if is_layer(found[outer]))
        owns = next(module.parameters(recurse=False), None) is not None
        if not inside and (is_layer(module) or owns):
            found[name] = module
    return found


def uncalled(model: nn.Module, called: Collection[str] = ()) -> list[Call]:
    """Every layer, except the called ones, as a call without output; in module order."""
    idle = ((name, module) for name, module in layers(model).items() if name not in called)
    return [_call(name, name, module, None) for name, module in idle]


def calls(model: nn.Module, example: Tensor) -> list[Call]:
    """The calls of layers in the order of one forward pass, then the layers without a call.

    Raises:
        MeasureError: the model does not accept the example.
    """
    made: list[Call] = []
    names = {id(module): name for name, module in layers(model).items()}
    with register_module_forward_hook(_recorder(made, names)), at_rest(model, example):
        try:
            model(example[:1])
        except Exception as error:
            raise forward_failed(error, example[:1]) from error
    idle = uncalled(model, {call.layer for call in made})
    return made + [replace(call, unused=True) for call in idle]


def own_numbers(tensors: Iterable[Tensor]) -> dict[Tensor, int]:
    """Tensor -> how many of its elements no earlier tensor holds: views of one memory share them.

    Args:
        tensors: Each once.
    """
    by_memory: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        by_memory.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor)
    found: dict[Tensor, int] = {}
    for address, several in by_memory.items():
        alone = len(several) == 1 or not address
        found |= {tensor: tensor.numel() for tensor in several} if alone else _apart(several)
    return found


def _apart(several: Sequence[Tensor]) -> dict[Tensor, int]:
    """The same for tensors of one memory, whose elements are numbered in it."""
    found: dict[Tensor, int] = {}
    taken: set[int] = set()
    for tensor in several:
        n = tensor.untyped_storage().nbytes() // tensor.element_size()
        view = torch.arange(n).as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        places = set(view.flatten().tolist())
        found[tensor] = len(places - taken)
        taken |= places
    return found


def role_of(module: nn.Module, model: nn.Module, components: Mapping[str, str]) -> str | None:
    """The component declared by the longest prefix of the layer's name; None without such a prefix.

    A shared layer has several names; its first declared name decides.
    """
    for name, each in model.named_modules(remove_duplicate=False):
        declared = [prefix for prefix in components if _under(name, prefix)]
        if each is module and declared:
            return components[max(declared, key=len)]
    return None


def type_of(module: nn.Module) -> str:
    """The type's title in `TYPES`, such as "Depthwise convolution"; else the class's name."""
    by_type = (title for title, holds in TYPES if holds(module))
    return next(by_type, operation_of(module))


def component_of(module: nn.Module, model: nn.Module, components: Mapping[str, str]) -> str:
    """The general grouping: the declared component, else that of the layer's type, else OTHER."""
    by_type = (title for kind, title in COMPONENT_OF_TYPE if isinstance(module, kind))
    return role_of(module, model, components) or next(by_type, OTHER)


def grouped(
    model: nn.Module, values: Mapping[str, int], components: Mapping[str, str]
) -> dict[str, int]:
    """Component -> sum of the values: the keys of COMPONENTS always, others only above 0.

    Args:
        model: The model whose modules `values` and `components` name.
        values: Module's dotted name -> value; the result adds up to their sum.
        components: Prefix of a module's dotted name -> component's name.

    Raises:
        MeasureError: a declared prefix names no module of the model.
    """
    require_known(components, model)
    found = summed(model, values, lambda module: component_of(module, model, components))
    return dict.fromkeys(COMPONENTS, 0) | found


def groupings(
    model: nn.Module, components: Mapping[str, str]
) -> dict[str, Callable[[nn.Module], str]]:
    """Name of a view -> the function that gives a module its title in that view."""
    return {
        "by_component": lambda module: component_of(module, model, components),
        "by_type": type_of,
        "by_role": lambda module: role_of(module, model, components) or BODY,
    }


def summed(
    model: nn.Module, values: Mapping[str, int], title: Callable[[nn.Module], str]
) -> dict[str, int]:
    """Title -> sum of the values of its modules; only titles with a sum above 0."""
    modules = dict(model.named_modules(remove_duplicate=False))
    totals: dict[str, int] = {}
    for name, value in values.items():
        if value:
            part = title(modules[name])
            totals[part] = totals.get(part, 0) + value
    return totals


def window_of(module: nn.Module) -> dict[str, Any]:
    """Columns kernel, stride and groups of a layer with a window; empty for other layers."""
    kernel = getattr(module, "kernel_size", None)
    if not isinstance(kernel, int | tuple):
        return {}
    stride = getattr(module, "stride", None)
    return {
        "kernel": side_by_side(_sides(kernel)),
        "stride": side_by_side(_sides(kernel if stride is None else stride)),
        "groups": getattr(module, "groups", None),
    }


def _sides(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def percent(part: int, total: int) -> float | None:
    """A part's percentage of the total, to two digits; None where the total is 0."""
    return round(100 * part / total, 2) if total else None


def side_by_side(values: Sequence[int | Fraction] | None) -> int | str | None:
    """(3, 3) -> 3; (3, 1) -> '3x1'; one half -> '1/2'."""
    if values is None:
        return None
    first = values[0]
    if len(set(values)) > 1:
        return "x".join(str(value) for value in values)
    return int(first) if first == int(first) else str(first)


def _is_conv(module: Any) -> bool:
    return isinstance(module, nn.modules.conv._ConvNd)


def require_known(components: Mapping[str, str], model: nn.Module) -> None:
    """Raises MeasureError where a declared prefix names no module of the model."""
    modules = dict(model.named_modules(remove_duplicate=False))
    unknown = sorted(prefix for prefix in components if prefix not in modules)
    if unknown:
        raise MeasureError(
            f"component prefix '{unknown[0]}' names no module",
            where=type(model).__name__,
            remedy="use a module's dotted name, or a leading part of it, in COMPONENTS",
        )


def _under(name: str, prefix: str) -> bool:
    """True for the prefix itself and names below it: 'se.0' is under 'se', 'set' is not."""
    return prefix in ("", name) or name.startswith(prefix + ".")


def _recorder(made: list[Call], names: Mapping[int, str]) -> Any:
    """A hook of every module, for a ScriptModule takes none of its own."""

    def record(module: nn.Module, _inputs: Any, output: Any) -> None:
        if (name := names.get(id(module))) is None:
            return
        number = 1 + sum(call.layer == name for call in made)
        made.append(_call(call_name(name, number), name, module, shape_of(output)))

    return record


def _call(label: str, name: str, module: nn.Module, shape: list[int] | None) -> Call:
    return Call(display_name(label), name, operation_of(module), shape)


def operation_of(module: nn.Module) -> str:
    """The class's name in the source, also for a parametrized or scripted module."""
    if isinstance(module, torch.jit.ScriptModule):
        return str(getattr(module, "original_name", type(module).__name__))
    parametrized = torch.nn.utils.parametrize.is_parametrized(module)
    kind = type(module).__mro__[1] if parametrized else type(module)
    return kind.__name__


def shape_of(output: Any) -> list[int] | None:
    """A tensor's shape without the batch; None for other values."""
    return list(output.shape[1:]) if isinstance(output, Tensor) else None
