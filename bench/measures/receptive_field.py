"""Receptive field: how many input pixels one position of a layer can see, along the path of data.

Convention: the theoretical size in pixels, padding included, so it may be wider than the image. A
gate (squeeze-and-excitation, a norm over positions) scales a map by what it saw everywhere: the
main column follows the local path, `receptive_field_with_gates` any path. The headline is the last
feature map before everything is pooled or flattened.
Source: Araujo et al., Distill 2019, https://distill.pub/2019/computing-receptive-fields
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, fx, nn

from bench.errors import MeasureError
from bench.measures import _rules, _subject
from bench.measures._intervals import Axis
from bench.measures._operations import CONVOLUTIONS, MANY_OPERANDS, RULES
from bench.measures._rules import Axes, Operation, Rule, View
from bench.spec import Field, Measured

FIELDS = (
    Field(name="receptive_field_pixels", title="Receptive field", unit="pixels", better="neither"),
    Field(
        name="receptive_field_with_gates_pixels",
        title="Receptive field, gates included",
        unit="pixels",
    ),
)


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Receptive fields of the layers and of the last feature map.

    Args:
        model: A module that torch.fx can trace; it returns one tensor.
        example: (n, channels, *sides); its first image is used.
        components: Not used here.

    Raises:
        MeasureError: the model cannot be traced or run, or holds an operation that no rule knows.
    """
    walk = walked(model, example)
    final = walk.final
    local = max(axis.map_size for axis in final)
    gated = max(local, *(axis.gate for axis in final))
    sides = "x".join(str(axis.image) for axis in final)
    notes = [f"theoretical size in pixels, padding included; an image is {sides} pixels"]
    notes += _gate_notes(walk.gates)
    if not any(row["kernel"] for row in walk.rows.values()):
        local = gated = max(axis.size for axis in final)
        notes.append("no convolution and no pooling: the first layer sees the whole image")
    if len({axis.map_size for axis in final}) > 1:
        sizes = " x ".join(str(axis.map_size) for axis in final)
        notes.append(f"the headline is the longer side of {sizes}")
    values = {"receptive_field_pixels": local, "receptive_field_with_gates_pixels": gated}
    return Measured(fields=FIELDS, values=values, layers=walk.rows, notes=notes)


def _gate_notes(gates: Sequence[str]) -> list[str]:
    text = "the main column does not follow gates, which see everything: "
    return [text + ", ".join(gates)] if gates else []


def walked(model: nn.Module, example: Tensor) -> Walk:
    """The walk along the path of data, done; its `views` hold every step's intervals."""
    with _subject.at_rest(model, example):
        walk = Walk(_traced(model), example[:1])
        walk.go()
    return walk


