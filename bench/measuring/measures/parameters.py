"""Trainable size: exact counts, by component and by layer.

Convention: elements of `model.parameters()`; a tensor that several layers share counts once, in
the first of them, and so does memory of which several tensors are views. A complex number counts as
one. Buffers (BatchNorm's running statistics) are no parameters. `components` is the
general grouping; `views` hold the same total by type of layer, by declared role, as weights and
biases, as trainable and frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.spec import Field, Measured

FIELDS = (
    Field(name="n_parameters", title="Parameters", unit="parameters", better="lower"),
    Field(name="n_trainable", title="Trainable parameters", unit="parameters"),
    Field(name="n_weights", title="Weights", unit="parameters"),
    Field(name="n_biases", title="Biases", unit="parameters"),
)

Owned = Mapping[str, Mapping[str, nn.Parameter]]  # layer -> parameter's name in it -> parameter

# Column -> which of a layer's parameters it counts.
COLUMNS: dict[str, Callable[[str, nn.Parameter], bool]] = {
    "n_weights": lambda name, _: not _is_bias(name),
    "n_biases": lambda name, _: _is_bias(name),
    "n_trainable": lambda _, parameter: parameter.requires_grad,
    "n_frozen": lambda _, parameter: not parameter.requires_grad,
    "n_parameters": lambda _name, _parameter: True,
}


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Exact integers; components, layers and every view each add up to `n_parameters`.

    The example gives the layers' order and output shapes; a model whose forward fails on it is
    counted without them.

    Raises:
        MeasureError: a lazy parameter has no size yet, or a declared prefix names no module.
    """
    _require_sizes(model)
    owned = _owned(model)
    counts = {column: _count(owned, column) for column in COLUMNS}
    totals = {column: sum(per_layer.values()) for column, per_layer in counts.items()}
    calls, failed = _calls(model, example)
    unregistered = _unregistered(model, example)
    rows = _rows(model, calls, counts, components)
    return Measured(
        fields=FIELDS,
        values={field.name: totals[field.name] for field in FIELDS},
        layers=rows,
        components=subject.grouped(model, counts["n_parameters"], components),
        views=_views(model, counts, totals, components),
        tables=_tables(model, counts, components),
        notes=[*_notes(model, counts, components), *_unused(rows), *unregistered, *failed],
        at_least=bool(unregistered),
    )


def _calls(model: nn.Module, example: Tensor) -> tuple[list[subject.Call], list[str]]:
    """The calls in order; where forward fails, the layers in module order and a note."""
    try:
        return subject.calls(model, example), []
    except MeasureError as error:
        note = f"layers in module order, without output shapes: {error}"
        return subject.uncalled(model), [note]


