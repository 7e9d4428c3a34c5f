"""Squeeze-and-excitation's two large steps, for float32 on a CPU: mean over pixels, and a factor
for each channel of each image. What is of another shape is left to torch."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.training.engine.cpu.fused import is_image_batch
from bench.training.engine.cpu.kernels import ROWS, Floats, compiled, drain, flat, repeated


def product(left: Tensor | float, right: Tensor | float) -> Any:
    """left * right; fast for (n, channels, height, width) by (n, channels, 1, 1), in any order."""
    for image, factors in ((left, right), (right, left)):
        if isinstance(image, Tensor) and isinstance(factors, Tensor) and _fit(image, factors):
            return _Scaled.apply(image.contiguous(memory_format=torch.channels_last), factors)
    return left * right


def global_mean(x: Tensor) -> Tensor:
    """(n, channels, height, width) -> (n, channels, 1, 1)."""
    if not is_image_batch(x):
        return torch.nn.functional.adaptive_avg_pool2d(x, 1)
    return cast(Tensor, _Mean.apply(x.contiguous(memory_format=torch.channels_last)))


def _fit(image: Tensor, factors: Tensor) -> bool:
    n, channels = image.shape[:2] if image.dim() == 4 else (0, 0)
    same = factors.shape == (n, channels, 1, 1) and factors.dtype == torch.float32
    return same and is_image_batch(image) and image.shape[2:].numel() > 1


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor) -> Tensor:
        ctx.save_for_backward(x, factors)
        out = torch.empty_like(x, memory_format=torch.channels_last)
        _scale(flat(x), _rows(factors), flat(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, factors = ctx.saved_tensors
        incoming = flat(gradient.contiguous(memory_format=torch.channels_last))
        of_x = torch.empty_like(x, memory_format=torch.channels_last)
        _scale(incoming, _rows(factors), flat(of_x))
        of_factors = torch.empty(factors.shape[:2])
        _sum_products(incoming, flat(x), of_factors.numpy())
        return of_x, of_factors[:, :, None, None]


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        out = torch.empty(x.shape[:2])
        _mean(flat(x), out.numpy())
        return out[:, :, None, None]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        shares = torch.from_numpy(_rows(gradient) / np.float32(ctx.shape[2] * ctx.shape[3]))
        every_pixel = shares[:, :, None, None].expand(ctx.shape)
        return every_pixel.contiguous(memory_format=torch.channels_last)


def _rows(factors: Tensor) -> Floats:
    return cast(Floats, factors.detach().flatten(1).contiguous().numpy())  # (n, channels)


@compiled
def _scale(x: Floats, factors: Floats, out: Floats) -> None:
    images = factors.shape[0]
    each = x.shape[0] // images
    for n in range(images):
        block = repeated(factors[n], ROWS)
        for start in range(n * each, (n + 1) * each, block.shape[0]):
            end = min(start + block.shape[0], (n + 1) * each)
            pixels, result = x[start:end], out[start:end]
            for j in range(pixels.shape[0]):
                result[j] = pixels[j] * block[j]


@compiled
def _sum_products(gradient: Floats, x: Floats, sums: Floats) -> None:
    images, channels = sums.shape
    each = x.shape[0] // images
    for n in range(images):
        block, totals = np.zeros(ROWS * channels, np.float32), np.zeros(channels)
        for start in range(n * each, (n + 1) * each, block.shape[0]):
            end = min(start + block.shape[0], (n + 1) * each)
            incoming, pixels = gradient[start:end], x[start:end]
            for j in range(pixels.shape[0]):
                block[j] += incoming[j] * pixels[j]
        drain(block, totals)
        sums[n] = totals


@compiled
def _mean(x: Floats, means: Floats) -> None:
    images, channels = means.shape
    each = x.shape[0] // images
    for n in range(images):
        block, totals = np.zeros(ROWS * channels, np.float32), np.zeros(channels)
        for start in range(n * each, (n + 1) * each, block.shape[0]):
            pixels = x[start : min(start + block.shape[0], (n + 1) * each)]
            for j in range(pixels.shape[0]):
                block[j] += pixels[j]
        drain(block, totals)
        for c in range(channels):
            means[n, c] = np.float32(totals[c]) / (each // channels)
