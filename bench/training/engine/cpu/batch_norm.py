"""BatchNorm as numbers a channel: (x - center) * scale + shift, and the way back through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bench.training.engine.cpu import kernels
from bench.training.engine.cpu.kernels import Doubles, Floats, flat


@dataclass(frozen=True)
class Affine:
    """BatchNorm of one batch as (x - center) * scale + shift; all (channels,)."""

    center: Floats
    scale: Floats
    shift: Floats
    rest: Doubles  # the mean less its centre, which is the mean in float32
    inverse_sd: Doubles

    @property
    def parts(self) -> tuple[Floats, Floats, Floats]:
        """What `kernels.affine` takes."""
        return self.center, self.scale, self.shift


def identity(channels: int) -> Affine:
    """What leaves every value as it is."""
    ones, zeros = np.ones(channels), np.zeros(channels)
    zeros32 = zeros.astype(np.float32)
    return Affine(zeros32, ones.astype(np.float32), zeros32, zeros, ones)


def of_batch(norm: nn.BatchNorm2d, x: Tensor) -> Affine:
    """From the batch's own statistics, which move the running ones."""
    channels = x.shape[1]
    mean, variance = np.empty(channels), np.empty(channels)
    kernels.moments(flat(x), mean, variance)
    n_pixels = x.numel() // channels
    _move_running_statistics(norm, mean, variance * (n_pixels / (n_pixels - 1)))
    return _from_statistics(norm, mean, variance)


def _move_running_statistics(norm: nn.BatchNorm2d, mean: Doubles, variance: Doubles) -> None:
    running_mean, running_variance = _running(norm)
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    with torch.no_grad():
        for running, batch in ((running_mean, mean), (running_variance, variance)):
            batch_32 = torch.from_numpy(batch.astype(np.float32))
            running.mul_(1 - norm.momentum).add_(batch_32, alpha=norm.momentum)
        norm.num_batches_tracked.add_(1)


def of_running(norm: nn.BatchNorm2d) -> Affine:
    """From the running statistics, which stay."""
    mean, variance = _running(norm)
    return _from_statistics(norm, mean.double().numpy(), variance.double().numpy())


def _running(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def _from_statistics(norm: nn.BatchNorm2d, mean: Doubles, variance: Doubles) -> Affine:
    inverse_sd = 1 / np.sqrt(variance + norm.eps)
    scale = norm.weight.detach().double().numpy() * inverse_sd
    center = mean.astype(np.float32)
    rest = mean - center
    shift = norm.bias.detach().double().numpy() - rest * scale
    return Affine(center, scale.astype(np.float32), shift.astype(np.float32), rest, inverse_sd)


def through_statistics(
    affine: Affine, plain: Doubles, weighted: Doubles, n_pixels: int
) -> tuple[Floats, Floats]:
    """The gradient by way of mean and variance is (x - center) * slope + offset, (channels,).

    Ioffe and Szegedy 2015 (arXiv 1502.03167), section 3.

    Args:
        affine: What the forward did.
        plain: By channel, the sum of the gradient before the affine function.
        weighted: The same of the gradient times (x - mean).
        n_pixels: In the batch.
    """
    slope = -affine.scale * affine.inverse_sd**2 * weighted / n_pixels
    offset = -affine.scale * plain / n_pixels - slope * affine.rest
    return slope.astype(np.float32), offset.astype(np.float32)
