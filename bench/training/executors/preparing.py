"""Processes that prepare the augmentation of coming epochs, beside the one that holds a GPU.

Its maps take some 40 ms of Python for an epoch of 54,000 images; with many seeds on one GPU that
is more than the epoch's share of the GPU.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.spec import RunSpec
from bench.training.augment import Coefficients
from bench.training.augment.steps import Size
from bench.training.engine.train import maps_of
from bench.training.executors import GONE, Child


class Preparers:
    """Processes, and a thread each that waits for its answers.

    A process ends when its pipe does, so none outlives the one that made it. What one of them
    cannot answer is computed here: one that died is replaced, an error has its own type.

    Args:
        n_processes: How many epochs are prepared at once; at least 1.
    """

    def __init__(self, n_processes: int) -> None:
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for _ in range(n_processes):
            self._idle.put(Child.begin(_prepare))
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="preparer")

    def ahead(self, spec: RunSpec, size: Size, epoch: int) -> Future[Coefficients]:
        """The epoch's maps, as `TrainingContext.ahead` wants them."""
        return self._threads.submit(self._ask, spec, size, epoch)

    def close(self) -> None:
        """Ends the processes."""
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().end()

    def _ask(self, spec: RunSpec, size: Size, epoch: int) -> Coefficients:
        preparer = self._idle.get()
        answer = None
        try:
            preparer.pipe.send((spec, size, epoch))
            answer = preparer.pipe.recv()
        except (EOFError, OSError):  # it died
            preparer.end()
            preparer = Child.begin(_prepare)
        finally:
            self._idle.put(preparer)
        return maps_of(spec, size, epoch) if answer is None else _unpacked(*answer)


def _prepare(pipe: Connection) -> None:
    """A process's life: (spec, size, epoch) in, its maps or None out, until the pipe ends."""
    torch.set_num_threads(1)
    with suppress(*GONE):
        while True:
            spec, size, epoch = pipe.recv()
            try:
                answer = _packed(maps_of(spec, size, epoch))
            except Exception:
                answer = None  # not every error travels; it is raised again where it is asked for
            pipe.send(answer)


def _packed(maps: Coefficients) -> tuple[type[Coefficients], dict[str, Any]]:
    """The maps with arrays for tensors: torch would send those through shared memory.

    Containers have little of it, and the sender would have to outlive the reader.
    """
    return type(maps), {
        name: part.numpy() if isinstance(part, Tensor) else part
        for name, part in vars(maps).items()
    }


def _unpacked(kind: type[Coefficients], parts: dict[str, Any]) -> Coefficients:
    made: dict[str, Any] = {
        name: torch.from_numpy(part) if isinstance(part, np.ndarray) else part
        for name, part in parts.items()
    }
    return kind(**made)
