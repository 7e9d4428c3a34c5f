"""Times a network on the hardware at hand, and measures the memory of a training step.

Convention: inference in evaluation mode, float32, in the architecture's memory format, warm; on a
CPU with one thread, as in training; on a GPU each repetition ends when the device has finished.
The weights are the untrained weights of seed 0: the arithmetic is the same. Other work on the
machine shows in the quartiles. The numbers hold for that machine only.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from bench.records.observations import Latency, Timing
from bench.spec import Architecture, Environment, Numerics
from bench.training.engine import optimizer
from bench.training.engine.data import memory_format
from bench.training.engine.network import initialised
from bench.training.engine.settings import numerics_of
from bench.training.engine.uncompiled import without_compiler

# Images a call -> (calls before the clock, timed calls).
REPETITIONS: Mapping[int, tuple[int, int]] = {1: (20, 200), 1000: (2, 20)}


def measure(
    architecture: Architecture,
    environment: Environment,
    repetitions: Mapping[int, tuple[int, int]] = REPETITIONS,
) -> Latency:
    """Latency and throughput of inference, and the peak memory of a training step.

    Args:
        architecture: Its network is built and run on the environment's device.
        environment: Names the device.
        repetitions: Images a call -> (calls before the clock, timed calls).
    """
    device = torch.device(environment.device)
    numerics = Numerics(
        memory_format=architecture.memory_format,
        device_type="cuda" if device.type == "cuda" else "cpu",
    )
    with numerics_of(numerics, device):
        network = initialised(architecture, seed=0).to(device)
        network = network.to(memory_format=memory_format(numerics))
        timings = [
            _timing(network.eval(), _images(architecture, n, numerics, device), *calls)
            for n, calls in repetitions.items()
        ]
        n_images = architecture.recipe.batch_size
        step = _step(architecture, network, _images(architecture, n_images, numerics, device))
        peak = peak_bytes(step, network, device)
    return Latency(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        environment=environment,
        n_threads=numerics.n_threads,
        timings=timings,
        training_batch_size=n_images,
        training_peak_bytes=peak,
        training_peak_of="allocator" if device.type == "cuda" else "tensors",
    )


def _images(architecture: Architecture, n: int, numerics: Numerics, device: torch.device) -> Tensor:
    """n images of normal numbers in the memory format of the runs."""
    stream = torch.Generator().manual_seed(0)
    images = torch.randn(n, *architecture.input_shape, generator=stream)
    return images.to(device).contiguous(memory_format=memory_format(numerics))


def _timing(network: nn.Module, images: Tensor, n_warm: int, n_timed: int) -> Timing:
    with torch.inference_mode():
        for _ in range(n_warm):
            network(images)
        seconds = [_seconds(lambda: network(images), images.device) for _ in range(n_timed)]
    lower, median, upper = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Timing(
        batch_size=len(images),
        n_repetitions=n_timed,
        median_seconds=_rounded(median),
        lower_quartile_seconds=_rounded(lower),
        upper_quartile_seconds=_rounded(upper),
        minimum_seconds=_rounded(min(seconds)),
    )


def _rounded(seconds: float) -> float:
    """To four significant digits: no clock here is better."""
    return float(f"{seconds:.4g}")


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    _finish(device)
    started = time.perf_counter()
    call()
    _finish(device)
    return time.perf_counter() - started


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _step(architecture: Architecture, network: nn.Module, images: Tensor) -> Callable[[], None]:
    """One whole training step on the batch, as the network is written."""
    labels = torch.arange(len(images), device=images.device) % architecture.n_classes
    descent = optimizer.build(architecture.recipe, network)

    def step() -> None:
        network.train()
        descent.zero_grad(set_to_none=True)
        functional.cross_entropy(network(images), labels).backward()
        descent.step()

    return step


def peak_bytes(step: Callable[[], None], network: nn.Module, device: torch.device) -> int:
    """The most bytes that tensors hold at once during a step that follows a warm one.

    Args:
        step: Called twice: the first call makes the optimiser's state.
        network: Its parameters and buffers count, and all that the step keeps between calls.
        device: On a GPU the allocator counts; on a CPU the storages alive after each operator
            count, without the memory that an operator uses inside.
    """
    if device.type == "cuda":
        step()
        _finish(device)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return int(torch.cuda.max_memory_allocated(device))
    alive = _Alive()
    with alive:
        for tensor in (*network.parameters(), *network.buffers()):
            alive.hold(tensor)
        step()
        alive.peak = alive.now
        step()
    return alive.peak


class _Alive(TorchDispatchMode):
    """Bytes of the storages that operators read or wrote and that still exist.

    Attributes:
        now: At the moment.
        peak: The most since it was last set.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def hold(self, tensor: Tensor) -> None:
        """Counts the tensor's storage until it is freed; a second time changes nothing."""
        storage = tensor.untyped_storage()
        if id(storage) in self._known:
            return
        n_bytes, name = storage.nbytes(), id(storage)

        def freed(_: object) -> None:
            del self._known[name]
            self.now -= n_bytes

        self._known[name] = weakref.ref(storage, freed)
        self.now += n_bytes
        self.peak = max(self.peak, self.now)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        result = func(*args, **(kwargs or {}))
        for each in tree_iter((args, kwargs, result)):
            if isinstance(each, Tensor):
                self.hold(each)
        return result


without_compiler(_Alive)
