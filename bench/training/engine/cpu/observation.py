"""What a network computes in a few steps on random images: as torch does, rewritten, in float64."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.training.engine.cpu.fused import Words, is_image_batch
from bench.training.engine.cpu.rewriting import NotRewritable, Rewritten

N_STEPS = 5
N_IMAGES = 16


@dataclass(frozen=True)
class Observed:
    """What one network gave; lists have an entry a step."""

    outputs: list[Tensor]  # in training mode
    gradients: list[dict[str, Tensor]]  # of the parameters that have one
    evaluation: Tensor  # the output in evaluation mode, after all steps
    buffers: dict[str, Tensor]  # after all steps
    generators: list[Tensor]  # the state of torch's generator after each output


def observed(
    network: nn.Module,
    example_shape: tuple[int, ...],
    dtype: torch.dtype = torch.float32,
    memory_format: torch.memory_format = torch.channels_last,
) -> Observed:
    """Steps without an optimiser: the parameters stay, the buffers move.

    Args:
        network: As it is written, or rewritten.
        example_shape: (channels, height, width).
        dtype: Of the images. Their values do not depend on it.
        memory_format: Of the images.

    Raises:
        NotRewritable: its output is no tensor.
    """
    owner = network.network if isinstance(network, Rewritten) else network
    source = torch.Generator().manual_seed(0)
    outputs, gradients, generators = [], [], []
    for step in range(N_STEPS):
        images = torch.randn(N_IMAGES, *example_shape, generator=source)
        images = images.to(dtype).clone(memory_format=memory_format)
        output = _output(network, images, step, training=True)
        generators.append(torch.get_rng_state())
        # Of both signs, so that no gradient cancels.
        weights = torch.randn(output.shape, generator=source).to(dtype)
        owner.zero_grad()
        (output * weights).sum().backward()
        outputs.append(output.detach())
        named = owner.named_parameters()
        gradients.append({name: p.grad for name, p in named if p.grad is not None})
    with torch.inference_mode():
        evaluation = _output(network, images, 0, training=False)
    return Observed(outputs, gradients, evaluation, dict(owner.named_buffers()), generators)


def _output(network: nn.Module, images: Tensor, seed: int, *, training: bool) -> Tensor:
    network.train(training)
    torch.manual_seed(seed)
    output = network(images.clone())
    if not isinstance(output, Tensor):
        raise NotRewritable(f"its output is a {type(output).__name__}, not a tensor")
    return output


def in_float64(network: nn.Module) -> nn.Module:
    """A copy that computes in float64, which rounds a billionth as much."""
    double = copy.deepcopy(network).double()
    for module in double.modules():
        if isinstance(module, _BatchNorm):
            forward = functools.partial(_contiguously, module.forward)
            module.__dict__["forward"] = forward  # of this one, beside its class's
    return double


def _contiguously(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """BatchNorm by that method, with the map and its gradient contiguous.

    Torch (2.15) misplaces the gradient of a map with a side of 1, or of one image, where
    the map is contiguous and the gradient channels_last, or the other way round.
    """
    out = forward(x.contiguous())
    if out.requires_grad:
        out.register_hook(Tensor.contiguous)
    return torch.empty_like(x).copy_(out)


def share_dropout(network: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Lets a network that computes in this type drop what its rewritten equal drops."""
    words = Words()
    for parent in network.modules():
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, _SameDropout(child, words, dtype))


class _SameDropout(nn.Dropout):
    """`fused.py`'s dropout in plain torch: one word for each value, channels last."""

    def __init__(self, of: nn.Dropout, words: Words, dtype: torch.dtype) -> None:
        super().__init__(of.p, of.inplace)
        self.training = of.training
        self.words = words
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        draws_words = x.dtype == self.dtype and is_image_batch(x.float())
        if not (self.training and 0 < self.p < 1 and draws_words):
            return super().forward(x)
        n, channels, height, width = x.shape
        words = torch.from_numpy(self.words.draw(x.numel()).astype(np.int64))
        kept = words.view(n, height, width, channels).permute(0, 3, 1, 2) >= self.p * 2**32
        factors = kept.to(x.dtype) / (1 - self.p)
        return x.mul_(factors) if self.inplace else x * factors
