"""Index tensors on the host, brought to the GPU that a network computes on.

A network may index a tensor on a GPU by a tensor on the host or by a list, as in
``self.shares[READ]``. torch then copies the index at every call and waits for the copy, and a CUDA
graph cannot hold such a copy. Here the copy is made once and used whenever the same index comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

MOST_COPIES = 64  # a network's constants; indices that change at every call shall not add up
MOST_NUMBERS = 2**20  # of one index
WHOLE_NUMBERS = (torch.int64, torch.int32)  # a mask has no fixed number of results: left to torch
# Their second argument is the index.
INDEXING = (
    Tensor.__getitem__,
    Tensor.__setitem__,
    Tensor.index_put,
    Tensor.index_put_,
    torch.index_put,
    torch.index_put_,
)


class Indexed(nn.Module):
    """Computes what the network computes, its host indices replaced by copies on the device.

    Args:
        network: It lies on the device; owns the parameters and buffers.
        device: Where it computes.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.network = network
        self.indices = DeviceIndices(device)

    def forward(self, images: Tensor) -> Any:
        with self.indices:
            return self.network(images)


class DeviceIndices(TorchFunctionMode):
    """While it is on, indices on the host are replaced by copies on the device.

    A copy is found by the numbers that the index holds now, so an index that was changed is
    copied anew, whoever changed it. No copy is ever dropped: a graph may read it.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device
        self.copies: dict[tuple[object, ...], Tensor] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in INDEXING and len(args) > 1 and args[0].device.type == self._device.type:
            args = (args[0], self._moved(args[1]), *args[2:])
        return func(*args, **(kwargs or {}))

    def _moved(self, index: Any) -> Any:
        """The index with copies for what of it lies on the host."""
        if isinstance(index, tuple):
            return tuple(self._moved(each) for each in index)
        if isinstance(index, list):
            is_plain = bool(index) and all(type(each) is int for each in index)
            return self._copy(torch.tensor(index)) if is_plain else index
        # A tensor without dimensions is read as a number: on the device that would be waited for.
        if isinstance(index, Tensor) and index.dtype in WHOLE_NUMBERS and index.dim():
            is_on_host = index.device.type == "cpu" and index.numel() <= MOST_NUMBERS
            return self._copy(index) if is_on_host else index
        return index

    def _copy(self, index: Tensor) -> Tensor:
        key = (index.dtype, index.shape, index.numpy().tobytes())
        if key in self.copies:
            return self.copies[key]
        if self._device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            return index  # torch refuses the copy, and says so
        copy = index.to(self._device, copy=True)
        if len(self.copies) < MOST_COPIES:
            self.copies[key] = copy
        return copy
