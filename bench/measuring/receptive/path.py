"""What a walk along a forward pass finds: one row for each call of a layer, and each result's view.

A *view* is what the positions of a tensor see of the image, one `Axis` for each spatial axis.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.receptive import rules
from bench.measuring.receptive.intervals import Axis
from bench.measuring.receptive.operations import (
    CONVOLUTIONS,
    KEEPING_LAYOUT,
    MANY_OPERANDS,
    RULES,
    of_tag,
)
from bench.measuring.receptive.rules import Axes, Operation, Rule, View

_TEACH = (
    "add it to a line of TABLE in bench.measuring.receptive.operations, with the rule that it "
    "follows (pointwise, a window, a reshape ...)"
)


@dataclass(frozen=True)
class Place:
    """Where a step stands in the model."""

    layer: str | None  # dotted name of the layer that is the step; None for a function
    owner: str = ""  # dotted name of the module whose forward makes the step
    step: str = ""  # the function's name in that forward
    call: int = 1  # which call of the layer, or of the owner

    def __str__(self) -> str:
        if self.layer is not None:
            return f"layer '{subject.display_name(self.layer)}'"
        return f"step '{self.step}' of {subject.display_name(self.owner)}"

    def row(self, model: nn.Module, taken: Collection[str]) -> str:
        """The call of the layer; a function's row is its module's where that holds parameters.

        Args:
            model: Holds the layer or the owner.
            taken: The rows that there are: a call's second function has a row of its own.
        """
        if self.layer is not None:
            return subject.call_name(self.layer, self.call)
        if _holds_parameters(model, self.owner):
            name = subject.call_name(self.owner, self.call)
            return f"{name}.{self.step}" if name in taken else name
        return f"{self.owner}.{self.step}" if self.owner else self.step


def _holds_parameters(model: nn.Module, name: str) -> bool:
    """False too for a module that fx's graph left out, since no step reads it."""
    try:
        holder = model.get_submodule(name)
    except AttributeError:
        return False
    return next(holder.parameters(recurse=False), None) is not None


class Path:
    """The layer rows of a walk.

    Attributes:
        rows: Layer's dotted name -> column -> value, in call order.
        views: The same names -> the view of the layer's result.
        gates: The places at which a gate scales a map, in words.
        final: The view of the model's result; empty until the walk has ended.
        on_this_input: Why the walk holds for this input only; None where the graph was followed.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.rows: dict[str, dict[str, Any]] = {}
        self.views: dict[str, Axes] = {}
        self.gates: list[str] = []
        self.final: Axes = ()
        self.on_this_input: str | None = None

    def step(self, place: Place, keys: Sequence[Any], op: Operation) -> Axes:
        """The view of the step's result.

        Args:
            place: Where the step stands.
            keys: Names of the operation in `RULES`; the first known name decides. Without any,
                an operation that torch calls pointwise is one.
            op: The step with its values.

        Raises:
            MeasureError: no rule knows the operation, or its rule does not cover this use.
        """
        rule = next((RULES[key] for key in keys if key in RULES), None)
        if rule is None and op.module is None:
            rule = of_tag(keys)
        view = self._view(place, rule, op)
        if rule not in KEEPING_LAYOUT:
            view = replace(view, axes=tuple(_settled(axis) for axis in view.axes))
        if any(_gates(axes, view.axes) for axes, _ in op.operands):
            self.gates.append(str(place))
        if op.module is not None or view.kernel is not None:
            self._add_row(place, op, view)
        return view.axes

    def _view(self, place: Place, rule: Rule | None, op: Operation) -> View:
        every = [axis for axes, _ in op.operands for axis in axes]
        if all(axis.dim is None for axis in every) and self._all_the_same(rule, op):
            return rules.meeting(op)  # every operand sees the same everywhere: nothing can widen
        try:
            return self._by_rule(place, rule, op)
        except MeasureError:
            # What the rules do not know of positions in a row counts as what sees all of them.
            if not any(axis.before for axis in every if axis.dim is not None):
                raise
            return rules.mixing(op)

    def _all_the_same(self, rule: Rule | None, op: Operation) -> bool:
        undone = rule is rules.reshaping and any(axis.before for axis in op.axes)
        return not undone and (rule not in CONVOLUTIONS or len(op.operands) > 1)

    def _by_rule(self, place: Place, rule: Rule | None, op: Operation) -> View:
        if isinstance(op.module, torch.jit.ScriptModule):
            raise MeasureError(
                "a ScriptModule's steps cannot be followed",
                where=str(place),
                remedy="build the network without torch.jit to measure it",
            )
        if rule is None:
            raise MeasureError(
                f"no receptive-field rule for '{op.name}'", where=str(place), remedy=_TEACH
            )
        if len(op.operands) > 1 and rule not in MANY_OPERANDS:
            raise op.refused("several arguments depend on the image", "use a fixed weight or index")
        return rule(op)

    def _add_row(self, place: Place, op: Operation, view: View) -> None:
        name = base = place.row(self.model, self.rows)
        again = 1
        while name in self.rows:
            again += 1
            name = f"{base} (call {again})"
        axes = self.views[name] = view.axes
        moves = any(axis.dim is not None for axis in axes)
        self.rows[name] = {
            "operation": op.name if op.module is None else subject.operation_of(op.module),
            "kernel": subject.side_by_side(view.kernel),
            "stride": subject.side_by_side(view.stride),
            "groups": view.groups,
            "receptive_field": subject.side_by_side([axis.size for axis in axes]),
            "receptive_field_with_gates": subject.side_by_side([axis.with_gates for axis in axes]),
            "jump": subject.side_by_side([axis.jump for axis in axes]) if moves else None,
            "start": subject.side_by_side([axis.start for axis in axes]),
            "output_shape": subject.shape_of(op.result),
        }

    def finish(self, view: Axes | None) -> None:
        """Keeps the result's view.

        Raises:
            MeasureError: the result is no single tensor that depends on the image.
        """
        if view is None:
            raise MeasureError(
                "forward does not return one tensor that depends on the image",
                where="receptive field",
                remedy="return the class scores alone",
            )
        self.final = view


def _gates(before: Axes, after: Axes) -> bool:
    """True where something that sees everything scales a map: an operand, or the map as a whole."""
    pairs = list(zip(before, after, strict=True))
    everywhere = all(axis.dim is None for axis in before)
    scaled = any(
        new.gate > old.gate and old.dim is not None and new.dim is not None for old, new in pairs
    )
    return scaled or (everywhere and any(axis.dim is not None for axis in after))


def _settled(axis: Axis) -> Axis:
    """An axis that was flattened with channels; it stays so."""
    return replace(axis, before=None) if axis.dim is None else axis


def of_image(image: Tensor) -> Axes:
    """The view of the image itself, (1, channels, *sides)."""
    n = image.dim() - 2
    return tuple(Axis.of_image(side, at - n) for at, side in enumerate(image.shape[2:]))


def holds_tensors(result: Any) -> bool:
    """True for a tensor, and for a tuple or list that holds one."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return any(isinstance(part, Tensor) for part in parts)
