"""The process-wide switches and generators that decide bits, put back after a run."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
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


def make_current(device: torch.device) -> None:
    """Makes a GPU the one that torch means where none is named.

    Pinned memory, events and what is launched without a device else open a context on the first
    GPU too, which takes some hundred MiB there.
    """
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


@contextmanager
def numerics_of(numerics: Numerics, device: torch.device) -> Iterator[None]:
    """Applies a run's numerics; threads, switches and the global generators come back after it."""
    # cuBLAS is deterministic only with a fixed workspace, read when its handle is made.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    with generators_kept(device), _switches_kept():
        torch.set_num_threads(numerics.n_threads)
        torch.set_flush_denormal(numerics.flush_denormal)
        # Not use_deterministic_algorithms: that imports torch's compiler, which takes seconds.
        torch.set_deterministic_debug_mode("error")
        # It would write every new tensor twice; what reads one unwritten is a bug of its own.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = numerics.tf32
        torch.backends.cuda.matmul.allow_tf32 = numerics.tf32
        yield


def seed_global_generators(seed: int) -> None:
    """Seeds what a network may draw from without being given it: torch's, Python's and NumPy's."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global generator is what is meant


@contextmanager
def generators_kept(device: torch.device) -> Iterator[None]:
    """Torch's global generators, Python's and NumPy's come back afterwards."""
    devices = [device] if device.type == "cuda" else []
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def _switches_kept() -> Iterator[None]:
    """Puts torch's switches back; flushing of denormals, which cannot be asked for, goes off."""
    threads = torch.get_num_threads()
    deterministic = torch.get_deterministic_debug_mode()
    switches = [
        (torch.utils.deterministic, "fill_uninitialized_memory"),
        (torch.backends.cudnn, "benchmark"),
        (torch.backends.cudnn, "allow_tf32"),
        (torch.backends.cuda.matmul, "allow_tf32"),
    ]
    kept = [getattr(owner, name) for owner, name in switches]
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
        torch.set_deterministic_debug_mode(deterministic)
        for (owner, name), value in zip(switches, kept, strict=True):
            setattr(owner, name, value)
