"""What a walk along a forward pass finds: one row for each call of a layer, and each result's view.

A *view* is what the positions of a tensor see of the image, one `Axis` for each spatial axis.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.receptive import rules
from bench.measuring.receptive.intervals import Axis
from bench.measuring.receptive.operations import CONVOLUTIONS, MANY_OPERANDS, RULES
from bench.measuring.receptive.rules import Axes, Operation, Rule, View

_TEACH = (
    "add it to a line of TABLE in bench/measuring/receptive/operations.py, with the rule that it "
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
        holder = model.get_submodule(self.owner) if self.owner else model
        if next(holder.parameters(recurse=False), None) is not None:
            name = subject.call_name(self.owner, self.call)
            return f"{name}.{self.step}" if name in taken else name
        return f"{self.owner}.{self.step}" if self.owner else self.step


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
            keys: Names of the operation in `RULES`; the first known name decides.
            op: The step with its values.

        Raises:
            MeasureError: no rule knows the operation, or its rule does not cover this use.
        """
        view = self._view(place, next((RULES[key] for key in keys if key in RULES), None), op)
        if any(_gates(axes, view.axes) for axes, _ in op.operands):
            self.gates.append(str(place))
        if op.module is not None or view.kernel is not None:
            self._add_row(place, op, view)
        return view.axes

    def _view(self, place: Place, rule: Rule | None, op: Operation) -> View:
        everywhere = all(not axis.shift for axes, _ in op.operands for axis in axes)
        if everywhere and (rule not in CONVOLUTIONS or len(op.operands) > 1):
            return rules.meeting(op)  # every operand sees the same everywhere: nothing can widen
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
        moves = any(axis.shift for axis in axes)
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
    everywhere = all(not axis.shift for axis in before)
    scaled = any(new.gate > old.gate and old.shift and new.shift for old, new in pairs)
    return scaled or (everywhere and any(axis.shift for axis in after))


def of_image(image: Tensor) -> Axes:
    """The view of the image itself, (1, channels, *sides)."""
    return tuple(Axis.of_image(side) for side in image.shape[2:])


def holds_tensors(result: Any) -> bool:
    """True for a tensor, and for a tuple or list that holds one."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return any(isinstance(part, Tensor) for part in parts)
