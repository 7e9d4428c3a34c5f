"""A network in training or evaluation mode for a while, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """The mode inside; afterwards every module is in the one that it was in, frozen parts too.

    By the network's own `train`, which may change more than flags.
    """
    was_training = network.training
    flags = {module: module.training for module in network.modules()}
    network.train(training)
    try:
        yield
    finally:
        network.train(was_training)
        for module, flag in flags.items():
            module.training = flag
