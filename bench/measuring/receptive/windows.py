"""The receptive-field rules of windows: convolution, pooling, padding, upsampling.

A rule takes an `Operation` and gives the `View` of its result, as in `_rules.py`.
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
    """`window` is kernel, stride, padding, dilation, each one number or one an axis."""
    n = len(op.axes)
    kernels, strides, dilations = (each(window[at], n) for at in (0, 1, 3))
    if window[2] == "same":  # torch puts the odd pixel behind
        before = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    else:
        before = each(0 if window[2] == "valid" else window[2], n)
    columns = zip(kernels, strides, before, dilations, strict=True)
    taps = [Window(*column) for column in columns]
    return View(_through(op, taps, border).axes, kernels, strides, groups)


def convolution_module(op: Operation) -> View:
    """Convolution layers; what they pad with decides what the border's positions see."""
    m = op.module
    _refuse_circular(op, m.padding_mode)
    return _windowed(op, (m.kernel_size, m.stride, m.padding, m.dilation), m.padding_mode, m.groups)


def convolution_function(op: Operation) -> View:
    """`torch.conv2d(input, weight, bias, stride, padding, dilation, groups)` and its like."""
    weight = op.argument(1, "weight")
    stride, padding = op.argument(3, "stride", 1), op.argument(4, "padding", 0)
    window = (weight.shape[2:], stride, padding, op.argument(5, "dilation", 1))
    return _windowed(op, window, groups=op.argument(6, "groups", 1))


def _refuse_circular(op: Operation, mode: str) -> None:
    if mode == "circular":
        raise op.refused("circular padding sees the other side", "use another padding mode")


def _spread(op: Operation, window: Sequence[Any], groups: int) -> View:
    n = len(op.axes)
    columns = [each(value, n) for value in window]
    axes = _through(op, [Spread(*axis) for axis in zip(*columns, strict=True)]).axes
    return View(axes, columns[0], columns[1], groups)


def transposed_module(op: Operation) -> View:
    """Transposed convolution layers; `output_padding` adds positions behind, which see less."""
    m = op.module
    return _spread(op, (m.kernel_size, m.stride, m.padding, m.dilation), m.groups)


def transposed_function(op: Operation) -> View:
    """`(input, weight, bias, stride, padding, output_padding, groups, dilation)`."""
    stride, padding = op.argument(3, "stride", 1), op.argument(4, "padding", 0)
    window = (op.argument(1, "weight").shape[2:], stride, padding, op.argument(7, "dilation", 1))
    return _spread(op, window, op.argument(6, "groups", 1))


# --- pooling -------------------------------------------------------------------------------------


def _pooled(op: Operation, kernel: Any, stride: Any, padding: Any, dilation: Any) -> View:
    """A window that covers the whole map is global pooling, however it is written."""
    stride = kernel if stride is None or stride == [] else stride
    view = _windowed(op, (kernel, stride, padding, dilation))
    kernels = each(kernel, len(op.axes))
    columns = zip(op.axes, view.axes, positions(op), kernels, _sides(op), strict=True)
    axes = (
        before.everything() if n_out == 1 and k >= n > 1 else after
        for before, after, n, k, n_out in columns
    )
    return View(tuple(axes), view.kernel, view.stride)


def pooling_module(op: Operation) -> View:
    """Pooling layers with a window."""
    m = op.module
    return _pooled(op, m.kernel_size, m.stride, m.padding, getattr(m, "dilation", 1))


def max_pooling_function(op: Operation) -> View:
    """`(input, kernel_size, stride, padding, dilation)`."""
    stride, padding = op.argument(2, "stride"), op.argument(3, "padding", 0)
    return _pooled(
        op, op.argument(1, "kernel_size"), stride, padding, op.argument(4, "dilation", 1)
    )


def average_pooling_function(op: Operation) -> View:
    """`(input, kernel_size, stride, padding)`."""
    stride, padding = op.argument(2, "stride"), op.argument(3, "padding", 0)
    return _pooled(op, op.argument(1, "kernel_size"), stride, padding, 1)


def adaptive_pooling(op: Operation) -> View:
    """Output size 1 sees everything; otherwise the positions are dealt out."""
    columns = zip(op.axes, positions(op), _sides(op), strict=True)
    axes = (
        axis.everything() if n_out == 1 and n > 1 else axis.through(Share(n, n_out), n_out)
        for axis, n, n_out in columns
    )
    return View(tuple(axes))


# --- padding and upsampling ----------------------------------------------------------------------

# Padding layers by the mode that the function calls it.
PADDING_MODES = (("Reflection", "reflect"), ("Replication", "replicate"), ("Circular", "circular"))


def padding(op: Operation) -> View:
    """The last axis comes first in `pad`: (left, right, top, bottom)."""
    if op.module is not None:
        pad = op.module.padding
        named = (mode for part, mode in PADDING_MODES if part in type(op.module).__name__)
        mode = next(named, "constant")
    else:
        pad, mode = op.argument(1, "pad"), op.argument(2, "mode", "constant")
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


# Interpolation modes: which positions each reads; torch's names.
INTERPOLATIONS: dict[str, Callable[[int, int, bool], Taps]] = {
    "nearest": _nearest,
    "nearest-exact": _nearest,
    "linear": _linear,
    "bilinear": _linear,
    "trilinear": _linear,
}


def upsampling(op: Operation) -> View:
    """`(input, size, scale_factor, mode, align_corners, recompute, antialias)`, or the layer."""
    if op.module is not None:
        mode, aligned, antialias = op.module.mode, op.module.align_corners, False
    else:
        mode, aligned = op.argument(3, "mode", "nearest"), op.argument(4, "align_corners")
        antialias = op.argument(6, "antialias", False)
    if mode not in INTERPOLATIONS or antialias:
        raise op.refused(
            f"mode '{mode}'{' with antialias' if antialias else ''} has no rule",
            "use nearest or bilinear, or add it to INTERPOLATIONS in "
            "bench/measuring/receptive/windows.py",
        )
    _factors(op)
    pairs = zip(positions(op), _sides(op), strict=True)
    taps = [INTERPOLATIONS[mode](n, n_out, bool(aligned)) for n, n_out in pairs]
    return _through(op, taps, "replicate")  # a coordinate beyond the last one is taken back to it


def shuffling(op: Operation) -> View:
    """Pixel shuffle: a position's factor x factor results lie side by side."""
    return _through(op, [Repeat(factor) for factor in _factors(op)])


def unshuffling(op: Operation) -> View:
    """Pixel unshuffle: the channels of a position together see factor x factor positions."""
    factors = [n // n_out for n, n_out in zip(positions(op), _sides(op), strict=True)]
    return _through(op, [Window(factor, factor) for factor in factors])
