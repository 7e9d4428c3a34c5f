"""Loops that a CPU step spends its time in, compiled by numba for the processor at hand.

Every array is a flat float32 view of a channels-last tensor: rows of `channels` neighbours, one
row a pixel. A vector unit is as wide as several rows of so few channels, so per-channel numbers
are repeated `ROWS` times (`repeated`) and a loop runs over that many rows at once. Sums are kept
in float32 a few thousand pixels long, then added in float64.

No reassociation is allowed to the compiler: the same processor gives the same bits.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]

F = TypeVar("F")

ROWS = 16  # pixels a block
GROUP = 64  # blocks whose sums stay in float32
FEW = 256  # pixels that tell about where a channel's mean is


def compiled(function: F) -> F:
    """numba's compiler; the result is cached on disk, per processor, where a folder can be had."""
    compiler: Any = numba.njit(error_model="numpy", boundscheck=False)
    kernel: Any = compiler(function)
    with suppress(RuntimeError):  # numba's word for: no cache folder can be written
        kernel.enable_caching()
    return cast(F, kernel)


def flat(x: Tensor) -> Floats:
    """A channels-last tensor as (n * height * width * channels,): a view, never a copy."""
    return cast(Floats, x.detach().permute(0, 2, 3, 1).view(-1).numpy())


@compiled
def repeated(values: Floats, n_pixels: int) -> Floats:
    """Per-channel numbers for that many pixels: (n_pixels * channels,)."""
    channels = values.shape[0]
    block = np.empty(n_pixels * channels, np.float32)
    for j in range(block.shape[0]):
        block[j] = values[j % channels]
    return block


@compiled
def drain(block: Floats, totals: Doubles) -> None:
    """Adds a block's sums to its channels' totals and empties it."""
    channels = totals.shape[0]
    for j in range(block.shape[0]):
        totals[j % channels] += block[j]
        block[j] = 0


@compiled
def _mean_of(x: Floats, channels: int) -> Floats:
    total = np.zeros(channels)
    for start in range(0, x.shape[0], channels):
        for c in range(channels):
            total[c] += x[start + c]
    mean: Floats = (total / (x.shape[0] // channels)).astype(np.float32)
    return mean


@compiled
def moments(x: Floats, mean: Doubles, variance: Doubles) -> None:
    """Each channel's mean and biased variance over all pixels, into (channels,) arrays.

    One pass, about the mean of the first few pixels, so that a large mean costs no digits.
    """
    channels = mean.shape[0]
    size = ROWS * channels
    about = _mean_of(x[: FEW * channels], channels)
    pivot = repeated(about, ROWS)
    first, second = np.zeros(size, np.float32), np.zeros(size, np.float32)
    mean[:] = 0
    variance[:] = 0
    for block, start in enumerate(range(0, x.shape[0], size)):
        pixels = x[start : start + size]
        for j in range(pixels.shape[0]):
            distance = pixels[j] - pivot[j]
            first[j] += distance
            second[j] += distance * distance
        if block % GROUP == GROUP - 1:
            drain(first, mean)
            drain(second, variance)
    drain(first, mean)
    drain(second, variance)
    n_pixels = x.shape[0] // channels
    for c in range(channels):
        distance = mean[c] / n_pixels
        variance[c] = max(variance[c] / n_pixels - distance * distance, 0.0)
        mean[c] = about[c] + distance


@compiled
def affine(
    x: Floats, center: Floats, scale: Floats, shift: Floats, relu: bool, out: Floats
) -> None:
    """out = (x - center) * scale + shift by channel, negative values cut off where `relu`.

    The centre goes first: x * scale alone loses the digits of a small spread on a large mean.
    """
    m, a, b = repeated(center, ROWS), repeated(scale, ROWS), repeated(shift, ROWS)
    size = a.shape[0]
    for start in range(0, x.shape[0], size):
        pixels, result = x[start : start + size], out[start : start + size]
        if relu:
            for j in range(pixels.shape[0]):
                value = (pixels[j] - m[j]) * a[j] + b[j]
                result[j] = np.float32(0) if value <= 0 else value  # not a number stays
        else:
            for j in range(pixels.shape[0]):
                result[j] = (pixels[j] - m[j]) * a[j] + b[j]


@compiled
def affine_sums(
    gradient: Floats,
    x: Floats,
    center: Floats,
    scale: Floats,
    shift: Floats,
    relu: bool,
    plain: Doubles,
    weighted: Doubles,
) -> None:
    """By channel: the sum of `affine`'s gradient, and of that times (x - center)."""
    m, a, b = repeated(center, ROWS), repeated(scale, ROWS), repeated(shift, ROWS)
    size = a.shape[0]
    first, second = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for block, start in enumerate(range(0, x.shape[0], size)):
        pixels, incoming = x[start : start + size], gradient[start : start + size]
        for j in range(pixels.shape[0]):
            cut = relu and (pixels[j] - m[j]) * a[j] + b[j] <= 0
            passed = np.float32(0) if cut else incoming[j]
            first[j] += passed
            second[j] += passed * (pixels[j] - m[j])
        if block % GROUP == GROUP - 1:
            drain(first, plain)
            drain(second, weighted)
    drain(first, plain)
    drain(second, weighted)


@compiled
def affine_backward(
    gradient: Floats,
    x: Floats,
    center: Floats,
    scale: Floats,
    shift: Floats,
    relu: bool,
    slope: Floats,
    offset: Floats,
    out: Floats,
) -> None:
    """out = scale * gradient + slope * (x - center) + offset by channel; `out` may be `x`.

    The gradient counts 0 where `relu` cut.
    """
    m, a, b = repeated(center, ROWS), repeated(scale, ROWS), repeated(shift, ROWS)
    s, o = repeated(slope, ROWS), repeated(offset, ROWS)
    size = a.shape[0]
    result = np.empty(size, np.float32)
    for start in range(0, x.shape[0], size):
        pixels, incoming = x[start : start + size], gradient[start : start + size]
        for j in range(pixels.shape[0]):
            cut = relu and (pixels[j] - m[j]) * a[j] + b[j] <= 0
            passed = np.float32(0) if cut else incoming[j]
            result[j] = a[j] * passed + s[j] * (pixels[j] - m[j]) + o[j]
        target = out[start : start + size]
        for j in range(target.shape[0]):  # by way of `result`: `out` may be `x`
            target[j] = result[j]


@compiled
def dropout(x: Floats, words: Words, threshold: int, factor: np.float32, out: Floats) -> None:
    """out = x * factor, or x * 0 where the random word is below the threshold."""
    for j in range(x.shape[0]):
        out[j] = x[j] * (np.float32(0) if words[j] < threshold else factor)
