"""A random stream of one run's own for what draws from the device's default generator.

Dropout takes no generator, so runs that take turns in one process would draw from one stream.
Here each run's own stream stands in for the default one while the run has its turn. On a GPU a
graph that is captured meanwhile goes on drawing from that stream whenever it is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class OwnGenerator:
    """A run's stream on a device.

    Args:
        device: Where the run trains.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._own = torch.Generator(device)

    def reseed(self, seed: int) -> None:
        """Starts the stream that `torch.manual_seed(seed)` would start."""
        self._own.manual_seed(seed)

    def register(self, graph: torch.cuda.CUDAGraph) -> None:
        """Tells a graph, before its capture, that its replays move this stream."""
        graph.register_generator_state(self._own)

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """What is drawn from the default generator comes from this stream, and moves it."""
        swapped = _on_cpu if self._device.type == "cpu" else _on_cuda
        with swapped(self._own):
            yield


@contextmanager
def _on_cpu(own: torch.Generator) -> Iterator[None]:
    default = torch.default_generator
    outer = default.get_state()
    default.set_state(own.get_state())
    try:
        yield
    finally:
        own.set_state(default.get_state())
        default.set_state(outer)


@contextmanager
def _on_cuda(own: torch.Generator) -> Iterator[None]:
    torch.cuda.init()  # makes the default generators
    index = own.device.index
    default = torch.cuda.default_generators[torch.cuda.current_device() if index is None else index]
    # The two share one state, so own moves along, in a graph's replays too.
    outer = default.graphsafe_get_state()
    default.graphsafe_set_state(own.graphsafe_get_state())
    try:
        yield
    finally:
        default.graphsafe_set_state(outer)
