"""The receptive-field rules of windows: convolution, pooling, padding, upsampling.

A rule takes an `Operation` and returns the `View` of its result, as in `rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bench.measuring.receptive.rules import Axes, Operation, View, each, first_of
from bench.measuring.receptive.taps import Between, Repeat, Share, Spread, Taps, Window


def _through(op: Operation, taps: Sequence[Taps], border: str = "zeros") -> View:
    """The view after windows along the last dims, one for each; other dims stay."""
    n, after = len(taps), first_of(op.result).shape
    return View(
        tuple(
            axis
            if axis.dim is None or axis.dim < -n
            else axis.through(taps[axis.dim + n], after[axis.dim], border)
            for axis in op.axes
        )
    )


def _n_windows(op: Operation) -> int:
    """1 of `max_pool1d`, 3 of `AvgPool3d`: along so many of the last dims the window moves."""
    return int(re.findall(r"([123])d", op.name.lower())[-1])


def _pairs(op: Operation, n: int) -> list[tuple[int, int]]:
    """Positions before and after along each of the last n dims."""
    return list(zip(op.shape[-n:], first_of(op.result).shape[-n:], strict=True))


# --- convolution ---------------------------------------------------------------------------------


def _windowed(
    op: Operation, n: int, window: Sequence[Any], border: str = "zeros", groups: int | None = None
) -> View:
    """`window` is kernel, stride, padding and dilation: one number, or one for each of n dims."""
    kernels, strides, dilations = (each(window[at], n) for at in (0, 1, 3))
    if window[2] == "same":  # torch puts the odd pixel at the end
        before = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    else:
        before = each(0 if window[2] == "valid" else window[2], n)
    columns = zip(kernels, strides, before, dilations, strict=True)
    taps = [Window(*column) for column in columns]
    return View(_through(op, taps, border).axes, kernels, strides, groups)


def convolution(op: Operation) -> View:
    """Layers, and `torch.conv2d(input, weight, bias, stride, padding, dilation, groups)`.

    The values that a layer pads with decide what the positions at the border see.
    """
    border = getattr(op.module, "padding_mode", "zeros")
    _refuse_circular(op, border)
    weight, stride = op.setting(1, "weight"), op.setting(3, "stride", 1)
    kernel, groups = tuple(weight.shape[2:]), op.setting(6, "groups", 1)
    window = (kernel, stride, op.setting(4, "padding", 0), op.setting(5, "dilation", 1))
    view = _windowed(op, len(kernel), window, border, groups)
    return replace(view, axes=_mixed(view.axes, weight, len(kernel), groups))


def _mixed(axes: Axes, weight: Any, n: int, groups: int) -> Axes:
    """Every output channel sees all input channels, and so all positions that lie along them."""
    if weight.shape[0] == groups and weight.shape[1] == 1:
        return axes
    wholes = ((axis, axis.everything()) for axis in axes)
    return tuple(
        replace(whole, map_size=whole.size) if axis.dim == -n - 1 else axis
        for axis, whole in wholes
    )


def _refuse_circular(op: Operation, mode: str) -> None:
    if mode == "circular":
        raise op.refused("circular padding sees the other side", "use another padding mode")


def transposed_convolution(op: Operation) -> View:
    """Layers, and `(input, weight, bias, stride, padding, output_padding, groups, dilation)`.

    `output_padding` adds positions at the end, which see less.
    """
    weight, stride = op.setting(1, "weight"), op.setting(3, "stride", 1)
    kernel, groups = tuple(weight.shape[2:]), op.setting(6, "groups", 1)
    window = (kernel, stride, op.setting(4, "padding", 0), op.setting(7, "dilation", 1))
    columns = [each(value, len(kernel)) for value in window]
    axes = _through(op, [Spread(*axis) for axis in zip(*columns, strict=True)]).axes
    return View(_mixed(axes, weight, len(kernel), groups), columns[0], columns[1], groups)


# --- pooling -------------------------------------------------------------------------------------


def max_pooling(op: Operation) -> View:
    """Layers, and `(input, kernel_size, stride, padding, dilation)`."""
    return _pooled(op, op.setting(4, "dilation", 1))


def average_pooling(op: Operation) -> View:
    """Layers, and `(input, kernel_size, stride, padding)`."""
    return _pooled(op, dilation=1)


def _pooled(op: Operation, dilation: Any) -> View:
    """A window over the whole map is global pooling, however it is written."""
    n = _n_windows(op)
    kernel = op.setting(1, "kernel_size")
    stride = op.setting(2, "stride") or kernel
    view = _windowed(op, n, (kernel, stride, op.setting(3, "padding", 0), dilation))
    sizes = enumerate(zip(each(kernel, n), _pairs(op, n), strict=True))
    whole = {at - n for at, (k, (before, after)) in sizes if after == 1 and k >= before > 1}
    return replace(view, axes=_all_along(op, whole, view))


def adaptive_pooling(op: Operation) -> View:
    """Output size 1 sees everything; other sizes share the positions out."""
    n = _n_windows(op)
    pairs = _pairs(op, n)
    whole = {at - n for at, (before, after) in enumerate(pairs) if after == 1 and before > 1}
    view = _through(op, [Share(*pair) for pair in pairs])
    return replace(view, axes=_all_along(op, whole, view))


def _all_along(op: Operation, dims: Collection[int], view: View) -> Axes:
    """The view's axes, but along these dims every position of the operand is seen."""
    pairs = zip(op.axes, view.axes, strict=True)
    return tuple(old.everything() if old.dim in dims else new for old, new in pairs)


