"""Places for runs side by side on a GPU, which one run hands on to the next.

torch keeps the memory of a graph for the graph's pool, and what a stream's kernels used for that
stream. With a stream and a pool for each run, the memory would grow with every run. So a run takes
over both from a run that has ended.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import torch


class Slot:
    """A stream, and the memory that graphs on it are captured into; on a CPU there is neither.

    Args:
        device: Where the runs train.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._keeper: _Keeper | None = None

    def current(self) -> AbstractContextManager[Any]:
        """What is launched meanwhile goes to the slot's stream."""
        return torch.cuda.stream(self._stream) if self._stream else nullcontext()

    def pool(self) -> Any:
        """The memory of the slot's graphs, as `torch.cuda.CUDAGraph.capture_begin` takes it."""
        if self._keeper is None:
            with self.current():
                self._keeper = _Keeper(self._device)
        return self._keeper.pool

    def follow(self) -> None:
        """The stream waits for what was launched on the device's current stream before."""
        if self._stream:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def renew(self) -> None:
        """Makes the slot fit for another run after a run that an error ended.

        Waits for the failed run's kernels: they use memory that is about to be given back. An
        error may have spoiled a capture, and then torch takes no other graph into its pool.
        """
        self._keeper = None
        if self._stream:
            with suppress(RuntimeError):  # a broken device is found by whoever uses it next
                self._stream.synchronize()


class Slots:
    """The slots of one device.

    Args:
        device: Where the runs train.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._idle: list[Slot] = []
        self._is_memory_scattered = False

    @contextmanager
    def lent(self) -> Iterator[Slot]:
        """A slot that no other run uses; there are as many as were ever lent at once."""
        if self._is_memory_scattered:
            self._collect_memory()
        slot = self._idle.pop() if self._idle else Slot(self._device)
        slot.follow()
        try:
            yield slot
        except BaseException:
            slot.renew()
            self._is_memory_scattered = True
            raise
        finally:
            self._idle.append(slot)

    def _collect_memory(self) -> None:
        """Gives the device what failed runs left behind: torch cannot do so during a capture."""
        self._is_memory_scattered = False
        gc.collect()
        if self._device.type == "cuda":
            with suppress(RuntimeError):  # nothing that the next run asks for
                torch.cuda.empty_cache()


class _Keeper:
    """A pool of memory, and a tiny graph in it: a pool goes with the last of its graphs."""

    def __init__(self, device: torch.device) -> None:
        self.pool = torch.cuda.graph_pool_handle()
        self._graph = torch.cuda.CUDAGraph()
        self._number = torch.zeros(1, device=device)
        self._number.add_(1)  # loads the kernel, which a capture may not
        with recording(self._graph, self.pool):
            self._number.add_(1)


@contextmanager
def recording(graph: torch.cuda.CUDAGraph, pool: Any) -> Iterator[None]:
    """torch.cuda.graph without its waiting for all streams: other runs go on meanwhile.

    Args:
        graph: It is empty yet, and holds what is launched meanwhile.
        pool: The memory that it allocates from.
    """
    with _no_collection():
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        try:
            yield
        except BaseException:
            with suppress(RuntimeError):  # of a spoiled capture; what spoiled it is told
                _end(graph, pool)
            raise
        _end(graph, pool)


def _end(graph: torch.cuda.CUDAGraph, pool: Any) -> None:
    """Ends the capture; leaves torch's allocator usable where the capture was spoiled.

    torch 2.7's allocator then goes on as if the capture went on: it gives no memory back, and
    raises an internal error when it is asked to. Newer versions end it themselves.
    """
    try:
        graph.capture_end()
    except RuntimeError:
        names = ("_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool")
        ends = [getattr(torch._C, name) for name in names if hasattr(torch._C, name)]
        if ends and pool:
            with suppress(RuntimeError):  # torch has ended it
                ends[0](torch.cuda.current_device(), pool)
                torch._C._cuda_releasePool(torch.cuda.current_device(), pool)
        raise


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage is collected meanwhile: it might destroy another graph, which spoils a capture."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
