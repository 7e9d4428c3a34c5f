"""A running average of a network's weights and statistics, as a network of its own."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from bench.training.engine.network import give_own_memory, sharing_memory


class Average:
    """Follows a network after every step of its training.

    Floating and complex parameters and buffers (BatchNorm's means and variances) become
    average + weight * (network - average); other buffers (its count of batches) are copied.

    Args:
        network: Its parameters and buffers are read in place at every update.

    Attributes:
        module: The average, a network of the same kind: what is evaluated and recorded.
    """

    def __init__(self, network: nn.Module) -> None:
        self.module = copy.deepcopy(network)
        for names in sharing_memory(self.module):  # a view of another would be moved twice
            give_own_memory(self.module, names)
        pairs = list(zip(_tensors(self.module), _tensors(network), strict=True))
        self._averaged = [pair for pair in pairs if _has_a_mean(pair[0])]
        self._copied = [pair for pair in pairs if not _has_a_mean(pair[0])]

    @torch.no_grad()
    def update(self, weight: float | Tensor) -> None:
        """Moves the average towards the network by that part of their distance, in [0, 1].

        Args:
            weight: A number, or a tensor () on the network's device, as a captured step needs.
        """
        mine, theirs = zip(*self._averaged, strict=True)
        if isinstance(weight, Tensor):
            moves = torch._foreach_sub(theirs, mine)
            torch._foreach_mul_(moves, weight)
            torch._foreach_add_(mine, moves)
        else:
            torch._foreach_lerp_(mine, theirs, weight)
        if self._copied:
            kept, current = zip(*self._copied, strict=True)
            torch._foreach_copy_(kept, current)


def _has_a_mean(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _tensors(network: nn.Module) -> list[Tensor]:
    """Parameters and buffers, shared ones once, in the order of their definition."""
    return [*network.parameters(), *network.buffers()]
