"""How operations without a window move what their output positions see.

A rule takes an `Operation` and returns the `View` of its result. Each axis of the image knows the
dim of the tensor along which its positions lie. `windows.py` holds the rules of operations with a
window; the table in `operations.py` names the rule of each operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.errors import MeasureError
from bench.measuring.receptive.intervals import (
    Axis,
    UnevenJumpsError,
    hull,
    joined,
    length,
    merged,
)
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

    def dims(self, position: int, default: Any = None) -> list[int]:
        """The dims that the operation is told, from the tensor's end; all of them without any."""
        found = (self.setting(position, name) for name in ("dim", "axis"))
        told = (given for given in found if given not in (None, ()) and not isinstance(given, bool))
        given, n = next(told, default), len(self.shape)
        listed = range(n) if given is None else [given] if isinstance(given, int) else given
        return [int(dim) % n - n for dim in listed]

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
SPATIAL_REMEDY = "keep height and width in dims of their own until they are pooled or flattened"


def each(value: Any, n: int) -> tuple[int, ...]:
    """3 -> (3, 3); (3, 1) and [3, 1] -> (3, 1); [3] -> (3, 3)."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(v) for v in (values if len(values) == n else values * n))


def n_positions(shape: Sequence[int], axis: Axis) -> int:
    """How many positions a tensor of that shape has along the axis."""
    return 1 if axis.dim is None or -axis.dim > len(shape) else shape[axis.dim]


def through_all(axes: Axes, dims: Collection[int]) -> Axes:
    """Every result sees all positions along these dims."""
    return tuple(axis.everything() if axis.dim in dims else axis for axis in axes)


def moved(axes: Axes, to: Callable[[int], int]) -> Axes:
    """The axes in other dims; `to` gives a dim's new place, both from the tensor's end."""
    return tuple(axis if axis.dim is None else replace(axis, dim=to(axis.dim)) for axis in axes)


# --- position by position ------------------------------------------------------------------------


def meeting(op: Operation) -> View:
    """What all operands see together; their shapes do not matter."""
    return View(tuple(merged(column) for column in zip(*(a for a, _ in op.operands), strict=True)))


def pointwise(op: Operation) -> View:
    """Branches meet position by position; a branch that is broadcast over the map gates it."""
    out = tuple(first_of(op.result).shape)
    spread = [
        tuple(
            axis.everything()
            if n_positions(value.shape, axis) == 1 and n_positions(out, axis) > 1
            else axis
            for axis in axes
        )
        for axes, value in op.operands
    ]
    try:
        return View(tuple(merged(column) for column in zip(*spread, strict=True)))
    except UnevenJumpsError as error:
        raise op.refused(
            f"branches of uneven {error}", "give both branches the same strides and layout"
        ) from error


def concatenation(op: Operation) -> View:
    """Concatenation along the channels; along height or width it is refused."""
    _require_not_spatial(op, op.dims(1, 0))
    return pointwise(op)


def channels_split(op: Operation) -> View:
    """A split of the channels; a split of height or width is refused."""
    _require_not_spatial(op, op.dims(2, 0))
    return View(op.axes)


def halves(op: Operation) -> View:
    """One half of the channels gates the other; halves of height or width are refused."""
    _require_not_spatial(op, op.dims(1, -1))
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
    return _normalised(op, range(-len(op.shape), 0))


def layer_norm(op: Operation) -> View:
    """Divides by statistics over the last dims: a gate where positions lie along them."""
    shape = op.setting(1, "normalized_shape")
    return _normalised(op, range(-(1 if isinstance(shape, int) else len(shape)), 0))


def softmax(op: Operation) -> View:
    """Along the channels it is pointwise; along height or width it is a norm."""
    return _normalised(op, op.dims(1, 1))


def _normalised(op: Operation, dims: Collection[int]) -> View:
    return View(
        tuple(
            axis.gated(hull(axis.seen_with_gates), length(hull(axis.seen)))
            if axis.dim in dims
            else axis
            for axis in op.axes
        )
    )


# --- everything at once --------------------------------------------------------------------------


def mixing(op: Operation) -> View:
    """Attention: every result sees all positions."""
    wholes = [tuple(axis.everything() for axis in axes) for axes, _ in op.operands]
    return View(tuple(merged(column) for column in zip(*wholes, strict=True)))


def fourier(op: Operation) -> View:
    """`(input, n, dim)`, and `(input, s, dim)` of two dims."""
    return View(through_all(op.axes, op.dims(2, (-2, -1) if op.name.endswith("2") else -1)))


def product(op: Operation) -> View:
    """A product of matrices sums over the last dim of the first and the second last of the other.

    Where both depend on the image every result counts as one that sees everything.
    """
    if len(op.operands) > 1:
        return mixing(op)
    first = op.args[0] if op.args else next(iter(op.kwargs.values()))
    n_dims = len(op.shape)
    if n_dims < 2 or len(first_of(op.result).shape) < n_dims:
        return mixing(op)  # of vectors
    return View(through_all(op.axes, [-1 if first is op.operands[0][1] else -2]))


# --- axes that are removed or moved --------------------------------------------------------------


def _require_not_spatial(op: Operation, dims: Collection[int]) -> None:
    if any(axis.dim in dims for axes, _ in op.operands for axis in axes):
        raise op.refused("works along height or width", SPATIAL_REMEDY)


def reduction(op: Operation) -> View:
    """Mean, sum, maximum ... over some axes; over all spatial ones it is global pooling."""
    if isinstance(op.setting(1, "dim"), Tensor) or len(op.operands) > 1:  # torch.max(a, b)
        return pointwise(op)
    gone = op.dims(1)
    pooled = through_all(op.axes, gone)
    kept = len(first_of(op.result).shape) == len(op.shape)
    return View(pooled if kept else moved(pooled, lambda dim: dim + sum(g > dim for g in gone)))


def reshaping(op: Operation) -> View:
    """The dims keep their order: some are joined, some are parted again.

    Joined with channels, or into one vector an image, every number sees all of the map.
    """
    if not isinstance(op.operands[0][1], Tensor):
        return View(op.axes)
    after = tuple(first_of(op.result).shape)
    restored = [_restored(axis, after) for axis in op.axes]
    if all(axis is not None for axis in restored):
        return View(tuple(axis for axis in restored if axis is not None))
    axes = tuple(_of_one_position(op, axis, after) for axis in op.axes)
    found = list(axes)
    for old, new in _matched(op.shape, after):
        here = [at for at, axis in enumerate(axes) if axis.dim in old]
        fresh = _regrouped(op, tuple(axes[at] for at in here), old, new, after) if here else ()
        for at, axis in zip(here, fresh, strict=True):
            found[at] = axis
    return View(tuple(found))


def _of_one_position(op: Operation, axis: Axis, after: tuple[int, ...]) -> Axis:
    """An axis with one position stays where the dims behind it stay; else it has no place."""
    if axis.dim is None or op.shape[axis.dim] > 1 or op.shape[axis.dim :] == after[axis.dim :]:
        return axis
    return axis.everything()


def _matched(before: Sequence[int], after: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The least groups of dims with equal products, from the end; dims of size 1 stay out."""
    groups = []
    old = [dim for dim in range(-1, -len(before) - 1, -1) if before[dim] != 1]
    new = [dim for dim in range(-1, -len(after) - 1, -1) if after[dim] != 1]
    while old and new:
        left, right = [old.pop(0)], [new.pop(0)]
        while (a := math.prod(before[d] for d in left)) != (
            b := math.prod(after[d] for d in right)
        ):
            (left if a < b else right).append((old if a < b else new).pop(0))
        groups.append((left[::-1], right[::-1]))
    return groups


