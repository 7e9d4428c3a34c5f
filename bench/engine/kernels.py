"""Loops that a CPU step spends its time in, compiled by numba for the processor at hand.

Every array is a flat float32 view of a channels-last tensor: rows of `channels` neighbours, one
row a pixel. A vector unit is as wide as several rows of so few channels, so per-channel numbers
are repeated `ROWS` times (`_repeated`) and a loop runs over that many rows at once. Sums are kept
in float32 a few thousand pixels long, then added in float64.

No reassociation is allowed to the compiler: the same processor gives the same bits.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]

F = TypeVar("F")

ROWS = 16  # pixels a block
GROUP = 64  # blocks whose sums stay in float32
FEW = 256  # pixels that tell about where a channel's mean is
NOTHING = 4  # in `index`: this output passes no gradient to any of its four pixels


def compiled(function: F) -> F:
    """numba's compiler; the result is cached on disk, per processor, where a folder can be had."""
    compiler: Any = numba.njit(error_model="numpy", boundscheck=False)
    kernel: Any = compiler(function)
    with suppress(RuntimeError):  # numba's word for: no cache folder can be written
        kernel.enable_caching()
    return cast(F, kernel)


@compiled
def _repeated(values: Floats) -> Floats:
    channels = values.shape[0]
    block = np.empty(ROWS * channels, np.float32)
    for j in range(block.shape[0]):
        block[j] = values[j % channels]
    return block


@compiled
def _drain(block: Floats, totals: Doubles) -> None:
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
    pivot = _repeated(about)
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
            _drain(first, mean)
            _drain(second, variance)
    _drain(first, mean)
    _drain(second, variance)
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
    m, a, b = _repeated(center), _repeated(scale), _repeated(shift)
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
    m, a, b = _repeated(center), _repeated(scale), _repeated(shift)
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
            _drain(first, plain)
            _drain(second, weighted)
    _drain(first, plain)
    _drain(second, weighted)


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
    """out = scale * gradient + slope * (x - center) + offset by channel.

    The gradient counts 0 where `relu` cut.
    """
    m = _repeated(center)
    a, b, s, o = _repeated(scale), _repeated(shift), _repeated(slope), _repeated(offset)
    size = a.shape[0]
    for start in range(0, x.shape[0], size):
        pixels, incoming = x[start : start + size], gradient[start : start + size]
        result = out[start : start + size]
        for j in range(pixels.shape[0]):
            cut = relu and (pixels[j] - m[j]) * a[j] + b[j] <= 0
            passed = np.float32(0) if cut else incoming[j]
            result[j] = a[j] * passed + s[j] * (pixels[j] - m[j]) + o[j]


@compiled
def _larger(
    origin: float, best: float, k: np.uint8, x: float, sign: float, place: np.uint8
) -> tuple[float, float, np.uint8]:
    """The pixel so far, or x where its signed value is larger or not a number; no branch."""
    value = x * sign
    more = (value > best) | (value != value)
    return x if more else origin, value if more else best, place if more else k


@compiled
def pool(
    x: Floats,
    width: int,
    center: Floats,
    scale: Floats,
    shift: Floats,
    relu: bool,
    factor: np.float32,
    out: Floats,
    index: Bytes,
    chosen: Floats,
) -> None:
    """`affine`, then the maximum of 2 x 2 pixels, times a factor.

    Args:
        x: (n, height, width, channels) flattened, height and width even.
        width: Pixels.
        center: (channels,)
        scale: (channels,)
        shift: (channels,)
        relu: Whether negative values are cut off.
        factor: What outputs are multiplied by.
        out: (n, height / 2, width / 2, channels) flattened.
        index: As `out`: which pixel was the largest, the first of equals; or NOTHING.
        chosen: As `out`: that pixel's x.
    """
    channels, line = scale.shape[0], width * scale.shape[0]
    signs = np.sign(scale)  # decides which pixel is largest; the rest of `affine` only rounds
    position = 0
    for pair in range(x.shape[0] // (2 * line)):
        start = pair * 2 * line
        for _ in range(width // 2):
            p00 = x[start : start + channels]
            p01 = x[start + channels : start + 2 * channels]
            p10 = x[start + line : start + line + channels]
            p11 = x[start + line + channels : start + line + 2 * channels]
            end = position + channels
            result, places = out[position:end], index[position:end]
            origins = chosen[position:end]
            for c in range(channels):
                sign = signs[c]
                origin, best, k = p00[c], p00[c] * sign, np.uint8(0)
                origin, best, k = _larger(origin, best, k, p01[c], sign, np.uint8(1))
                origin, best, k = _larger(origin, best, k, p10[c], sign, np.uint8(2))
                origin, best, k = _larger(origin, best, k, p11[c], sign, np.uint8(3))
                value = (origin - center[c]) * scale[c] + shift[c]
                dead = relu and value <= 0
                result[c] = np.float32(0) if dead else value * factor
                places[c] = np.uint8(NOTHING) if dead else k
                origins[c] = origin
            position = end
            start += 2 * channels


@compiled
def pool_dropout(words: Words, threshold: int, out: Floats, index: Bytes) -> None:
    """Drops those of `pool`'s outputs whose word is below the threshold.

    A pass of its own: within `pool` it would keep the loop over channels from the vector unit.
    """
    for j in range(out.shape[0]):
        dropped = words[j] < threshold
        out[j] *= np.float32(0) if dropped else np.float32(1)  # not a number stays
        index[j] = np.uint8(NOTHING) if dropped else index[j]


@compiled
def pool_sums(
    gradient: Floats,
    index: Bytes,
    chosen: Floats,
    factor: np.float32,
    center: Floats,
    plain: Doubles,
    weighted: Doubles,
) -> None:
    """By channel: the sum of `pool`'s gradient at the chosen pixels, and times (x - center)."""
    m = _repeated(center)
    size = m.shape[0]
    first, second = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for block, start in enumerate(range(0, gradient.shape[0], size)):
        incoming, places = gradient[start : start + size], index[start : start + size]
        pixels = chosen[start : start + size]
        for j in range(incoming.shape[0]):
            passed = np.float32(0) if places[j] == NOTHING else incoming[j] * factor
            first[j] += passed
            second[j] += passed * (pixels[j] - m[j])
        if block % GROUP == GROUP - 1:
            _drain(first, plain)
            _drain(second, weighted)
    _drain(first, plain)
    _drain(second, weighted)


@compiled
def pool_backward(
    gradient: Floats,
    index: Bytes,
    width: int,
    factor: np.float32,
    scale: Floats,
    out: Floats,
) -> None:
    """Adds scale * factor * gradient to `out` at the chosen pixels of `pool`."""
    channels, line = scale.shape[0], width * scale.shape[0]
    offsets = np.array([0, channels, line, line + channels])
    position = 0
    for pair in range(out.shape[0] // (2 * line)):
        start = pair * 2 * line
        for _ in range(width // 2):
            for c in range(channels):
                k = index[position]
                if k != NOTHING:
                    out[start + offsets[k] + c] += scale[c] * (gradient[position] * factor)
                position += 1
            start += 2 * channels


@compiled
def dropout(x: Floats, words: Words, threshold: int, factor: np.float32, out: Floats) -> None:
    """out = x * factor, or x * 0 where the random word is below the threshold."""
    for j in range(x.shape[0]):
        out[j] = x[j] * (np.float32(0) if words[j] < threshold else factor)
