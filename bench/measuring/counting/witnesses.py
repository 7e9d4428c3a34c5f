"""Two more counts of the same forward pass, and the table that compares all three.

fvcore counts first. The two witnesses share no code with it: torch's own formulas count the
operators that run (a multiply-add is two flops there), and a closed form counts convolution and
linear layers from their attributes and shapes alone. Where fvcore misses products, torch's count
completes it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.counting import fvcore, recorder
from bench.measuring.counting.recorder import SUMMED_PRODUCT, Step

Row = dict[str, Any]
Parts = Mapping[str, "Counter[str]"]  # module's dotted name -> part -> multiply-adds
TORCH = "torch's FlopCounterMode"
CONVOLUTION, PRODUCT = FVCORE_PARTS = ("convolution", "matrix product")
OPERATORS = {CONVOLUTION: fvcore.CONVOLUTION, PRODUCT: fvcore.LINEAR}

# Layer, its part, and a call's multiply-adds from the layer, its input and its output (with batch).
CLOSED_FORMS: tuple[tuple[type[nn.Module], str, Callable[[Any, Tensor, Tensor], int]], ...] = (
    (
        nn.modules.conv._ConvTransposeNd,
        CONVOLUTION,  # every input position is spread over the kernel
        lambda m, x, _: x.numel() * (m.out_channels // m.groups) * math.prod(m.kernel_size),
    ),
    (
        nn.modules.conv._ConvNd,
        CONVOLUTION,  # every output element is a sum over the kernel and the group's channels
        lambda m, _, y: y.numel() * (m.in_channels // m.groups) * math.prod(m.kernel_size),
    ),
    (
        nn.Linear,
        PRODUCT,  # every output element is a sum over the input features
        lambda m, _, y: y.numel() * m.in_features,
    ),
)


@dataclass(frozen=True)
class Witnesses:
    """The counts of torch and of the closed form.

    Attributes:
        steps: The operators on which the output depends.
        idle: Module's dotted name -> flops on which it does not depend; only above 0.
        closed: Layer's dotted name -> multiply-adds, idle ones left out.
        parts: Layer's dotted name -> part.
    """

    steps: Sequence[Step]
    idle: Mapping[str, int]
    closed: Mapping[str, int]
    parts: Mapping[str, str]

    @property
    def opaque(self) -> list[str]:
        """Operators that may hold products which no formula counts."""
        return sorted({step.operator.strip("_") for step in self.steps if step.opaque})

    def flops(self, part: str, module: str | None = None) -> int:
        """torch's count of a part, in the whole network or of one module's own."""
        return sum(
            step.flops
            for step in self.steps
            if _part(step) == part and module in (None, step.module)
        )


def _part(step: Step) -> str:
    return CONVOLUTION if "conv" in step.operator else PRODUCT


def called(model: nn.Module, image: Tensor) -> Witnesses:
    """Runs forward once and counts; `image` is (1, channels, *sides)."""
    closed: dict[str, int] = {}
    parts: dict[str, str] = {}
    with ExitStack() as hooks:
        for name, layer in subject.layers(model).items():
            forms = (line for line in CLOSED_FORMS if isinstance(layer, line[0]))
            line = next(forms, None) if subject.is_layer(layer) else None
            if line is not None:
                closed[name], parts[name] = 0, line[1]
                hook = layer.register_forward_hook(_adding(closed, name, line[2]), with_kwargs=True)
                hooks.enter_context(hook)
        recorded = hooks.enter_context(recorder.recording(model, image))
        output = model(image)
    steps = recorder.live(recorded.steps, output)
    idle = _by_module(recorded.steps)
    idle.subtract(_by_module(steps))
    left = {name: n - idle[name] // 2 for name, n in closed.items()}
    return Witnesses(steps=steps, idle=+idle, closed=left, parts=parts)


def _by_module(steps: Sequence[Step]) -> Counter[str]:
    found: Counter[str] = Counter()
    for step in steps:
        found[step.module] += step.flops
    return found


def _adding(closed: dict[str, int], name: str, formula: Callable[..., int]) -> Any:
    def add(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        closed[name] += formula(module, next(iter((*args, *kwargs.values()))), output)

    return add


def completed(count: fvcore.Count, witnesses: Witnesses, model: nn.Module) -> fvcore.Count:
    """The count with the products that fvcore misses, as torch counts them.

    Only a module that holds an operator which fvcore does not know, or a product that is summed
    by hand, is completed: anywhere else two counts that differ are an error.
    """
    own = {name: Counter(counts) for name, counts in count.own.items()}
    by_operator = Counter(count.by_operator)
    for module, name in _names_of_fvcore(model, own).items():
        summed = any(s.module == module and s.operator == SUMMED_PRODUCT for s in witnesses.steps)
        if not summed and not count.inexact.get(name):
            continue
        for part, operators in OPERATORS.items():
            missing = witnesses.flops(part, module) // 2 - fvcore.total(own[name], operators)
            if missing:
                own[name][fvcore.COMPLETED[part]] += missing
                by_operator[fvcore.COMPLETED[part]] += missing
    return replace(count, own=own, by_operator=dict(by_operator))


def _names_of_fvcore(model: nn.Module, own: dict[str, Counter[str]]) -> dict[str, str]:
    """A module's first name -> the name under which fvcore counts it."""
    names: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    found = {}
    for several in names.values():
        found[several[0]] = next((name for name in several if name in own), several[0])
        own.setdefault(found[several[0]], Counter())
    return found


