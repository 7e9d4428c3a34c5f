"""How operations without a window move what their output positions see.

A rule takes an `Operation` and returns the `View` of its result. The spatial axes are the last axes
of a tensor, as many as the image has. `windows.py` holds the rules of operations with a window;
the table in `operations.py` names the rule of each operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.errors import MeasureError
from bench.measuring.receptive.intervals import Axis, UnevenJumpsError, hull, length, merged
from bench.measuring.receptive.taps import Window

Axes = tuple[Axis, ...]


@dataclass(frozen=True)
class Operation:
    """One step of a forward pass, with the values it was called with."""

    name: str  # as the architecture's source writes it
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

    def setting(self, position: int, name: str, default: Any = None) -> Any:
        """The layer's attribute, or the function's argument by position or by name."""
        if self.module is not None:
            return getattr(self.module, name, default)
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def refused(self, why: str, remedy: str) -> MeasureError:
        """The error for a use of this operation that the rules do not cover."""
        return MeasureError(f"{self.name}: {why}", where="receptive field", remedy=remedy)


@dataclass(frozen=True)
class View:
    """What the positions of a result see, and the window of a layer that has one."""

    axes: Axes
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    groups: int | None = None


Rule = Callable[[Operation], View]
SPATIAL_REMEDY = "keep height and width as the last two axes until they are pooled or flattened"


def each(value: Any, n: int) -> tuple[int, ...]:
    """3 -> (3, 3); (3, 1) and [3, 1] -> (3, 1); [3] -> (3, 3)."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(v) for v in (values if len(values) == n else values * n))


def spatial(shape: Sequence[int], n_axes: int) -> tuple[int, ...]:
    """The sizes of the last `n_axes` axes; ones for a tensor without spatial axes."""
    return tuple(shape[-n_axes:]) if len(shape) > n_axes else (1,) * n_axes


def positions(op: Operation) -> tuple[int, ...]:
    """How many positions the first operand has along each axis."""
    return spatial(op.shape, len(op.axes))


# --- position by position ------------------------------------------------------------------------


def meeting(op: Operation) -> View:
    """What all operands see together; their shapes do not matter."""
    return View(tuple(merged(column) for column in zip(*(a for a, _ in op.operands), strict=True)))


def pointwise(op: Operation) -> View:
    """Branches meet position by position; a branch that is broadcast over the map gates it."""
    n = len(op.axes)
    out = spatial(first_of(op.result).shape, n)
    spread = [
        tuple(
            axis.everything() if have == 1 and want > 1 else axis
            for axis, have, want in zip(axes, spatial(value.shape, n), out, strict=True)
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
    """Concatenation along the channels; along height or width it is refused."""
    _require_not_spatial(op, [op.setting(1, "dim", 0)])
    return pointwise(op)


def channels_split(op: Operation) -> View:
    """A split of the channels; a split of height or width is refused."""
    _require_not_spatial(op, [op.setting(2, "dim", 0)])
    return View(op.axes)


def batch_norm(op: Operation) -> View:
    """In eval mode one factor and one shift a channel; without running statistics a norm."""
    if op.module is None:
        fixed = not op.setting(5, "training", False)
    else:
        fixed = op.module.running_mean is not None
    return pointwise(op) if fixed else normalised(op)


def normalised(op: Operation) -> View:
    """Divides by statistics over the positions: a gate that sees them all."""
    wholes = ((axis, hull(axis.seen_with_gates)) for axis in op.axes)
    return View(tuple(axis.gated(box, length(hull(axis.seen))) for axis, box in wholes))


def softmax(op: Operation) -> View:
    """Along the channels it is pointwise; along height or width it is a norm."""
    dim = op.setting(1, "dim", 1)
    return normalised(op) if _spatial_dims(op, [1 if dim is None else dim]) else pointwise(op)


# --- axes that are removed or moved --------------------------------------------------------------


def _spatial_dims(op: Operation, dims: Sequence[int]) -> set[int]:
    """The spatial axes (0 is the first) among the tensor's dims; a vector has no spatial axes."""
    n_dims, n_axes = len(op.shape), len(op.axes)
    if n_dims <= n_axes:
        return set()
    return {dim % n_dims - (n_dims - n_axes) for dim in dims if dim % n_dims >= n_dims - n_axes}


def _require_not_spatial(op: Operation, dims: Sequence[int]) -> None:
    if _spatial_dims(op, dims) and any(axis.jump for axis in op.axes):
        raise op.refused("works along height or width", SPATIAL_REMEDY)


def reduction(op: Operation) -> View:
    """Mean, sum, maximum ... over some axes; over all spatial ones it is global pooling."""
    dims = op.setting(1, "dim")
    if isinstance(dims, Tensor):  # torch.max(a, b)
        return pointwise(op)
    listed = range(len(op.shape)) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = _spatial_dims(op, listed)
    if gone and len(gone) < len(op.axes) and not op.setting(2, "keepdim", False):
        raise op.refused("removes one spatial axis only", "pass keepdim=True")
    return _pooled(op, gone)


def _pooled(op: Operation, which: set[int]) -> View:
    """Every result sees all positions along these spatial axes."""
    return View(tuple(axis.everything() if i in which else axis for i, axis in enumerate(op.axes)))


def reshaping(op: Operation) -> View:
    """A map while its last sizes stay; once it is flattened, every number sees all of it."""
    before, after = positions(op), tuple(first_of(op.result).shape)
    n_axes = len(op.axes)
    if len(after) > n_axes and after[-n_axes:] == before:
        return View(op.axes)
    tokens = len(after) == 3 and after[-1] == math.prod(before)  # (batch, channels, positions)
    if len(after) <= 2 or tokens:
        return View(tuple(axis.everything() for axis in op.axes))
    raise op.refused(f"reshapes {op.shape} to {after}", SPATIAL_REMEDY)


def permutation(op: Operation) -> View:
    """The axes in another order."""
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
    """One element of a tuple, or slices of a tensor."""
    if not isinstance(op.operands[0][1], Tensor):
        return View(op.axes)
    index = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    n_dims = len(op.shape)
    dots = [at for at, part in enumerate(index) if part is Ellipsis]
    for at in dots:
        index = (*index[:at], *[slice(None)] * (n_dims - len(index) + 1), *index[at + 1 :])
    full = [*index, *[slice(None)] * (n_dims - len(index))]
    sliced = full[-len(op.axes) :]
    if len(full) != n_dims or not all(isinstance(part, slice) for part in sliced):
        raise op.refused("indexes height or width by more than a slice", SPATIAL_REMEDY)
    cuts = [range(n)[part] for part, n in zip(sliced, positions(op), strict=True)]
    return View(
        tuple(
            axis.through(Window(1, cut.step, -cut.start), len(cut))
            for axis, cut in zip(op.axes, cuts, strict=True)
        )
    )


def linear(op: Operation) -> View:
    """Mixes the last axis: every result sees all positions along it."""
    return _pooled(op, _spatial_dims(op, [-1]))


def first_of(result: Any) -> Any:
    """The first of several results, or the only one."""
    return result[0] if isinstance(result, (tuple, list)) else result
