"""What the maps of all parts of an augmentation have in common, and several of them in a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Coefficients(ABC):
    """The maps of n images as integer tensors of shape (n, ...), on one device.

    Images are (n, height, width), or (n, channels, height, width), uint8. Parts that `Chain` holds
    may expect the channels.
    """

    identity: bool  # the images stay as they are

    @abstractmethod
    def moved(self, images: Tensor) -> Tensor:
        """The images, each by its own map."""

    def __getitem__(self, rows: slice | Tensor) -> Self:
        """The maps of some images: a slice, or indices or a mask on the maps' device."""
        return self._each(lambda part: part[rows])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same maps on another device; unblocking, the copy from pinned memory goes on."""
        return self._each(lambda part: part.to(device, non_blocking=non_blocking))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        parts: dict[str, Any] = {
            name: change(part) if isinstance(part, Tensor) else part
            for name, part in vars(self).items()
        }
        return type(self)(**parts)


@dataclass(frozen=True)
class Chain(Coefficients):
    """Several maps of the same n images, one after another."""

    parts: tuple[Coefficients, ...]

    def moved(self, images: Tensor) -> Tensor:
        """The images, each by its own maps; grey ones have one channel meanwhile."""
        is_grey = images.dim() == 3
        moved = images.unsqueeze(1) if is_grey else images
        for part in self.parts:
            moved = part.moved(moved)
        return moved.squeeze(1) if is_grey else moved

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        parts = tuple(part._each(change) for part in self.parts)
        return type(self)(identity=self.identity, parts=parts)
