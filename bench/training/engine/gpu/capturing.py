"""Whether a network's step can be captured, tried in a process of its own.

A capture that fails may leave torch's allocator and the device's context unusable, so it must not
happen where anything else is to be done.
"""

from __future__ import annotations

import math
from multiprocessing.connection import Connection

import numpy as np
import torch
from msgspec.structs import replace

from bench.errors import TrainingError
from bench.inputs import discover
from bench.inputs.datasets import Dataset, Split
from bench.inputs.discover import Found
from bench.machine import begin_process
from bench.spec import Architecture, DatasetInfo, Numerics, RunSpec
from bench.training.engine.data import prepare
from bench.training.engine.gpu.turns import in_steps
from bench.training.engine.network import INPUT_SHAPE, N_CLASSES
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import start

N_FULL_STEPS, N_LEFT_OVER = 4, 3  # of the trial: batches, and images in the short one
RELATIVE_TOLERANCE = 1e-3  # of losses in float32; a step that is not the same is off by far more


class NotCapturable(Exception):
    """Why a network's step cannot be held by a CUDA graph."""


def refusal(architecture: Architecture, device: torch.device) -> str | None:
    """Why the architecture's step cannot be captured on the device; None where it can.

    Raises:
        TrainingError: the trial found no memory or was killed. That tells of the device and its
            other users, and the answer decides the runs' key, so none is given.
    """
    found = Found(architecture.name, architecture.group, architecture.path)
    process, pipe = begin_process(_try, found, str(device))
    was_killed = False
    reason: str | None
    try:
        reason = pipe.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        reason = f"its trial ended with exit code {process.exitcode}"
        was_killed = (process.exitcode or 0) < 0
    finally:
        process.terminate()
        process.join()
        pipe.close()
    if reason and (is_out_of_memory(reason) or was_killed):
        raise TrainingError(
            f"cannot tell whether '{architecture.name}' can be captured on {device}: {reason}",
            where=str(architecture.path),
            remedy="run the command again when the device is free; if it stays, use --device cpu",
        )
    return reason


def is_out_of_memory(reason: str) -> bool:
    """Whether an error's type and text tell of missing memory.

    PyTorch's own allocator raises an OutOfMemoryError; CUDA, cuDNN and cuBLAS, which allocate
    beside it, surface as a RuntimeError with "out of memory" or "..._ALLOC_FAILED" in its text.
    """
    text = reason.lower()
    return any(sign in text for sign in ("outofmemory", "out of memory", "alloc_failed"))


def _try(pipe: Connection, found: Found, device_name: str) -> None:
    """The trial's process."""
    try:
        require_capturable(discover.load(found), torch.device(device_name))
    except NotCapturable as error:
        pipe.send(str(error))
    except Exception as error:
        lines = str(error).splitlines() or [""]
        pipe.send(f"{type(error).__name__}: {lines[0]}".removesuffix(": "))
    else:
        pipe.send(None)


def require_capturable(architecture: Architecture, device: torch.device) -> None:
    """Trains a few steps twice, launch by launch and captured, and compares.

    Args:
        architecture: The network, with its recipe.
        device: On a CPU both are launched one by one.

    Raises:
        NotCapturable: the captured steps are not the same; another error means that the capture
            itself failed.
    """
    spec, dataset = _trial(architecture, device)
    with numerics_of(spec.numerics, device):
        data = prepare(dataset, spec, device)
        losses = []
        for capture in (False, device.type == "cuda"):
            state = start(architecture, spec, device)
            for _ in in_steps(state, data, spec, capture=capture):
                pass
            losses.append(
                [loss for each in state.epochs for loss in (each.train_loss, each.validation_loss)]
            )
    for plain, captured in zip(*losses, strict=True):
        if not math.isclose(plain, captured, rel_tol=RELATIVE_TOLERANCE):
            raise NotCapturable(f"captured, it computes another loss: {captured:g}, not {plain:g}")


def _trial(architecture: Architecture, device: torch.device) -> tuple[RunSpec, Dataset]:
    """One epoch on noise."""
    n_images = N_FULL_STEPS * architecture.recipe.batch_size + N_LEFT_OVER
    draw = np.random.default_rng(0)
    images = draw.integers(256, size=(n_images, *INPUT_SHAPE[1:]), dtype=np.uint8)
    split = Split(images, draw.integers(N_CLASSES, size=n_images))
    sizes = dict.fromkeys(("n_train", "n_validation", "n_test"), n_images)
    info = DatasetInfo(name="noise", digest="", **sizes, split_seed=0)
    spec = RunSpec(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        recipe=replace(architecture.recipe.with_epochs(1), unaugmented_epochs=0),
        seed=0,
        dataset=info,
        numerics=Numerics(
            memory_format=architecture.memory_format,
            path="graph",
            device_type="cuda" if device.type == "cuda" else "cpu",
        ),
        evaluate_test=False,
    )
    return spec, Dataset(info=info, train=split, validation=split, test=split)
