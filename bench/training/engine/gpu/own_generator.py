"""Random streams of one run's own for what draws from the process's default generators.

Dropout takes no generator, so runs that take turns in one process would draw from one stream.
Here each run's own streams stand in for the default ones while the run has its turn. On a GPU a
graph that is captured meanwhile goes on drawing from that stream whenever it is replayed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch


class OwnGenerator:
    """A run's streams: the device's, and the host's where Python runs at every step.

    Args:
        device: Where the run trains.
        is_captured: Whether its steps are captured; then nothing is drawn on the host.
    """

    def __init__(self, device: torch.device, *, is_captured: bool = False) -> None:
        self._on_device = torch.Generator(device) if device.type == "cuda" else None
        self._on_host = None if is_captured else _HostStates.now()

    def reseed(self, seed: int) -> None:
        """Starts the streams that `seed_global_generators(seed)` would start."""
        if self._on_device is not None:
            self._on_device.manual_seed(seed)
        if self._on_host is not None:
            self._on_host = _HostStates.of(seed)

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """What is drawn from the default generators comes from these streams, and moves them."""
        on_device = nullcontext() if self._on_device is None else _on_cuda(self._on_device)
        on_host = nullcontext() if self._on_host is None else self._host()
        with on_device, on_host:
            yield

    @contextmanager
    def _host(self) -> Iterator[None]:
        assert self._on_host is not None
        outer = _HostStates.now()
        self._on_host.set()
        try:
            yield
        finally:
            self._on_host = _HostStates.now()
            outer.set()


@dataclass(frozen=True)
class _HostStates:
    """States of the default generators on the host: torch's, Python's and NumPy's."""

    torch: torch.Tensor
    python: tuple[Any, ...]
    numpy: Any

    @classmethod
    def now(cls) -> Self:
        return cls(torch.get_rng_state(), random.getstate(), np.random.get_state())  # noqa: NPY002

    @classmethod
    def of(cls, seed: int) -> Self:
        """As `seed_global_generators` leaves them."""
        return cls(
            torch.Generator().manual_seed(seed).get_state(),
            random.Random(seed).getstate(),
            np.random.RandomState(seed % 2**32).get_state(),
        )

    def set(self) -> None:
        torch.set_rng_state(self.torch)
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002


@contextmanager
def _on_cuda(own: torch.Generator) -> Iterator[None]:
    torch.cuda.init()  # makes the default generators
    index = own.device.index
    default = torch.cuda.default_generators[torch.cuda.current_device() if index is None else index]
    # The two share one state, so own moves along. A capture begun now takes this state for its
    # graph, whose replays move it too.
    outer = default.graphsafe_get_state()
    default.graphsafe_set_state(own.graphsafe_get_state())
    try:
        yield
    finally:
        default.graphsafe_set_state(outer)
