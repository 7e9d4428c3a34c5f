"""The time below which no program trains a network on a device: counted work, measured rates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.measuring.measures import measure_all
from bench.spec import Architecture, DatasetInfo
from bench.training.engine.network import INPUT_SHAPE, initialised

N_PIXELS = 28 * 28
PASSES = 3  # forward; backward towards the input and towards the weights
MOMENTS = 3  # a parameter and Adam's two, each read and written at every step
N_REPEATS = 10


@dataclass(frozen=True)
class Floor:
    """Of one run; operations and bytes are counted, the rates are this device's own."""

    operations: float  # floating-point, a multiply-add counts 2
    n_bytes: float  # images read once an epoch, parameters and moments once a step
    operations_per_second: float  # of a large float32 matrix product
    bytes_per_second: float  # of a large copy, read and written

    @property
    def seconds(self) -> float:
        """The larger of the two times."""
        arithmetic = self.operations / self.operations_per_second
        return max(arithmetic, self.n_bytes / self.bytes_per_second)

    @property
    def words(self) -> str:
        """What it was counted from."""
        return (
            f"{self.operations / 1e12:.2f} Tflop at {self.operations_per_second / 1e12:.1f} "
            f"Tflop/s, {self.n_bytes / 1e9:.2f} GB at {self.bytes_per_second / 1e9:.0f} GB/s"
        )


def floor(
    architecture: Architecture, info: DatasetInfo, device: torch.device, epochs: int | None
) -> Floor:
    """The floor of one run of the recipe.

    Args:
        architecture: The network, with its recipe.
        info: How many images.
        device: Whose rates are measured.
        epochs: Instead of the recipe's own.
    """
    with torch.random.fork_rng(devices=[]):
        network = initialised(architecture, 0)
    example = torch.zeros(1, *INPUT_SHAPE)
    values = measure_all(network, example, architecture.components)["multiply_adds"].values
    multiply_adds = next(value for name, value in values.items() if name.startswith("multiply_add"))
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    n_steps = -(-info.n_train // architecture.recipe.batch_size)
    scored = info.n_validation + info.n_test
    n_epochs = epochs or architecture.recipe.epochs
    return Floor(
        operations=2 * multiply_adds * (PASSES * info.n_train + scored) * n_epochs,
        n_bytes=(N_PIXELS * (info.n_train + scored) + 8 * MOMENTS * n_parameters * n_steps)
        * n_epochs,
        operations_per_second=_product_rate(device),
        bytes_per_second=_copy_rate(device),
    )


def _product_rate(device: torch.device) -> float:
    n = 8192 if device.type == "cuda" else 512
    left, right = (torch.randn(n, n, device=device) for _ in range(2))
    return 2 * n**3 / _seconds(lambda: left @ right, device)


def _copy_rate(device: torch.device) -> float:
    n = 2**30 if device.type == "cuda" else 2**22
    source, target = (torch.randint(256, (n,), dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * n / _seconds(lambda: target.copy_(source), device)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The median of some repetitions, after one that is not counted."""
    times = []
    for _ in range(N_REPEATS + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return sorted(times[1:])[N_REPEATS // 2]