def _regrouped(
    op: Operation, axes: Axes, old: list[int], new: list[int], after: tuple[int, ...]
) -> Axes:
    """The axes of a group of dims that becomes another group."""
    if len(new) == 1 and len(old) == 1:
        return tuple(replace(axis, dim=new[0]) for axis in axes)
    if len(new) == 1:
        alone = [axis.dim for axis in axes] == old and len(after) > 2
        return joined(axes, new[0]) if alone else tuple(_flattened(op, axis) for axis in axes)
    parts = [axis.before for axis in axes]
    sizes = [after[dim] for dim in new]
    if len(old) == 1 and [part and part[1][0] for part in parts] == sizes:
        undone = zip(parts, new, strict=True)
        return tuple(replace(part[0], dim=dim) for part, dim in undone if part is not None)
    raise op.refused(f"reshapes {op.shape} to {after}", SPATIAL_REMEDY)


def _flattened(op: Operation, axis: Axis) -> Axis:
    """Everything, until a reshape gives the same dims back."""
    assert axis.dim is not None
    return replace(axis.everything(), before=(axis, op.shape[axis.dim :]))


def _restored(axis: Axis, after: tuple[int, ...]) -> Axis | None:
    """The axis before it was flattened with channels, where these dims are back."""
    if axis.before is None or axis.dim is not None:
        return None
    old, sizes = axis.before
    return old if after[-len(sizes) :] == sizes and len(after) > len(sizes) else None


def permutation(op: Operation) -> View:
    """The axes in another order."""
    n_dims = len(op.shape)
    given = [value for value in (*op.args, *op.kwargs.values()) if not isinstance(value, Tensor)]
    if op.name in ("t", "T", "mT", "transpose", "swapaxes", "swapdims"):
        pair = [int(dim) % n_dims for dim in given] or [n_dims - 2, n_dims - 1]
        order = list(range(n_dims))
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
    else:
        dims = given[0] if isinstance(given[0], Sequence) else given
        order = [int(dim) % n_dims for dim in dims]
    return View(moved(op.axes, lambda dim: order.index(dim + n_dims) - n_dims))


def indexing(op: Operation) -> View:
    """One element of a tuple, or slices and positions of a tensor."""
    if not isinstance(op.operands[0][1], Tensor):
        return View(op.axes)
    index = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    n_dims = len(op.shape)
    n_named = sum(part is not None and part is not Ellipsis for part in index)
    whole = [slice(None)] * (n_dims - n_named)
    at = next((i for i, part in enumerate(index) if part is Ellipsis), len(index))
    full = [*index[:at], *whole, *index[at + 1 :]]
    if not all(part is None or isinstance(part, slice | int) for part in full):
        raise op.refused("indexes by more than slices and numbers", SPATIAL_REMEDY)
    after = len(first_of(op.result).shape)
    axes = list(op.axes)
    old = new = 0
    for part in full:
        for which, axis in enumerate(op.axes):
            if part is not None and axis.dim == old - n_dims:
                axes[which] = _picked(axis, part, op.shape[axis.dim], new - after)
        old += part is not None
        new += not isinstance(part, int)
    return View(tuple(axes))


def _picked(axis: Axis, part: slice | int, n: int, dim: int) -> Axis:
    if isinstance(part, int):
        return axis.at(part % n)
    cut = range(n)[part]
    whole = cut == range(n)
    taken = axis if whole else axis.through(Window(1, cut.step, -cut.start), len(cut))
    return replace(taken, dim=dim)


def linear(op: Operation) -> View:
    """Mixes the last axis: every result sees all positions along it."""
    return View(through_all(op.axes, [-1]))


def first_of(result: Any) -> Any:
    """The first of several results, or the only one."""
    return result[0] if isinstance(result, (tuple, list)) else result
