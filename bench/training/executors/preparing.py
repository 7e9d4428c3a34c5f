"""Processes that prepare the augmentation of coming epochs, beside the one that holds a GPU.

Its maps take some 40 ms of Python for an epoch of 54,000 images; with many seeds on one GPU that
is more than the epoch's share of the GPU. They are 13 MB: a pipe would cost the process that holds
the GPU 20 ms more, so they come through shared memory, from which the GPU copies them itself.
"""

from __future__ import annotations

import io
import pickle
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.machine import GONE
from bench.spec import RunSpec
from bench.training.augment import Coefficients
from bench.training.augment.steps import Size
from bench.training.engine.settings import make_current
from bench.training.engine.train import maps_of
from bench.training.executors import Child
from bench.training.executors.shared_memory import SharedMemory

ALIGNED = 64  # bytes; where an array may begin


@dataclass(frozen=True)
class Answer:
    """An epoch's maps on their way: the arrays beside everything else."""

    words: bytes  # pickled
    sizes: list[int]  # of the arrays in shared memory, in bytes; they begin at multiples of ALIGNED
    arrays: list[bytearray] = field(default_factory=list)  # where there is no shared memory


class Pickler(pickle.Pickler):
    """Writes a tensor as an array, whose bytes pickle can leave out."""

    def reducer_override(self, part: Any) -> Any:
        """How the part is made again; a tensor shares the memory of its array."""
        if isinstance(part, Tensor):
            return torch.from_numpy, (np.ascontiguousarray(part.numpy()),)
        return NotImplemented


class Preparers:
    """Processes, and a thread each that waits for its answers.

    No process outlives the one that made it. What one of them cannot answer is computed here: one
    that died is replaced, an error has its own type.

    There is a piece of shared memory for each epoch that is prepared or waits to be used. The next
    epoch may have it once nothing holds the maps any more.

    Args:
        n_processes: How many epochs are prepared at once; at least 1.
        device: Where the maps are used.
    """

    def __init__(self, n_processes: int, device: torch.device | None = None) -> None:
        device = device or torch.device("cpu")
        self._is_pinned = device.type == "cuda"
        self._children = [Child.begin(_prepare) for _ in range(n_processes)]
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._free: queue.SimpleQueue[SharedMemory] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(
            n_processes, thread_name_prefix="preparer", initializer=make_current, initargs=(device,)
        )

    def ahead(self, spec: RunSpec, size: Size, epoch: int) -> Future[Coefficients]:
        """The epoch's maps, as `TrainingContext.ahead` wants them."""
        return self._threads.submit(self._ask, spec, size, epoch)

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        with self._closing:
            self._is_closed = True
        for child in self._children:
            child.process.kill()  # wakes the thread that waits for it
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            child.end()
        while not self._free.empty():
            self._free.get().close()

    def _ask(self, spec: RunSpec, size: Size, epoch: int) -> Coefficients:
        memory, child = self._memory(), self._idle.get()
        answer: Answer | None = None
        try:
            child.pipe.send((spec, size, epoch, memory.path if memory else None))
            answer = child.pipe.recv()
        except (EOFError, OSError):  # it died
            child = self._replaced(child)
        finally:
            self._idle.put(child)
        if answer and memory and answer.sizes:
            content = memory.content(_ends(answer.sizes)[-1], partial(self._put_back, memory))
            return _unpacked(answer.words, _parts(content, answer.sizes))
        if memory:
            self._put_back(memory)
        return _unpacked(answer.words, answer.arrays) if answer else maps_of(spec, size, epoch)

    def _memory(self) -> SharedMemory | None:
        """A piece that nothing uses; None where the system has no such memory."""
        with suppress(queue.Empty):
            return self._free.get_nowait()
        try:
            return SharedMemory(is_pinned=self._is_pinned)
        except OSError:
            return None

    def _put_back(self, memory: SharedMemory) -> None:
        """Nothing holds its content any more."""
        if self._is_closed:
            memory.close()
        else:
            self._free.put(memory)

    def _replaced(self, child: Child) -> Child:
        with self._closing:
            if self._is_closed:
                return child
            child.end()
            self._children.remove(child)
            self._children.append(Child.begin(_prepare))
            return self._children[-1]


def _prepare(pipe: Connection) -> None:
    """A process's life: (spec, size, epoch, path) in, its maps or None out, until the pipe ends."""
    torch.set_num_threads(1)
    with suppress(*GONE):
        while True:
            spec, size, epoch, path = pipe.recv()
            answer: Answer | None
            try:
                answer = _packed(maps_of(spec, size, epoch), path)
            except Exception:
                answer = None  # not every error travels; it is raised again where it is asked for
            pipe.send(answer)


def _packed(maps: Coefficients, path: str | None) -> Answer:
    """The maps with their numbers in the shared memory of that path, if that can be written."""
    buffers: list[pickle.PickleBuffer] = []
    words = io.BytesIO()
    Pickler(words, protocol=5, buffer_callback=buffers.append).dump(maps)
    arrays = [buffer.raw() for buffer in buffers]
    if path and _written(arrays, path):
        return Answer(words.getvalue(), [array.nbytes for array in arrays])
    return Answer(words.getvalue(), [], [bytearray(array) for array in arrays])


def _written(arrays: list[memoryview], path: str) -> bool:
    ends = _ends([array.nbytes for array in arrays])
    try:
        with Path(path).open("r+b", buffering=0) as file:
            for array, end in zip(arrays, ends, strict=True):
                file.seek(end - array.nbytes)
                while array:
                    array = array[file.write(array) :]
    except OSError:
        return False
    return True


def _ends(sizes: list[int]) -> list[int]:
    """Where each array ends in shared memory."""
    ends = [0]
    for size in sizes:
        ends.append(-(-ends[-1] // ALIGNED) * ALIGNED + size)
    return ends[1:]


def _parts(content: NDArray[np.uint8], sizes: list[int]) -> list[memoryview]:
    """The arrays in the content, which lives as long as one of them does."""
    ends = _ends(sizes)
    return [content.data[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _unpacked(words: bytes, arrays: list[memoryview] | list[bytearray]) -> Coefficients:
    """The maps, whose tensors share the arrays' memory."""
    maps: Coefficients = pickle.loads(words, buffers=arrays)  # noqa: S301 - by a process of ours
    return maps
