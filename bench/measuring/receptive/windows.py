"""The receptive-field rules of windows: convolution, pooling, padding, upsampling.

A rule takes an `Operation` and returns the `View` of its result, as in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from bench.measuring.receptive.rules import Operation, View, each, first_of, positions, spatial
from bench.measuring.receptive.taps import Between, Repeat, Share, Spread, Taps, Window


def _sides(op: Operation) -> tuple[int, ...]:
    """Positions of the result along each axis."""
    return spatial(first_of(op.result).shape, len(op.axes))


def _through(op: Operation, taps: Sequence[Taps], border: str = "zeros") -> View:
    columns = zip(op.axes, taps, _sides(op), strict=True)
    return View(tuple(axis.through(each_taps, n, border) for axis, each_taps, n in columns))


# --- convolution ---------------------------------------------------------------------------------


def _windowed(
    op: Operation, window: Sequence[Any], border: str = "zeros", groups: int | None = None
) -> View:
    """`window` is kernel, stride, padding and dilation: one number, or one for each axis."""
    n = len(op.axes)
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
    kernel, stride = op.setting(1, "weight").shape[2:], op.setting(3, "stride", 1)
    window = (kernel, stride, op.setting(4, "padding", 0), op.setting(5, "dilation", 1))
    return _windowed(op, window, border, op.setting(6, "groups", 1))


def _refuse_circular(op: Operation, mode: str) -> None:
    if mode == "circular":
        raise op.refused("circular padding sees the other side", "use another padding mode")


def transposed_convolution(op: Operation) -> View:
    """Layers, and `(input, weight, bias, stride, padding, output_padding, groups, dilation)`.

    `output_padding` adds positions at the end, which see less.
    """
    kernel, stride = op.setting(1, "weight").shape[2:], op.setting(3, "stride", 1)
    window = (kernel, stride, op.setting(4, "padding", 0), op.setting(7, "dilation", 1))
    columns = [each(value, len(op.axes)) for value in window]
    axes = _through(op, [Spread(*axis) for axis in zip(*columns, strict=True)]).axes
    return View(axes, columns[0], columns[1], op.setting(6, "groups", 1))


# --- pooling -------------------------------------------------------------------------------------


def max_pooling(op: Operation) -> View:
    """Layers, and `(input, kernel_size, stride, padding, dilation)`."""
    return _pooled(op, op.setting(4, "dilation", 1))


def average_pooling(op: Operation) -> View:
    """Layers, and `(input, kernel_size, stride, padding)`."""
    return _pooled(op, dilation=1)


def _pooled(op: Operation, dilation: Any) -> View:
    """A window over the whole map is global pooling, however it is written."""
    kernel = op.setting(1, "kernel_size")
    stride = op.setting(2, "stride") or kernel
    view = _windowed(op, (kernel, stride, op.setting(3, "padding", 0), dilation))
    kernels = each(kernel, len(op.axes))
    columns = zip(op.axes, view.axes, positions(op), kernels, _sides(op), strict=True)
    axes = (
        before.everything() if n_out == 1 and k >= n > 1 else after
        for before, after, n, k, n_out in columns
    )
    return View(tuple(axes), view.kernel, view.stride)


def adaptive_pooling(op: Operation) -> View:
    """Output size 1 sees everything; other sizes share the positions out."""
    columns = zip(op.axes, positions(op), _sides(op), strict=True)
    axes = (
        axis.everything() if n_out == 1 and n > 1 else axis.through(Share(n, n_out), n_out)
        for axis, n, n_out in columns
    )
    return View(tuple(axes))


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
    before = [*pad[::2], *[0] * len(op.axes)][: len(op.axes)][::-1]
    return _through(op, [Window(before=int(b)) for b in before], mode)


def _factors(op: Operation) -> list[int]:
    pairs = list(zip(positions(op), _sides(op), strict=True))
    if any(n_out % n for n, n_out in pairs):
        raise op.refused(f"resizes {positions(op)} to {_sides(op)}", "upsample by whole factors")
    return [n_out // n for n, n_out in pairs]


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
            "bench/measuring/receptive/windows.py",
        )
    _factors(op)
    pairs = zip(positions(op), _sides(op), strict=True)
    taps = [INTERPOLATIONS[mode](n, n_out, bool(aligned)) for n, n_out in pairs]
    return _through(op, taps, "replicate")  # torch clamps coordinates beyond the last one


def shuffling(op: Operation) -> View:
    """Pixel shuffle: a position's factor x factor results lie side by side."""
    return _through(op, [Repeat(factor) for factor in _factors(op)])


def unshuffling(op: Operation) -> View:
    """Pixel unshuffle: the channels of a position together see factor x factor positions."""
    factors = [n // n_out for n, n_out in zip(positions(op), _sides(op), strict=True)]
    return _through(op, [Window(factor, factor) for factor in factors])