class _Tracer(fx.Tracer):
    """Steps into the architecture's own modules and stops at torch's."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return _subject.is_layer(m)


def _traced(model: nn.Module) -> fx.GraphModule:
    try:
        return fx.GraphModule(model, _Tracer().trace(model))
    except Exception as error:  # tracing runs the architecture's own code
        raise MeasureError(
            f"torch.fx cannot trace forward: {error}",
            where=type(model).__name__,
            remedy="let no branch or loop in forward depend on a tensor's values or shape",
        ) from error


class Walk(fx.Interpreter):
    """Runs the traced model on one image and moves the intervals along, step by step.

    Attributes:
        views: Step -> what its result's positions see; steps that do not depend on the image
            (sizes, constants) have none.
        rows: Layer's dotted name -> column -> value, in call order.
        gates: Where a gate scales a map, in words.
        final: The view of the model's result.
    """

    def __init__(self, graph: fx.GraphModule, image: Tensor) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # fx would add lines to an error that tells itself in one
        self.image = image  # (1, channels, *sides)
        self.views: dict[fx.Node, Axes] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.gates: list[str] = []
        self.final: Axes = ()

    def go(self) -> None:
        """Walks from the image to the result.

        Raises:
            MeasureError: forward fails, no rule knows a step, or the result is no single tensor.
        """
        try:
            self.run(self.image)
        except MeasureError:
            raise
        except Exception as error:
            raise MeasureError(
                f"forward raised {type(error).__name__}: {str(error).splitlines()[0]}",
                where=f"on an input of shape {tuple(self.image.shape)}",
                remedy="make forward accept such a batch",
            ) from error

    def run_node(self, n: fx.Node) -> Any:
        """Runs one step and notes what its result sees."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        result = super().run_node(n)
        seen = [node for node in n.all_input_nodes if node in self.views]
        if n.op == "placeholder" and not self.views:
            self.views[n] = tuple(Axis(image=side) for side in self.image.shape[2:])
        elif n.op == "output":
            self.final = self._final(n)
        elif seen and _holds_tensors(result):
            operands = tuple((self.views[node], self.env[node]) for node in seen)
            module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
            self._step(n, Operation(_name(n, module), module, args, kwargs, operands, result))
        return result

    def _step(self, node: fx.Node, op: Operation) -> None:
        view = self._view(node, op)
        if any(_gates(axes, view.axes) for axes, _ in op.operands):
            self.gates.append(_place(node))
        self.views[node] = view.axes
        if op.module is not None or view.kernel is not None:
            self._add_row(node, op, view)

    def _view(self, node: fx.Node, op: Operation) -> View:
        rule = _rule(node, op.module)
        everywhere = all(not axis.jump for axes, _ in op.operands for axis in axes)
        if everywhere and (rule not in CONVOLUTIONS or len(op.operands) > 1):
            return _rules.meeting(op)  # every operand sees the same everywhere: nothing can widen
        if rule is None:
            raise MeasureError(
                f"no receptive-field rule for '{op.name}'",
                where=_place(node),
                remedy="add it to a line of TABLE in bench/measures/_operations.py",
            )
        if len(op.operands) > 1 and rule not in MANY_OPERANDS:
            raise op.refused("several arguments depend on the image", "use a fixed weight or index")
        return rule(op)

    def _add_row(self, node: fx.Node, op: Operation, view: View) -> None:
        name = base = _row_name(node, self.module)
        again = 1
        while name in self.rows:
            again += 1
            name = f"{base} (call {again})"
        axes = view.axes
        self.rows[name] = {
            "operation": op.name if op.module is None else _subject.operation_of(op.module),
            "kernel": _side_by_side(view.kernel),
            "stride": _side_by_side(view.stride),
            "receptive_field": _side_by_side([axis.size for axis in axes]),
            "receptive_field_with_gates": _side_by_side([axis.with_gates for axis in axes]),
            "jump": _side_by_side([a.jump for a in axes]) if any(a.jump for a in axes) else None,
            "output_shape": _subject.shape_of(op.result),
        }

    def _final(self, node: fx.Node) -> Axes:
        result = node.args[0]
        if isinstance(result, fx.Node) and result in self.views:
            return self.views[result]
        raise MeasureError(
            "forward does not return one tensor that depends on the image",
            where="receptive field",
            remedy="return the class scores alone",
        )


def _gates(before: Axes, after: Axes) -> bool:
    """True where an operand that sees everything scales a map, or a map is scaled by all of it."""
    pairs = list(zip(before, after, strict=True))
    everywhere = all(not axis.jump for axis in before)
    scaled = any(new.gate > old.gate and old.jump and new.jump for old, new in pairs)
    return scaled or (everywhere and any(axis.jump for axis in after))


def _holds_tensors(result: Any) -> bool:
    parts = result if isinstance(result, (tuple, list)) else [result]
    return any(isinstance(part, Tensor) for part in parts)


def _rule(node: fx.Node, module: nn.Module | None) -> Rule | None:
    keys: Sequence[Any] = [node.target] if module is None else type(module).__mro__
    return next((RULES[key][0] for key in keys if key in RULES), None)


def _name(node: fx.Node, module: nn.Module | None) -> str:
    if module is not None:
        return _subject.operation_of(module)
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "?")


def _owner(node: fx.Node) -> str:
    """Dotted name of the module whose forward makes this step; '' for the model itself."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(next(reversed(stack.values()))[0]) if stack else ""


def _row_name(node: fx.Node, model: nn.Module) -> str:
    """A layer's dotted name; a function's row is its module where that holds the parameters."""
    if node.op == "call_module":
        return str(node.target)
    owner = _owner(node)
    holder = model.get_submodule(owner) if owner else model
    if next(holder.parameters(recurse=False), None) is not None:
        return _subject.display_name(owner)
    return f"{owner}.{node.name}" if owner else node.name


def _place(node: fx.Node) -> str:
    if node.op == "call_module":
        return f"layer '{node.target}'"
    return f"step '{node.name}' of {_subject.display_name(_owner(node))}"


def _side_by_side(values: Sequence[int] | None) -> int | str | None:
    """(3, 3) -> 3; (3, 1) -> '3x1'."""
    if values is None:
        return None
    return values[0] if len(set(values)) == 1 else "x".join(str(value) for value in values)
