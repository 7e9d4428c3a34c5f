"""Follows one forward pass step by step and applies the rule of each step.

`GraphWalk` follows torch.fx's graph, which holds every step. Where fx cannot make a graph (a branch
depends on a tensor), `LiveWalk` follows the calls that torch sees while forward runs; its result
holds for this input only.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.receptive.path import Path, Place, holds_tensors, of_image
from bench.measuring.receptive.rules import Axes, Operation


@contextmanager
def as_measure_error(image: Tensor) -> Iterator[None]:
    """Turns any error of a forward pass into a `MeasureError` of one line."""
    try:
        yield
    except MeasureError:
        raise
    except Exception as error:
        raise subject.forward_failed(error, image) from error


# --- along torch.fx's graph ----------------------------------------------------------------------


class _Tracer(fx.Tracer):
    """Steps into the architecture's own modules and stops at torch's."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return subject.is_layer(m)


def traced(model: nn.Module) -> fx.GraphModule:
    """The model as a graph of layers and functions.

    Raises:
        MeasureError: forward cannot be traced; a branch or a loop depends on a tensor.
    """
    try:
        return fx.GraphModule(model, _Tracer().trace(model))
    except Exception as error:  # tracing runs the architecture's own code
        raise MeasureError(
            f"torch.fx cannot trace forward: {error}",
            where=type(model).__name__,
            remedy="let no branch or loop in forward depend on a tensor's values or shape",
        ) from error


class GraphWalk(fx.Interpreter):
    """Runs the traced model on one image and moves the intervals along, step by step.

    Attributes:
        path: The result.
        views: Step -> the view of its result; a step that does not depend on the image (a size, a
            constant) has no view.
    """

    def __init__(self, graph: fx.GraphModule, image: Tensor) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # fx would add lines to our errors of one line
        self.image = image  # (1, channels, *sides)
        self.path = Path(self.module)
        self.views: dict[fx.Node, Axes] = {}

    def go(self) -> Path:
        """Walks from the image to the result.

        Raises:
            MeasureError: forward fails, no rule knows a step, or the result is no single tensor.
        """
        with as_measure_error(self.image):
            self.run(self.image)
        return self.path

    def run_node(self, n: fx.Node) -> Any:
        """Runs one step and notes the view of its result."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        result = super().run_node(n)
        seen = [node for node in n.all_input_nodes if node in self.views]
        if n.op == "placeholder" and not self.views:
            self.views[n] = of_image(self.image)
        elif n.op == "output":
            self.path.finish(self._view_of(n.args[0]))
        elif seen and holds_tensors(result):
            operands = tuple((self.views[node], self.env[node]) for node in seen)
            module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
            name = subject.operation_of(module) if module is not None else _named(n.target)
            keys = [n.target] if module is None else type(module).__mro__
            op = Operation(name, module, args, kwargs, operands, result)
            self.views[n] = self.path.step(_place(n), keys, op)
        return result

    def _view_of(self, result: Any) -> Axes | None:
        return self.views.get(result) if isinstance(result, fx.Node) else None


def _named(target: Any) -> str:
    return target if isinstance(target, str) else getattr(target, "__name__", "?")


def _place(node: fx.Node) -> Place:
    stack = node.meta.get("nn_module_stack") or {"": ("", None)}
    key, (owner, _) = next(reversed(stack.items()))
    again = key.removeprefix(owner).removeprefix("@")  # fx's key of a second call is "x@1"
    call = 1 + int(again) if again.isdigit() else 1
    if node.op == "call_module":
        return Place(str(node.target), call=call)
    return Place(None, str(owner), node.name, call)


# --- along the calls of one forward pass ---------------------------------------------------------


class LiveWalk(TorchFunctionMode):
    """Follows a forward pass while it runs: layers by hooks, functions by torch's own override."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        super().__init__()
        self.model, self.image = model, image
        self.path = Path(model)
        self.views: dict[int, Axes] = {}  # tensor's id -> view
        self.kept: list[Any] = []  # holds every tensor, so that no id comes twice
        self.inside: list[str] = []  # names of the modules whose forward runs, outermost first
        self.entered: Counter[str] = Counter()  # module's name -> calls so far
        self.in_layer = 0
        self.counts: dict[str, int] = {}

    def go(self) -> Path:
        """Runs forward on the image.

        Raises:
            MeasureError: as `GraphWalk.go`.
        """
        with as_measure_error(self.image), self._hooked():
            image = self.image.clone()
            self._keep(image, of_image(image))
            with self:
                result = self.model(image)
            self.path.finish(self.views.get(id(result)) if isinstance(result, Tensor) else None)
        return self.path

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """One call of a torch function or of a tensor's method."""
        values = dict(kwargs or {})
        operands = self._operands((*args, *values.values()))
        result = func(*args, **values)
        if not self.in_layer and operands and holds_tensors(result):
            name = _method(func)
            op = Operation(name, None, tuple(args), values, operands, result)
            owner = self.inside[-1] if self.inside else ""
            self.counts[name] = self.counts.get(name, 0) + 1
            step = name if self.counts[name] == 1 else f"{name}_{self.counts[name] - 1}"
            self._keep(
                result,
                self.path.step(Place(None, owner, step, self.entered[owner]), _keys(func), op),
            )
        return result

    def _operands(self, values: Sequence[Any]) -> tuple[tuple[Axes, Any], ...]:
        parts = [part for value in values if isinstance(value, list | tuple) for part in value]
        seen = {id(value): value for value in (*values, *parts) if id(value) in self.views}
        return tuple((self.views[key], value) for key, value in seen.items())

    def _keep(self, result: Any, axes: Axes) -> None:
        for each in (result, *(result if isinstance(result, tuple | list) else ())):
            self.kept.append(each)
            self.views[id(each)] = axes

    @contextmanager
    def _hooked(self) -> Iterator[None]:
        """Hooks of every module, for a ScriptModule takes none of its own."""
        names = {id(module): name for name, module in self.model.named_modules()}

        def enter(module: nn.Module, _args: Any) -> None:
            if (name := names.get(id(module))) is not None:
                self.in_layer += subject.is_layer(module)
                self.inside.append(name)
                self.entered[name] += 1

        def leave(module: nn.Module, args: Any, kwargs: dict[str, Any], result: Any) -> None:
            if (name := names.get(id(module))) is not None:
                self._leave(name, module, (args, kwargs), result)

        with (
            register_module_forward_pre_hook(enter),
            register_module_forward_hook(leave, with_kwargs=True),
        ):
            yield

    def _leave(
        self, name: str, module: nn.Module, given: tuple[Any, dict[str, Any]], result: Any
    ) -> None:
        self.inside.pop()
        if not subject.is_layer(module):
            return
        self.in_layer -= 1
        args, kwargs = given
        operands = self._operands((*args, *kwargs.values()))
        if not self.in_layer and operands and holds_tensors(result):
            called = subject.operation_of(module)
            op = Operation(called, module, tuple(args), kwargs, operands, result)
            place = Place(name, call=self.entered[name])
            self._keep(result, self.path.step(place, type(module).__mro__, op))


def _method(func: Any) -> str:
    """'add' for `Tensor.add` and for `Tensor.__add__`."""
    return str(getattr(func, "__name__", func)).strip("_")


def _keys(func: Any) -> list[Any]:
    """The function itself, and the names under which fx knows a method or an operator."""
    name = _method(func)
    turned = name.removeprefix("r")  # 1 - x calls Tensor.__rsub__
    return [func, name, *(getattr(operator, n) for n in (name, turned) if hasattr(operator, n))]
