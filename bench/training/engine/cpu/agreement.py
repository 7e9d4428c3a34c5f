"""Whether a rewritten network computes what the network computes, found out by a trial."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO

import numpy as np
import torch
from torch import Tensor, nn

from bench.errors import in_one_line
from bench.spec import Architecture, Numerics
from bench.training.engine.cpu.fused import Words, is_image_batch
from bench.training.engine.cpu.rewriting import NotRewritable, Rewritten
from bench.training.engine.settings import numerics_of, seed_global_generators

NUMERICS = Numerics(memory_format="channels_last", path="fused")
N_TRIAL_STEPS = 5
N_TRIAL_IMAGES = 16
TOLERANCE = 1e-4  # of outputs and buffers, by their norm; float32 over a whole network leaves 1e-6
# Of gradients, in most steps: in a few, rounding puts a pixel on the other side of a ReLU, or of
# its neighbour in a maximum, and its gradient goes elsewhere. A wrong rewriting is off in all.
GRADIENT_TOLERANCE = 1e-3


def refusal(architecture: Architecture) -> str | None:
    """Why the architecture's network cannot be rewritten; None where it can."""
    if architecture.memory_format != "channels_last":
        return "its MEMORY_FORMAT is not channels_last"
    try:
        require_agreement(architecture.build, architecture.input_shape)
    except NotRewritable as reason:
        return str(reason)
    return None


def require_agreement(build: Callable[[], nn.Module], example_shape: tuple[int, ...]) -> None:
    """Compares a rewritten network with the original: outputs, gradients, buffers.

    Both drop the same values. Their parameters are moved from where they start, so that nothing
    hides behind a zero. It runs under a run's numerics, whatever the process has set, so that every
    process finds the same; the global generators come back.

    Args:
        build: Makes the network.
        example_shape: (channels, height, width).

    Raises:
        NotRewritable: not traceable, not equal, or its trial failed; says which.
    """
    with numerics_of(NUMERICS, torch.device("cpu")):
        seed_global_generators(0)
        try:
            with redirect_stderr(StringIO()):  # torch.fx prints there what it also raises
                _require_agreement(build(), example_shape)
        except NotRewritable:
            raise
        except (Exception, SystemExit) as error:  # the network's own; its run will tell
            reason = in_one_line(error)[:200]
            raise NotRewritable(f"its trial failed with {reason}") from error


def _require_agreement(plain: nn.Module, example_shape: tuple[int, ...]) -> None:
    plain = plain.to(memory_format=torch.channels_last)
    _move(plain)
    original = copy.deepcopy(plain)
    rewritten = Rewritten(original)
    _share_dropout(plain, Words())
    pair = (plain, rewritten)
    complaints = []
    for step in range(N_TRIAL_STEPS):
        images = torch.randn(N_TRIAL_IMAGES, *example_shape)
        expected, found = (_outputs(each, images, step, training=True) for each in pair)
        _require_close(expected, found, "training output")
        weights = torch.randn(expected.shape)  # of both signs, so that no gradient cancels
        for network, outputs in zip(pair, (expected, found), strict=True):
            network.zero_grad()
            (outputs * weights).sum().backward()
        try:
            _compare_gradients(plain, original)
        except NotRewritable as reason:
            complaints.append(reason)
    if len(complaints) > N_TRIAL_STEPS // 2:
        raise complaints[0]
    with torch.inference_mode():
        expected, found = (_outputs(each, images, 0, training=False) for each in pair)
        _require_close(expected, found, "evaluation output")
    _compare_buffers(plain, original)


@torch.no_grad()
def _move(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.1)


def _outputs(network: nn.Module, images: Tensor, seed: int, *, training: bool) -> Tensor:
    network.train(training)
    torch.manual_seed(seed)
    outputs = network(images.clone(memory_format=torch.channels_last))
    if not isinstance(outputs, Tensor):
        raise NotRewritable(f"its output is a {type(outputs).__name__}, not a tensor")
    return outputs


def _compare_gradients(plain: nn.Module, original: nn.Module) -> None:
    """A bias before BatchNorm has a gradient of 0 and rounding errors, hence the slack."""
    expected, found = (
        {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        for network in (plain, original)
    )
    if expected.keys() != found.keys():
        raise NotRewritable("other parameters have gradients")
    total = math.sqrt(sum(float(each.double().norm()) ** 2 for each in expected.values()))
    for name, gradient in expected.items():
        what = f"gradient of {name}"
        _require_close(gradient, found[name], what, GRADIENT_TOLERANCE, 1e-5 * total)


def _compare_buffers(plain: nn.Module, original: nn.Module) -> None:
    found = dict(original.named_buffers())
    for name, buffer in plain.named_buffers():
        _require_close(buffer, found[name], name)


def _require_close(
    expected: Tensor, found: Tensor, what: str, tolerance: float = TOLERANCE, slack: float = 1e-6
) -> None:
    if expected.shape != found.shape:
        raise NotRewritable(f"{what} is {tuple(found.shape)}, not {tuple(expected.shape)}")
    difference = float((expected.double() - found.double()).norm().detach())
    size = float(expected.double().norm().detach())
    if not difference <= tolerance * size + slack:  # not a number is not close
        raise NotRewritable(
            f"in a trial of the faster step, {what} differs by {difference:.2g} of {size:.2g}"
        )


def _share_dropout(network: nn.Module, words: Words) -> None:
    """Lets the network drop what its rewritten equal drops."""
    for parent in network.modules():
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, _SameDropout(child, words))


class _SameDropout(nn.Dropout):
    """`fused.py`'s dropout in plain torch: one word for each value, channels last."""

    def __init__(self, of: nn.Dropout, words: Words) -> None:
        super().__init__(of.p, of.inplace)
        self.training = of.training
        self.words = words

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and 0 < self.p < 1 and is_image_batch(x)):
            return super().forward(x)
        n, channels, height, width = x.shape
        words = torch.from_numpy(self.words.draw(x.numel()).astype(np.int64))
        kept = words.view(n, height, width, channels).permute(0, 3, 1, 2) >= self.p * 2**32
        return x.mul_(kept / (1 - self.p)) if self.inplace else x * (kept / (1 - self.p))
