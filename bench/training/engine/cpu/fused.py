"""BatchNorm, ReLU, 2 x 2 max-pooling and dropout as one module, for float32 on a CPU.

It computes what the four modules compute one after another; where it cannot (another type, other
dimensions, an odd side), it calls them. Gradients of gradients are refused by torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from bench.training.engine.cpu import kernels, pooling
from bench.training.engine.cpu.batch_norm import (
    Affine,
    identity,
    of_batch,
    of_running,
    through_statistics,
)
from bench.training.engine.cpu.kernels import Doubles, Floats, flat


class Words:
    """The stream of random 32-bit words that dropout draws from."""

    def __init__(self) -> None:
        self.reseed(0)

    def reseed(self, seed: int) -> None:
        """Starts the stream of that seed."""
        self._bits = np.random.SFC64(seed)

    def draw(self, n_words: int) -> NDArray[np.uint32]:
        """The next words, (n_words,)."""
        pairs = self._bits.random_raw((n_words + 1) // 2)
        return pairs.view(np.uint32)[:n_words]


@dataclass(frozen=True)
class Chain:
    """What one fused module does, in this order; None or False leaves a part out."""

    norm: nn.BatchNorm2d | None
    relu: bool
    pool: bool
    dropout: float  # the share of dropped values
    owns_input: bool = False  # nothing else reads it: its gradient may take its place


class Fused(nn.Module):
    """One chain of modules.

    Args:
        chain: What it does.
        words: Dropout's stream, shared by all of a network's chains.
        training: Whether it normalises by the batch and drops, or by the running statistics.
            The norm keeps a flag of its own, which decides where the modules are called.
    """

    def __init__(self, chain: Chain, words: Words, *, training: bool) -> None:
        super().__init__()
        self.chain = chain
        self.norm = chain.norm  # registered: its parameters stay the network's own
        self.words = words
        self.training = training

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) -> the same, or half of both sides where it pools."""
        if not self._fits(x):
            return self._plain(x)
        x = x.contiguous(memory_format=torch.channels_last)
        if self.norm is None and not self.chain.pool:
            return self._drop(functional.relu(x) if self.chain.relu else x)
        weight, bias = (self.norm.weight, self.norm.bias) if self.norm else (None, None)
        out = cast(Tensor, _Chain.apply(x, weight, bias, self))
        return out if self.chain.pool else self._drop(out)

    @property
    def threshold(self) -> int:
        """Words below it drop a value."""
        return round(self.chain.dropout * 2**32) if self.training else 0

    @property
    def factor(self) -> np.float32:
        """What keeps the expectation."""
        return np.float32(1 / (1 - self.chain.dropout) if self.training else 1)

    def _drop(self, x: Tensor) -> Tensor:
        if not is_image_batch(x):
            return functional.dropout(x, self.chain.dropout, self.training)
        x = x.contiguous(memory_format=torch.channels_last)
        return cast(Tensor, _Dropout.apply(x, self)) if self.threshold else x

    def _fits(self, x: Tensor) -> bool:
        if not is_image_batch(x):
            return False
        if self.chain.pool and (x.shape[2] % 2 or x.shape[3] % 2):
            return False
        if self.norm is None:
            return True
        # torch refuses other channels, and the spread of one pixel.
        same = self.norm.num_features == x.shape[1] and self.norm.weight.dtype == x.dtype
        return same and not (self.training and x.numel() == x.shape[1])

    def _plain(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        if self.chain.relu:
            x = functional.relu(x)
        if self.chain.pool:
            x = functional.max_pool2d(x, 2)
        return self._drop(x)


def is_image_batch(x: Tensor) -> bool:
    """What the loops take, and what dropout draws from `Words` for; else torch's own do."""
    return x.dim() == 4 and x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0


# Infinities come to the loss, where a run's divergence is seen; torch is silent on the way, too.
_quietly = np.errstate(all="ignore")


class _Chain(torch.autograd.Function):
    """BatchNorm where there is one, ReLU and pooling with dropout where asked for."""

    @staticmethod
    @_quietly
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, fused: Fused
    ) -> Tensor:
        if fused.norm is None:
            affine = identity(x.shape[1])
        else:
            affine = of_batch(fused.norm, x) if fused.training else of_running(fused.norm)
        ctx.save_for_backward(x)
        ctx.affine, ctx.chain, ctx.training = affine, fused.chain, fused.training
        ctx.spent = False
        if not fused.chain.pool:
            out = torch.empty_like(x, memory_format=torch.channels_last)
            kernels.affine(flat(x), *affine.parts, fused.chain.relu, flat(out))
            return out
        n, channels, height, width = x.shape
        out = torch.empty((n, channels, height // 2, width // 2), memory_format=torch.channels_last)
        ctx.index, ctx.chosen = np.empty(out.numel(), np.uint8), np.empty(out.numel(), np.float32)
        ctx.factor = fused.factor
        found = flat(out), ctx.index, ctx.chosen
        pooling.pool(flat(x), width, *affine.parts, fused.chain.relu, fused.factor, *found)
        if fused.threshold:
            words = fused.words.draw(out.numel())
            pooling.pool_dropout(words, fused.threshold, flat(out), ctx.index)
        return out

    @staticmethod
    @once_differentiable
    @_quietly
    def backward(ctx: Any, gradient: Tensor) -> Any:
        if ctx.spent:
            raise RuntimeError("the chain's input is gone: its gradient took its place")
        (x,) = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        ctx.spent = ctx.chain.owns_input
        out = x.detach() if ctx.spent else torch.empty_like(x, memory_format=torch.channels_last)
        backward = _pool_backward if ctx.chain.pool else _affine_backward
        plain, weighted = backward(ctx, flat(gradient), x, out)
        if ctx.chain.norm is None:
            return out, None, None, None
        weight_gradient = torch.from_numpy((weighted * ctx.affine.inverse_sd).astype(np.float32))
        return out, weight_gradient, torch.from_numpy(plain.astype(np.float32)), None


def _affine_backward(ctx: Any, gradient: Floats, x: Tensor, out: Tensor) -> tuple[Doubles, Doubles]:
    """Fills the gradient of x; returns the sums of the incoming one, plain and times x - mean."""
    affine: Affine = ctx.affine
    pixels, parts, relu = flat(x), affine.parts, ctx.chain.relu
    plain, weighted = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    kernels.affine_sums(gradient, pixels, *parts, relu, plain, weighted)
    weighted -= affine.rest * plain
    slope, offset = _through_statistics(ctx, plain, weighted, x)
    kernels.affine_backward(gradient, pixels, *parts, relu, slope, offset, flat(out))
    return plain, weighted


def _pool_backward(ctx: Any, gradient: Floats, x: Tensor, out: Tensor) -> tuple[Doubles, Doubles]:
    """As `_affine_backward`."""
    affine, index, factor = ctx.affine, ctx.index, ctx.factor
    plain, weighted = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    if ctx.chain.norm is not None:
        pooling.pool_sums(gradient, index, ctx.chosen, factor, affine.center, plain, weighted)
        weighted -= affine.rest * plain
    by_channel = affine.center, affine.scale, *_through_statistics(ctx, plain, weighted, x)
    pooling.pool_backward(gradient, index, flat(x), x.shape[3], factor, *by_channel, flat(out))
    return plain, weighted


def _through_statistics(
    ctx: Any, plain: Doubles, weighted: Doubles, x: Tensor
) -> tuple[Floats, Floats]:
    if ctx.training and ctx.chain.norm is not None:
        return through_statistics(ctx.affine, plain, weighted, x.numel() // x.shape[1])
    zeros = np.zeros(x.shape[1], np.float32)  # nothing there depends on x
    return zeros, zeros


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, fused: Fused) -> Tensor:
        ctx.drawn = fused.words.draw(x.numel())
        ctx.threshold, ctx.factor = fused.threshold, fused.factor
        return _dropped(ctx, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _dropped(ctx, gradient.contiguous(memory_format=torch.channels_last)), None


def _dropped(ctx: Any, x: Tensor) -> Tensor:
    out = torch.empty_like(x, memory_format=torch.channels_last)
    kernels.dropout(flat(x), ctx.drawn, ctx.threshold, ctx.factor, flat(out))
    return out
