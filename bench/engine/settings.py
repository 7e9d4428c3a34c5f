"""The process-wide switches of torch that decide bits, set for a run and put back after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import UsageError
from bench.spec import Numerics


def resolve_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N` -> a device that is there.

    Raises:
        UsageError: an unknown name, or a device that this machine lacks.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "mps":
        raise UsageError(
            "device 'mps' is not supported yet", where="--device", remedy="use --device cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UsageError(
            f"unknown device '{name}'", where="--device", remedy="use auto, cpu, cuda or cuda:N"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"no device '{name}'; this machine has {torch.cuda.device_count()} CUDA devices",
            where="--device",
            remedy="use --device cpu or auto",
        )
    return device


@contextmanager
def numerics_of(numerics: Numerics, device: torch.device) -> Iterator[None]:
    """Applies a run's numerics; threads, switches and the global generators come back after it."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    # cuBLAS is deterministic only with a fixed workspace, read when its handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            torch.set_num_threads(numerics.n_threads)
            torch.set_flush_denormal(numerics.flush_denormal)
            torch.use_deterministic_algorithms(True)
            # It would write every new tensor twice; what reads one unwritten is a bug of its own.
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.allow_tf32 = numerics.tf32
            torch.backends.cuda.matmul.allow_tf32 = numerics.tf32
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_flush_denormal(False)
            torch.use_deterministic_algorithms(deterministic)
            torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
