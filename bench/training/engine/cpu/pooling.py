"""2 x 2 max-pooling's loops, with what stands before and after it; arrays as in `kernels`.

They run over whole rows of an image: `line` floats, all of whose places a vector unit can fill.
Two rows become one, then its even and odd pixels one.
"""

from __future__ import annotations

import numpy as np

from bench.training.engine.cpu.kernels import (
    GROUP,
    ROWS,
    Bytes,
    Doubles,
    Floats,
    Words,
    compiled,
    drain,
    repeated,
)

NOTHING = 4  # in `index`: this output passes no gradient to any of its four pixels


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
        center, scale, shift: As `affine` takes them, (channels,).
        relu: Whether negative values are cut off.
        factor: What outputs are multiplied by.
        out: (n, height / 2, width / 2, channels) flattened.
        index: As `out`: which pixel was the largest, the first of equals; or NOTHING.
        chosen: As `out`: that pixel's x.
    """
    channels = scale.shape[0]
    line, half = width * channels, width // 2 * channels
    m, a, b = repeated(center, width // 2), repeated(scale, width // 2), repeated(shift, width // 2)
    signs = np.sign(repeated(scale, width))  # decides which is largest; `affine` only rounds more
    larger, place = np.empty(line, np.float32), np.empty(line, np.uint8)
    left, right = np.empty(half, np.float32), np.empty(half, np.float32)
    left_place, right_place = np.empty(half, np.uint8), np.empty(half, np.uint8)
    for pair in range(x.shape[0] // (2 * line)):
        upper = x[2 * pair * line : (2 * pair + 1) * line]
        lower = x[(2 * pair + 1) * line : (2 * pair + 2) * line]
        for j in range(line):
            below = lower[j] * signs[j]
            more = (below > upper[j] * signs[j]) | (below != below)  # not a number wins
            larger[j] = lower[j] if more else upper[j]
            place[j] = np.uint8(2) if more else np.uint8(0)
        for i in range(width // 2):
            for c in range(channels):
                left[i * channels + c] = larger[2 * i * channels + c]
                right[i * channels + c] = larger[(2 * i + 1) * channels + c]
                left_place[i * channels + c] = place[2 * i * channels + c]
                right_place[i * channels + c] = place[(2 * i + 1) * channels + c]
        result, origins = out[pair * half : (pair + 1) * half], chosen[pair * half :]
        places = index[pair * half : (pair + 1) * half]
        for j in range(half):
            ours, theirs = left[j] * signs[j], right[j] * signs[j]
            more = (theirs > ours) | (theirs != theirs)
            more |= (theirs == ours) & (right_place[j] < left_place[j])
            origin = right[j] if more else left[j]
            value = (origin - m[j]) * a[j] + b[j]
            dead = relu and value <= 0
            result[j] = np.float32(0) if dead else value * factor
            k = right_place[j] + np.uint8(1) if more else left_place[j]
            places[j] = np.uint8(NOTHING) if dead else k
            origins[j] = origin


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
    m = repeated(center, ROWS)
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
            drain(first, plain)
            drain(second, weighted)
    drain(first, plain)
    drain(second, weighted)


@compiled
def pool_backward(
    gradient: Floats,
    index: Bytes,
    x: Floats,
    width: int,
    factor: np.float32,
    center: Floats,
    scale: Floats,
    slope: Floats,
    offset: Floats,
    out: Floats,
) -> None:
    """out = slope * (x - center) + offset by channel, at chosen pixels + scale * factor * gradient.

    Args:
        gradient: As `pool`'s out.
        index: From `pool`.
        x: As in `pool`.
        width, factor: As in `pool`.
        center, scale, slope, offset: (channels,).
        out: As x; may be x itself.
    """
    channels = scale.shape[0]
    line, half = width * channels, width // 2 * channels
    m, s, o = repeated(center, width), repeated(slope, width), repeated(offset, width)
    a = repeated(scale, width // 2)
    scaled = np.empty(half, np.float32)
    passed, place = np.empty(line, np.float32), np.empty(line, np.uint8)
    result = np.empty(line, np.float32)
    for pair in range(x.shape[0] // (2 * line)):
        incoming, places = gradient[pair * half :], index[pair * half :]
        for j in range(half):
            scaled[j] = a[j] * (incoming[j] * factor)
        for i in range(width // 2):  # the place: 0 for the upper row, 2 for the lower
            for c in range(channels):
                value, k = scaled[i * channels + c], places[i * channels + c]
                passed[2 * i * channels + c] = value
                passed[(2 * i + 1) * channels + c] = value
                place[2 * i * channels + c] = k
                place[(2 * i + 1) * channels + c] = k - np.uint8(1)
        for row in range(2):
            begin, wanted = (2 * pair + row) * line, np.uint8(2 * row)
            pixels, target = x[begin : begin + line], out[begin : begin + line]
            for j in range(line):
                chosen = passed[j] if place[j] == wanted else np.float32(0)
                result[j] = (pixels[j] - m[j]) * s[j] + o[j] + chosen
            for j in range(line):  # by way of `result`: `out` may be `x`
                target[j] = result[j]
