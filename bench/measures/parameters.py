"""Trainable size: exact counts, by component and by layer.

Convention: elements of `model.parameters()`; a tensor that several layers share counts once, in
the first of them. Buffers (BatchNorm's running statistics) are no parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measures import _subject
from bench.spec import Field, Measured

FIELDS = (
    Field(name="n_parameters", title="Parameters", unit="parameters", better="lower"),
    Field(name="n_trainable", title="Trainable parameters", unit="parameters"),
    Field(name="n_weights", title="Weights", unit="parameters"),
    Field(name="n_biases", title="Biases", unit="parameters"),
)


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Exact integers; components and layers each add up to `n_parameters`.

    Args:
        model: Any module.
        example: (n, channels, height, width); gives the layers' order and output shapes.
        components: Prefix of a module's dotted name -> component's name.

    Raises:
        MeasureError: a lazy parameter has no size yet, a declared prefix names no module, or the
            model does not accept the example.
    """
    _require_sizes(model)
    owned = _owned(model)
    totals = {layer: sum(p.numel() for p in tensors.values()) for layer, tensors in owned.items()}
    everything = [pair for tensors in owned.values() for pair in tensors.items()]
    n_biases = sum(p.numel() for name, p in everything if _is_bias(name))
    n_parameters = sum(totals.values())
    values = {
        "n_parameters": n_parameters,
        "n_trainable": sum(p.numel() for _, p in everything if p.requires_grad),
        "n_weights": n_parameters - n_biases,
        "n_biases": n_biases,
    }
    return Measured(
        fields=FIELDS,
        values=values,
        layers=_rows(model, example, owned, components),
        components=_subject.grouped(model, totals, components),
        notes=_notes(model, owned, components),
    )


def _require_sizes(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise MeasureError(
                f"parameter '{name}' has no size yet",
                where=type(model).__name__,
                remedy="give the lazy layer its sizes, or run forward once before measuring",
            )


def _owned(model: nn.Module) -> dict[str, dict[str, nn.Parameter]]:
    """Layer's dotted name -> parameter's name inside that layer -> parameter, each tensor once."""
    known = _subject.layers(model)
    owned: dict[str, dict[str, nn.Parameter]] = {name: {} for name in known}
    for full_name, parameter in model.named_parameters():  # removes duplicates
        outer = [name for name in known if name == "" or full_name.startswith(name + ".")]
        layer = next((n for n in outer if _subject.is_layer(known[n])), max(outer, key=len))
        owned[layer][full_name.removeprefix(layer + ".")] = parameter
    return owned


def _is_bias(name: str) -> bool:
    """True for `bias`, `in_proj_bias`, `bias_hh_l0`, `parametrizations.bias.original`."""
    return "bias" in name


def _rows(
    model: nn.Module,
    example: Tensor,
    owned: Mapping[str, Mapping[str, nn.Parameter]],
    components: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """One row a call; a layer that is called again has its parameters in the first row."""
    known = _subject.layers(model)
    rows: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for call in _subject.calls(model, example):
        tensors = {} if call.layer in seen else owned[call.layer]
        seen.add(call.layer)
        total = sum(p.numel() for p in tensors.values())
        n_biases = sum(p.numel() for name, p in tensors.items() if _is_bias(name))
        rows[call.name] = {
            "operation": call.operation,
            "component": _component(call.layer, known, owned, components),
            "output_shape": call.output_shape,
            "n_parameters": total,
            "n_weights": total - n_biases,
            "n_biases": n_biases,
        }
    return rows


def _component(
    layer: str,
    known: Mapping[str, nn.Module],
    owned: Mapping[str, Mapping[str, nn.Parameter]],
    components: Mapping[str, str],
) -> str | None:
    """The layer's component; None for a layer that has no parameters and that none declares."""
    component = _subject.component_of(layer, known[layer], components)
    return None if component == _subject.OTHER and not owned[layer] else component


def _notes(
    model: nn.Module,
    owned: Mapping[str, Mapping[str, nn.Parameter]],
    components: Mapping[str, str],
) -> list[str]:
    weights, biases = (
        _subject.grouped(
            model,
            {
                layer: sum(p.numel() for name, p in tensors.items() if _is_bias(name) is wanted)
                for layer, tensors in owned.items()
            },
            components,
        )
        for wanted in (False, True)
    )
    titles = [title for title in weights | biases if weights.get(title) or biases.get(title)]
    split = [
        f"{title}: {weights.get(title, 0):,} weights and {biases.get(title, 0):,} biases"
        for title in titles
    ]
    n_buffers = sum(buffer.numel() for buffer in model.buffers())
    convention = "a parameter that several layers share counts once, in the first of them"
    return [convention, *split, f"not counted: {n_buffers:,} buffer elements"]