def _require_sizes(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise MeasureError(
                f"parameter '{name}' has no size yet",
                where=type(model).__name__,
                remedy="give the lazy layer its sizes, or run forward once before measuring",
            )


def _owned(model: nn.Module) -> Owned:
    """Each parameter once, in the layer of its first name."""
    known = subject.layers(model)
    owned: dict[str, dict[str, nn.Parameter]] = {name: {} for name in known}
    for full_name, parameter in model.named_parameters():  # removes duplicates
        outer = [name for name in known if name == "" or full_name.startswith(name + ".")]
        layer = next((n for n in outer if subject.is_layer(known[n])), max(outer, key=len))
        owned[layer][full_name.removeprefix(layer + ".")] = parameter
    return owned


def _count(owned: Owned, column: str) -> dict[str, int]:
    """Layer -> elements of its parameters that the column counts."""
    wanted = COLUMNS[column]
    numbers = subject.own_numbers(p for tensors in owned.values() for p in tensors.values())
    return {
        layer: sum(numbers[p] for name, p in tensors.items() if wanted(name, p))
        for layer, tensors in owned.items()
    }


def _is_bias(name: str) -> bool:
    """True for `bias`, `in_proj_bias`, `bias_hh_l0`, `parametrizations.bias.original`."""
    return "bias" in name


def _rows(
    model: nn.Module,
    calls: Sequence[subject.Call],
    counts: Mapping[str, Mapping[str, int]],
    components: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """One row for each call; the parameters of a layer stand in the row of its first call."""
    known = subject.layers(model)
    total = sum(counts["n_parameters"].values())
    rows: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for call in calls:
        first = call.layer not in seen
        seen.add(call.layer)
        own = {column: per_layer[call.layer] * first for column, per_layer in counts.items()}
        module = known[call.layer]
        empty = not counts["n_parameters"][call.layer]
        rows[call.name] = {
            "operation": call.operation,
            "component": _component(module, model, components, empty),
            "output_shape": call.output_shape,
            **subject.window_of(module),
            **{column: own[column] for column in COLUMNS if column != "n_frozen"},
            "parameters_percent": subject.percent(own["n_parameters"], total),
            **({"unused": True} if call.unused else {}),
        }
    return rows


def _component(
    module: nn.Module, model: nn.Module, components: Mapping[str, str], empty: bool
) -> str | None:
    """The layer's component; None for a layer with neither parameters nor a component."""
    component = subject.component_of(module, model, components)
    return None if component == subject.OTHER and empty else component


def _views(
    model: nn.Module,
    counts: Mapping[str, Mapping[str, int]],
    totals: Mapping[str, int],
    components: Mapping[str, str],
) -> dict[str, dict[str, int]]:
    groupings = subject.groupings(model, components).items()
    return {
        **{name: subject.summed(model, counts["n_parameters"], of) for name, of in groupings},
        "by_kind": {"Weights": totals["n_weights"], "Biases": totals["n_biases"]},
        "by_training": {"Trainable": totals["n_trainable"], "Frozen": totals["n_frozen"]},
    }


def _tables(
    model: nn.Module, counts: Mapping[str, Mapping[str, int]], components: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """View -> one row a part: its weights, biases, trainable and frozen parameters."""
    tables = {}
    for view, of in subject.groupings(model, components).items():
        summed = {column: subject.summed(model, counts[column], of) for column in COLUMNS}
        tables[f"parameters_{view}"] = [
            {"part": part, **{column: summed[column].get(part, 0) for column in COLUMNS}}
            for part in summed["n_parameters"]
        ]
    return tables


def _notes(
    model: nn.Module, counts: Mapping[str, Mapping[str, int]], components: Mapping[str, str]
) -> list[str]:
    weights, biases = (
        subject.grouped(model, counts[column], components) for column in ("n_weights", "n_biases")
    )
    titles = [title for title in weights | biases if weights.get(title) or biases.get(title)]
    split = [
        f"{title}: {weights.get(title, 0):,} weights and {biases.get(title, 0):,} biases"
        for title in titles
    ]
    n_buffers = sum(buffer.numel() for buffer in model.buffers())
    convention = "a parameter that several layers share counts once, in the first of them"
    buffers = f"not counted: {n_buffers:,} buffer elements"
    return [convention, *split, *_shared(model), *_complex(model), buffers]


def _unused(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A note that lists the layers that forward never calls; nothing where it calls all."""
    idle = [
        f"{name} ({row['n_parameters']:,} parameters)"
        for name, row in rows.items()
        if row.get("unused") and row["n_parameters"]
    ]
    return [f"unused, for forward never calls them: {', '.join(idle)}"] if idle else []


def _complex(model: nn.Module) -> list[str]:
    """A note on complex parameters, each of which holds two real numbers; nothing without any."""
    numbers = subject.own_numbers(model.parameters())
    n = sum(number for parameter, number in numbers.items() if parameter.is_complex())
    real = sum(numbers.values()) + n
    text = f"a complex parameter counts as one: {n:,} of them, so {real:,} real numbers in all"
    return [text] if n else []


def _shared(model: nn.Module) -> list[str]:
    """A note that lists parameters with several names; nothing without such parameters."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    several = [" = ".join(each) for each in names.values() if len(each) > 1]
    numbers = subject.own_numbers(names)
    views = [several[0] for p, several in names.items() if numbers[p] < p.numel()]
    return [
        *([f"shared: {', '.join(several)}"] if several else []),
        *([f"views of parameters that count already: {', '.join(views)}"] if views else []),
    ]


def _unregistered(model: nn.Module, example: Tensor) -> list[str]:
    """A note about parameters that forward uses but no module holds: no optimiser trains them."""
    known = set(model.parameters())
    try:
        with subject.at_rest(model, example), torch.enable_grad():
            output = model(example[:1])
    except Exception:  # a forward that fails has its own note
        return []
    loose = [leaf for leaf in _leaves(output) if leaf not in known]
    n = sum(leaf.numel() for leaf in loose)
    text = f"not counted and not trained, since no module holds it: {n:,} elements used by forward"
    return [text] if loose else []


def _leaves(output: Any) -> Iterator[Tensor]:
    """The tensors at which the gradients of the output end."""
    waiting = [output.grad_fn] if isinstance(output, Tensor) and output.grad_fn else []
    seen = set(waiting)
    while waiting:
        step = waiting.pop()
        if hasattr(step, "variable"):
            yield step.variable
        fresh = {before for before, _ in step.next_functions if before is not None} - seen
        seen |= fresh
        waiting += fresh