def reconciled(count: fvcore.Count, witnesses: Witnesses, where: str) -> list[Row]:
    """One row a part: what each of the three counted, and why a count leaves the part out.

    The columns `fvcore` and `closed_form` hold multiply-adds; `torch_flops` holds flops, two for
    each multiply-add.

    Raises:
        MeasureError: the counts differ and nothing says why.
    """
    _require_same_layers(count, witnesses)
    rows = [_product_row(part, count, witnesses, where) for part in FVCORE_PARTS]
    rows += [
        _row(name, fvcore=n, why=fvcore.NO_PRODUCTS[name])
        for name, n in count.by_operator.items()
        if name in fvcore.NO_PRODUCTS
    ]
    columns = ("multiply_adds", "fvcore", "torch_flops", "closed_form")
    why = "torch_flops = 2 x multiply_adds + what fvcore does not count"
    return [*rows, {"part": "total", **{c: sum(r[c] for r in rows) for c in columns}, "why": why}]


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
    ours = fvcore.total(count.by_operator, OPERATORS[part])
    flops = witnesses.flops(part)
    if flops != 2 * ours:
        raise _disagreement(part, ours, f"{TORCH} {flops:,} flops", where)
    closed = sum(n for name, n in witnesses.closed.items() if witnesses.parts[name] == part)
    outside = [
        subject.display_name(name)
        for name, counts in count.own.items()
        if name not in witnesses.closed and fvcore.total(counts, OPERATORS[part])
    ]
    left_out = f"; the closed form leaves out functions in {', '.join(outside)}" if outside else ""
    alone = ours - count.by_operator.get(fvcore.COMPLETED[part], 0)
    missed = "" if alone == ours else f"; fvcore does not know {ours - alone:,} of them"
    row = _row(part, alone, flops, why=f"2 flops a multiply-add{missed}{left_out}")
    return {**row, "multiply_adds": ours, "closed_form": closed}


def _require_same_layers(count: fvcore.Count, witnesses: Witnesses) -> None:
    for name, closed in witnesses.closed.items():
        part = witnesses.parts[name]
        ours = fvcore.total(count.own.get(name, {}), OPERATORS[part])
        if ours != closed:
            place = f"layer '{subject.display_name(name)}'"
            raise _disagreement(part, ours, f"the closed form {closed:,}", place)


def _disagreement(part: str, ours: int, other: str, where: str) -> MeasureError:
    return MeasureError(
        f"the counts of {part} disagree: fvcore {ours:,} multiply-adds, {other}",
        where=where,
        remedy="use torch's own layers and operators, or teach "
        "bench.measuring.counting.witnesses why",
    )
