"""The time below which no program trains a network on a device: counted work, measured rates.

    python -m benchmarks.gpu_floor model_1 model_2      what a run of each takes, counted on a CPU

`floor` is below every program: it counts the operations, and the bytes of images and weights alone.
`traffic` is below every program that computes operator by operator: each reads what it is given and
writes what it finds. Both count a training step forward and backward; the optimiser adds little.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.errors import BenchError
from bench.inputs import discover
from bench.measuring.measures import measure_all
from bench.spec import Architecture, DatasetInfo
from bench.training.engine.network import initialised

N_PIXELS = 28 * 28
INPUT_SHAPE = (1, 28, 28)
PASSES = 3  # forward; backward towards the input and towards the weights
MOMENTS = 3  # a parameter and Adam's two, each read and written at every step
N_REPEATS = 10

ROOT = Path(__file__).resolve().parent.parent
MNIST = DatasetInfo(
    name="mnist", digest="", n_train=54_000, n_validation=6_000, n_test=10_000, split_seed=42
)
# Of an H200: a copy of 4 GiB, as measured, and an estimate of large float32 products.
BYTES_PER_SECOND, OPERATIONS_PER_SECOND = 4.3e12, 52e12


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
    n_epochs = epochs or architecture.recipe.epochs
    n_parameters = sum(parameter.numel() for parameter in _network(architecture).parameters())
    n_train, n_scored = _sizes(info)
    n_steps = -(-n_train // architecture.recipe.batch_size)
    n_images = n_train + n_scored
    return Floor(
        operations=operations(architecture, info) * n_epochs,
        n_bytes=(N_PIXELS * n_images + 8 * MOMENTS * n_parameters * n_steps) * n_epochs,
        operations_per_second=_product_rate(device),
        bytes_per_second=_copy_rate(device),
    )


def operations(architecture: Architecture, info: DatasetInfo) -> float:
    """Floating-point operations of an epoch, trained and scored, from fvcore's multiply-adds."""
    example = torch.zeros(1, *INPUT_SHAPE)
    values = measure_all(_network(architecture), example, architecture.components)
    found = values["multiply_adds"].values
    multiply_adds: float = next(
        value for name, value in found.items() if name.startswith("multiply_add")
    )
    n_train, scored = _sizes(info)
    return 2.0 * multiply_adds * (PASSES * n_train + scored)


def _sizes(info: DatasetInfo) -> tuple[int, int]:
    """Images that are trained on, and those that are scored."""
    assert info.n_train is not None
    assert info.n_validation is not None
    return info.n_train, info.n_validation + info.n_test


def traffic(architecture: Architecture, info: DatasetInfo) -> float:
    """Bytes of an epoch, trained and scored, where each operator reads and writes memory once.

    They are counted over a batch on a CPU, whose operators are not in all a GPU's: there bias and
    BatchNorm may take passes of their own.
    """
    size = architecture.recipe.batch_size
    images, labels = torch.zeros(size, *INPUT_SHAPE), torch.zeros(size, dtype=torch.int64)
    network = _network(architecture)
    with _Traffic() as trained:
        functional.cross_entropy(network(images), labels).backward()
    network.eval()
    with torch.no_grad(), _Traffic() as scored:
        functional.cross_entropy(network(images), labels)
    n_train, n_scored = _sizes(info)
    n_bytes: float = trained.n_bytes * n_train + scored.n_bytes * n_scored
    return n_bytes / size


class _Traffic(TorchDispatchMode):
    """Counts the bytes that operators are given and give back, views apart."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, found)) if torch.is_tensor(leaf)]
            self.n_bytes += sum(each.numel() * each.element_size() for each in tensors)
        return found


def _network(architecture: Architecture) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        return initialised(architecture, 0)


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


def table(names: list[str]) -> str:
    """Counts of a run on MNIST as Markdown, and the seconds that they take at the rates of an H200.

    Raises:
        BenchError: an unknown network.
    """
    lines = ["| | steps | Tflop | seconds | GB | seconds |", "|---|---:|---:|---:|---:|---:|"]
    for found in discover.select(discover.scan_all(ROOT / "architectures"), names):
        architecture = discover.load(found)
        recipe = architecture.recipe
        flop, n_bytes = (
            recipe.epochs * count(architecture, MNIST) for count in (operations, traffic)
        )
        n_steps = recipe.epochs * -(-_sizes(MNIST)[0] // recipe.batch_size)
        cells = [f"{n_steps:,}", f"{flop / 1e12:.1f}", f"{flop / OPERATIONS_PER_SECOND:.2f}"]
        cells += [f"{n_bytes / 1e9:,.0f}", f"{n_bytes / BYTES_PER_SECOND:.2f}"]
        lines.append(f"| {architecture.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    try:
        print(table(parser.parse_args().networks))
    except BenchError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
