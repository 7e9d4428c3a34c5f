"""Two more counts of the same forward pass, and the table that compares all three.

The headline is fvcore's count. The two witnesses share no code with it: torch's own
`FlopCounterMode` sees the operators that run (a multiply-add is two flops there), and a closed form
counts convolution and linear layers from their attributes and shapes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import flop_counter
from torch.utils.flop_counter import FlopCounterMode

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.counting import fvcore
from bench.training.engine.uncompiled import without_compiler

without_compiler(flop_counter._FlopCounterMode)  # which sees the operators for FlopCounterMode

Row = dict[str, Any]
TORCH = "torch's FlopCounterMode"

# Layer, its part, and a call's multiply-adds from the layer, its input and its output (with batch).
CLOSED_FORMS: tuple[tuple[type[nn.Module], str, Callable[[Any, Tensor, Tensor], int]], ...] = (
    (
        nn.modules.conv._ConvTransposeNd,
        "convolution",  # every input position is spread over the kernel
        lambda m, x, _: x.numel() * (m.out_channels // m.groups) * math.prod(m.kernel_size),
    ),
    (
        nn.modules.conv._ConvNd,
        "convolution",  # every output element is a sum over the kernel and the group's channels
        lambda m, _, y: y.numel() * (m.in_channels // m.groups) * math.prod(m.kernel_size),
    ),
    (
        nn.Linear,
        "matrix product",  # every output element is a sum over the input features
        lambda m, _, y: y.numel() * m.in_features,
    ),
)

# torch's operator -> its part; every other operator has a row of its own.
TORCH_PARTS: dict[str, str] = {
    "convolution": "convolution",
    "_convolution": "convolution",
    "cudnn_convolution": "convolution",
    "convolution_overrideable": "convolution",
    "_slow_conv2d_forward": "convolution",
    "mm": "matrix product",
    "addmm": "matrix product",
    "bmm": "matrix product",
    "baddbmm": "matrix product",
    "mv": "matrix product",
    "addmv": "matrix product",
}
FVCORE_PARTS = {"convolution": fvcore.CONVOLUTION, "matrix product": fvcore.LINEAR}


# Our formulas, from the arguments' shapes, for operators that torch's counter does not know.
TORCH_ADDITIONS: dict[Any, Callable[..., int]] = {
    torch.ops.aten.mv: lambda matrix, *_, **__: 2 * math.prod(matrix),
    torch.ops.aten.addmv: lambda _, matrix, *__, **___: 2 * math.prod(matrix),
}


@dataclass(frozen=True)
class Witnesses:
    """The counts of torch and of the closed form."""

    torch_flops: Mapping[str, int]  # operator -> flops
    closed: Mapping[str, int]  # layer's dotted name -> multiply-adds
    parts: Mapping[str, str]  # layer's dotted name -> part


def called(model: nn.Module, image: Tensor) -> Witnesses:
    """Runs forward once and counts; `image` is (1, channels, *sides)."""
    closed: dict[str, int] = {}
    parts: dict[str, str] = {}
    counter = FlopCounterMode(display=False, custom_mapping=TORCH_ADDITIONS)
    with ExitStack() as hooks:
        for name, layer in subject.layers(model).items():
            forms = (line for line in CLOSED_FORMS if isinstance(layer, line[0]))
            line = next(forms, None) if subject.is_layer(layer) else None
            if line is not None:
                closed[name], parts[name] = 0, line[1]
                hook = layer.register_forward_hook(_adding(closed, name, line[2]))
                hooks.enter_context(hook)
        hooks.enter_context(counter)
        model(image)
    counted = counter.get_flop_counts().get("Global", {})
    flops = {str(operator).rpartition(".")[2]: int(n) for operator, n in counted.items()}
    return Witnesses(torch_flops=flops, closed=closed, parts=parts)


def _adding(closed: dict[str, int], name: str, formula: Callable[..., int]) -> Any:
    def add(module: nn.Module, inputs: Any, output: Any) -> None:
        closed[name] += formula(module, inputs[0], output)

    return add


def reconciled(count: fvcore.Count, witnesses: Witnesses, where: str) -> list[Row]:
    """One row a part: what each of the three counted, and why a count leaves the part out.

    The columns `fvcore` and `closed_form` hold multiply-adds; `torch_flops` holds flops, two for
    each multiply-add.

    Raises:
        MeasureError: the counts differ and no table says why.
    """
    _require_same_layers(count, witnesses)
    rows = [_product_row(part, count, witnesses, where) for part in FVCORE_PARTS]
    # Flops that torch saw inside operators which fvcore does not count.
    surplus = [_flops(row["part"], witnesses) - row["torch_flops"] for row in rows]
    rows += [
        _row(name, fvcore=n, why=fvcore.NO_PRODUCTS[name])
        for name, n in count.by_operator.items()
        if name in fvcore.NO_PRODUCTS
    ]
    rows += [_row(f"within {_listed(count.unknown)}", flops=n, why=_MISSING) for n in surplus if n]
    rows += [
        _row(name, flops=n, why=_required_unknown(name, n, count, where))
        for name, n in witnesses.torch_flops.items()
        if name not in TORCH_PARTS
    ]
    columns = ("multiply_adds", "fvcore", "torch_flops", "closed_form")
    why = "torch_flops = 2 x multiply_adds + what fvcore does not count"
    return [*rows, {"part": "total", **{c: sum(r[c] for r in rows) for c in columns}, "why": why}]


_MISSING = "fvcore has no rule for it, so it is missing in the headline"


def _row(part: str, fvcore: int = 0, flops: int = 0, why: str = "") -> Row:
    return {
        "part": part,
        "multiply_adds": 0,
        "fvcore": fvcore,
        "torch_flops": flops,
        "closed_form": 0,
        "why": why,
    }


def _product_row(part: str, count: fvcore.Count, witnesses: Witnesses, where: str) -> Row:
    ours = fvcore.total(count.by_operator, FVCORE_PARTS[part])
    flops = _flops(part, witnesses)
    if flops != 2 * ours and not (flops > 2 * ours and count.unknown):
        raise _disagreement(part, ours, f"{TORCH} {flops:,} flops", where)
    closed = sum(n for name, n in witnesses.closed.items() if witnesses.parts[name] == part)
    outside = [
        subject.display_name(name)
        for name, counts in count.own.items()
        if name not in witnesses.closed and fvcore.total(counts, FVCORE_PARTS[part])
    ]
    left_out = f"; the closed form leaves out functions in {', '.join(outside)}" if outside else ""
    row = _row(part, fvcore=ours, flops=2 * ours, why=f"2 flops a multiply-add{left_out}")
    return {**row, "multiply_adds": ours, "closed_form": closed}


def _flops(part: str, witnesses: Witnesses) -> int:
    return sum(n for name, n in witnesses.torch_flops.items() if TORCH_PARTS.get(name) == part)


def _require_same_layers(count: fvcore.Count, witnesses: Witnesses) -> None:
    for name, closed in witnesses.closed.items():
        part = witnesses.parts[name]
        ours = fvcore.total(count.own.get(name, {}), FVCORE_PARTS[part])
        if ours != closed:
            place = f"layer '{subject.display_name(name)}'"
            raise _disagreement(part, ours, f"the closed form {closed:,}", place)


def _required_unknown(name: str, flops: int, count: fvcore.Count, where: str) -> str:
    if not count.unknown:
        raise _disagreement(name, 0, f"{TORCH} {flops:,} flops", where)
    return f"{_MISSING} (it calls it {_listed(count.unknown)})"


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(sorted(names))


def _disagreement(part: str, ours: int, other: str, where: str) -> MeasureError:
    return MeasureError(
        f"the counts of {part} disagree: fvcore {ours:,} multiply-adds, {other}",
        where=where,
        remedy="use torch's own layers and operators, or teach "
        "bench/measuring/counting/witnesses.py why",
    )
