"""How each operation moves what its output positions see: the table that a new operation joins.

A rule takes an `Operation` and gives the `View` of its result. Spatial axes are the last axes of a
tensor, as many as the image has. `_operations.py` tells which operation follows which rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.errors import MeasureError
from bench.measures._intervals import Axis, UnevenJumpsError, merged

Axes = tuple[Axis, ...]


@dataclass(frozen=True)
class Operation:
    """One step of a forward pass, with the values it was called with."""

    name: str  # what the source calls it
    module: Any  # the layer, None for a function or a method
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    operands: tuple[tuple[Axes, Any], ...]  # arguments that depend on the image: view, tensor
    result: Any

    @property
    def axes(self) -> Axes:
        """The first operand's view."""
        return self.operands[0][0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The first operand's shape."""
        return tuple(self.operands[0][1].shape)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument given by position or by name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def refused(self, why: str, remedy: str) -> MeasureError:
        """The error for a use of this operation that the rules do not cover."""
        return MeasureError(f"{self.name}: {why}", where="receptive field", remedy=remedy)


@dataclass(frozen=True)
class View:
    """What a result sees, and the window that moved it where there was one."""

    axes: Axes
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None


Rule = Callable[[Operation], View]
SPATIAL_REMEDY = "keep height and width as the last two axes until they are pooled or flattened"


def _each(value: Any, n: int) -> tuple[int, ...]:
    """3 -> (3, 3); (3, 1) and [3, 1] -> (3, 1); [3] -> (3, 3)."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(v) for v in (values if len(values) == n else values * n))


def _spatial(shape: Sequence[int], n_axes: int) -> tuple[int, ...]:
    """The last sizes; ones where the tensor holds no spatial axes any more."""
    return tuple(shape[-n_axes:]) if len(shape) > n_axes else (1,) * n_axes


def _positions(op: Operation) -> tuple[int, ...]:
    return _spatial(op.shape, len(op.axes))


# --- windows -------------------------------------------------------------------------------------


def _convolved(op: Operation, kernel: Any, stride: Any, padding: Any, dilation: Any) -> View:
    n = len(op.axes)
    kernels, strides, dilations = _each(kernel, n), _each(stride, n), _each(dilation, n)
    if padding == "same":  # torch puts the odd pixel behind
        before = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    else:
        before = _each(0 if padding == "valid" else padding, n)
    windows = zip(op.axes, kernels, strides, before, dilations, strict=True)
    return View(tuple(a.window(k, s, b, d) for a, k, s, b, d in windows), kernels, strides)


def convolution_module(op: Operation) -> View:
    if op.module.padding_mode == "circular":
        raise op.refused("circular padding sees the other side", "use another padding mode")
    m = op.module
    return _convolved(op, m.kernel_size, m.stride, m.padding, m.dilation)


def convolution_function(op: Operation) -> View:
    weight = op.argument(1, "weight")
    stride, padding = op.argument(3, "stride", 1), op.argument(4, "padding", 0)
    return _convolved(op, weight.shape[2:], stride, padding, op.argument(5, "dilation", 1))


def _pooled(op: Operation, kernel: Any, stride: Any, padding: Any, dilation: Any) -> View:
    """A window that covers the whole map is global pooling, however it is written."""
    stride = kernel if stride is None or stride == [] else stride
    view = _convolved(op, kernel, stride, padding, dilation)
    out = _spatial(_first(op.result).shape, len(op.axes))
    kernels = _each(kernel, len(op.axes))
    columns = zip(op.axes, view.axes, _positions(op), kernels, out, strict=True)
    axes = (
        before.everything(n) if n_out == 1 and k >= n > 1 else after
        for before, after, n, k, n_out in columns
    )
    return View(tuple(axes), view.kernel, view.stride)


def pooling_module(op: Operation) -> View:
    m = op.module
    return _pooled(op, m.kernel_size, m.stride, m.padding, getattr(m, "dilation", 1))


def max_pooling_function(op: Operation) -> View:
    stride, padding = op.argument(2, "stride"), op.argument(3, "padding", 0)
    return _pooled(
        op, op.argument(1, "kernel_size"), stride, padding, op.argument(4, "dilation", 1)
    )


def average_pooling_function(op: Operation) -> View:
    stride, padding = op.argument(2, "stride"), op.argument(3, "padding", 0)
    return _pooled(op, op.argument(1, "kernel_size"), stride, padding, 1)


def adaptive_pooling(op: Operation) -> View:
    out = _spatial(_first(op.result).shape, len(op.axes))
    sizes = list(zip(op.axes, _positions(op), out, strict=True))
    if any(n % n_out and axis.jump for axis, n, n_out in sizes):
        raise op.refused(
            f"{_positions(op)} positions do not divide into {out}",
            "use an output size that divides",
        )
    axes = (
        axis.everything(n) if n_out == 1 else axis.window(n // n_out, n // n_out)
        for axis, n, n_out in sizes
    )
    return View(tuple(axes))


def padding_function(op: Operation) -> View:
    """The last axis comes first in `pad`: (left, right, top, bottom)."""
    pad = op.module.padding if op.module is not None else op.argument(1, "pad")
    if op.argument(2, "mode", "constant") == "circular":
        raise op.refused("circular padding sees the other side", "use another padding mode")
    before = [*pad[::2], *[0] * len(op.axes)][: len(op.axes)][::-1]
    return View(tuple(a.window(1, before=int(b)) for a, b in zip(op.axes, before, strict=True)))


# --- position by position ------------------------------------------------------------------------


def meeting(op: Operation) -> View:
    """What all operands see together, whatever their shapes."""
    return View(tuple(merged(column) for column in zip(*(a for a, _ in op.operands), strict=True)))


def pointwise(op: Operation) -> View:
    """Branches meet position by position; one that is broadcast over the map gates it."""
    n = len(op.axes)
    out = _spatial(_first(op.result).shape, n)
    spread = [
        tuple(
            axis.everything(1) if have == 1 and want > 1 else axis
            for axis, have, want in zip(axes, _spatial(value.shape, n), out, strict=True)
        )
        for axes, value in op.operands
    ]
    try:
        return View(tuple(merged(column) for column in zip(*spread, strict=True)))
    except UnevenJumpsError as error:
        raise op.refused(
            f"branches of uneven {error}", "give both branches the same strides"
        ) from error


def concatenation(op: Operation) -> View:
    _require_not_spatial(op, [op.argument(1, "dim", 0)])
    return pointwise(op)


def channels_split(op: Operation) -> View:
    _require_not_spatial(op, [op.argument(2, "dim", 0)])
    return View(op.axes)


def batch_norm(op: Operation) -> View:
    """In eval mode a factor and a shift a channel; without running statistics it pools."""
    fixed = (
        op.module.running_mean is not None if op.module else not op.argument(5, "training", False)
    )
    return pointwise(op) if fixed else normalised(op)


def normalised(op: Operation) -> View:
    """Divides by statistics over the positions: a gate that sees them all."""
    wholes = (axis.everything(n).size for axis, n in zip(op.axes, _positions(op), strict=True))
    return View(tuple(axis.gated(size) for axis, size in zip(op.axes, wholes, strict=True)))


def softmax(op: Operation) -> View:
    dim = op.module.dim if op.module is not None else op.argument(1, "dim", 1)
    return normalised(op) if _spatial_dims(op, [1 if dim is None else dim]) else pointwise(op)


# --- axes that go away or move -------------------------------------------------------------------


def _spatial_dims(op: Operation, dims: Sequence[int]) -> set[int]:
    """Which spatial axes (0 = the first of them) the tensor's dims name; none on a vector."""
    n_dims, n_axes = len(op.shape), len(op.axes)
    if n_dims <= n_axes:
        return set()
    return {dim % n_dims - (n_dims - n_axes) for dim in dims if dim % n_dims >= n_dims - n_axes}


def _require_not_spatial(op: Operation, dims: Sequence[int]) -> None:
    if _spatial_dims(op, dims) and any(axis.jump for axis in op.axes):
        raise op.refused("works along height or width", SPATIAL_REMEDY)


def reduction(op: Operation) -> View:
    """Mean, sum, maximum ... over some axes; over all spatial ones it is global pooling."""
    dims = op.argument(1, "dim")
    if isinstance(dims, Tensor):  # torch.max(a, b)
        return pointwise(op)
    listed = range(len(op.shape)) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = _spatial_dims(op, listed)
    if gone and len(gone) < len(op.axes) and not op.argument(2, "keepdim", False):
        raise op.refused("removes one spatial axis only", "pass keepdim=True")
    sizes = enumerate(zip(op.axes, _positions(op), strict=True))
    return View(tuple(axis.everything(n) if i in gone else axis for i, (axis, n) in sizes))


def reshaping(op: Operation) -> View:
    """Keeps a map whose last sizes stay; flattening it lets every number after it see all of it."""
    before, after = _positions(op), tuple(_first(op.result).shape)
    n_axes = len(op.axes)
    if len(after) > n_axes and after[-n_axes:] == before:
        return View(op.axes)
    tokens = len(after) == 3 and after[-1] == math.prod(before)  # (batch, channels, positions)
    if len(after) <= 2 or tokens:
        return View(tuple(a.everything(n) for a, n in zip(op.axes, before, strict=True)))
    raise op.refused(f"reshapes {op.shape} to {after}", SPATIAL_REMEDY)


def permutation(op: Operation) -> View:
    given = op.args[1:] or tuple(op.kwargs.values())
    dims = given[0] if isinstance(given[0], Sequence) else given
    n_dims = len(op.shape)
    order = [int(dim) % n_dims for dim in dims]
    if op.name == "transpose":
        swapped = list(range(n_dims))
        swapped[order[0]], swapped[order[1]] = swapped[order[1]], swapped[order[0]]
        order = swapped
    if order[-len(op.axes) :] != list(range(n_dims))[-len(op.axes) :]:
        raise op.refused("moves height or width", SPATIAL_REMEDY)
    return View(op.axes)


def indexing(op: Operation) -> View:
    """Part of a tuple, or slices of a tensor."""
    if not isinstance(op.operands[0][1], Tensor):
        return View(op.axes)
    index = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    n_dims = len(op.shape)
    dots = [at for at, part in enumerate(index) if part is Ellipsis]
    for at in dots:
        index = (*index[:at], *[slice(None)] * (n_dims - len(index) + 1), *index[at + 1 :])
    full = [*index, *[slice(None)] * (n_dims - len(index))]
    spatial = full[-len(op.axes) :]
    if len(full) != n_dims or not all(isinstance(part, slice) for part in spatial):
        raise op.refused("indexes height or width by more than a slice", SPATIAL_REMEDY)
    cuts = [part.indices(n) for part, n in zip(spatial, _positions(op), strict=True)]
    return View(
        tuple(a.window(1, step, -first) for a, (first, _, step) in zip(op.axes, cuts, strict=True))
    )


def linear(op: Operation) -> View:
    """Mixes the last axis; on a vector nothing more is to be seen."""
    _require_not_spatial(op, [-1])
    return View(op.axes)


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) else result