# --- padding and upsampling ----------------------------------------------------------------------

# A part of the padding layer's name -> the mode by which `functional.pad` does the same.
PADDING_MODES = (("Reflection", "reflect"), ("Replication", "replicate"), ("Circular", "circular"))


def padding(op: Operation) -> View:
    """The last axis comes first in `pad`: (left, right, top, bottom)."""
    if op.module is not None:
        pad = op.module.padding
        named = (mode for part, mode in PADDING_MODES if part in type(op.module).__name__)
        mode = next(named, "constant")
    else:
        pad, mode = op.setting(1, "pad"), op.setting(2, "mode", "constant")
    _refuse_circular(op, mode)
    return _through(op, [Window(before=int(b)) for b in pad[::2][::-1]], mode)


def _factors(op: Operation, n: int) -> list[int]:
    pairs = _pairs(op, n)
    if any(after % before for before, after in pairs):
        sizes = " to ".join(str(side) for side in zip(*pairs, strict=True))
        raise op.refused(f"resizes {sizes}", "upsample by whole factors")
    return [after // before for before, after in pairs]


def _nearest(n: int, n_out: int, aligned: bool) -> Taps:
    del aligned  # nearest has no corners to align
    return Repeat(n_out // n)


def _linear(n: int, n_out: int, aligned: bool) -> Taps:
    if aligned:
        return Between(Fraction(n - 1, max(n_out - 1, 1)), Fraction(0))
    return Between(Fraction(n, n_out), Fraction(n, 2 * n_out) - Fraction(1, 2))


# torch's name of an interpolation mode -> the positions that each output position reads.
INTERPOLATIONS: dict[str, Callable[[int, int, bool], Taps]] = {
    "nearest": _nearest,
    "nearest-exact": _nearest,
    "linear": _linear,
    "bilinear": _linear,
    "trilinear": _linear,
}


def upsampling(op: Operation) -> View:
    """`(input, size, scale_factor, mode, align_corners, recompute, antialias)`, or the layer."""
    mode, aligned = op.setting(3, "mode", "nearest"), op.setting(4, "align_corners")
    antialias = op.setting(6, "antialias", False)
    if mode not in INTERPOLATIONS or antialias:
        raise op.refused(
            f"mode '{mode}'{' with antialias' if antialias else ''} has no rule",
            "use nearest or bilinear, or add it to INTERPOLATIONS in "
            "bench.measuring.receptive.windows",
        )
    n_dims = len(op.shape) - 2
    _factors(op, n_dims)
    pairs = _pairs(op, n_dims)
    taps = [INTERPOLATIONS[mode](n, n_out, bool(aligned)) for n, n_out in pairs]
    return _through(op, taps, "replicate")  # torch clamps coordinates beyond the last one


def shuffling(op: Operation) -> View:
    """Pixel shuffle: a position's factor x factor results lie side by side."""
    return _through(op, [Repeat(factor) for factor in _factors(op, 2)])


def unshuffling(op: Operation) -> View:
    """Pixel unshuffle: the channels of a position together see factor x factor positions."""
    factors = [n // n_out for n, n_out in _pairs(op, 2)]
    return _through(op, [Window(factor, factor) for factor in factors])
