"""What an epoch measures, summed on the device and sent to the host once, and how long it took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Totals:
    """What an epoch measured, on one device."""

    losses: Tensor  # (n_steps,): each step's mean loss times its images
    correct: Tensor  # (3,) int64: training, validation, test
    means: Tensor  # (2,): the losses of validation and test

    @classmethod
    def empty(cls, n_steps: int, **where: Any) -> Totals:
        """Zeros; `where` holds torch's device and pin_memory."""
        return cls(
            losses=torch.zeros(n_steps, **where),
            correct=torch.zeros(3, dtype=torch.int64, **where),
            means=torch.zeros(2, **where),
        )

    def tensors(self) -> list[Tensor]:
        """All of them."""
        return [self.losses, self.correct, self.means]

    def copy_(self, other: Totals) -> None:
        """Takes the other's numbers without waiting for a device."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs, non_blocking=True)


class Clock:
    """When an epoch's parts are done, on the device's own time line."""

    def __init__(self, device: torch.device) -> None:
        self._is_cuda = device.type == "cuda"
        if self._is_cuda:
            self._first, self._last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            self._copied, self._arrived = torch.cuda.Event(), torch.cuda.Event()
        self._seconds = self._started = 0.0

    def start(self) -> None:
        if self._is_cuda:
            self._first.record()
        self._started = time.perf_counter()

    def copied(self) -> None:
        if self._is_cuda:
            self._copied.record()

    def has_copied(self) -> bool:
        """Whether what the epoch needs of the host has been read."""
        return not self._is_cuda or self._copied.query()

    def stop(self) -> None:
        if self._is_cuda:
            self._last.record()
        self._seconds = time.perf_counter() - self._started

    def sent(self) -> None:
        if self._is_cuda:
            self._arrived.record()

    def has_arrived(self) -> bool:
        return not self._is_cuda or self._arrived.query()

    def seconds(self) -> float:
        """Training alone, once it has arrived."""
        return self._first.elapsed_time(self._last) / 1000 if self._is_cuda else self._seconds
