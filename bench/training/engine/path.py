"""Which way an architecture's step is computed on a device, and whether it can be at all."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bench.errors import ArchitectureError
from bench.spec import Architecture, EnginePath
from bench.training.engine import cpu, gpu


def engine_path(architecture: Architecture, device: torch.device) -> tuple[EnginePath, str | None]:
    """The fastest path that computes what the architecture computes.

    Args:
        architecture: With the recipe of its file: a path is a part of a run's key, so it does not
            depend on changes of the recipe.
        device: Where it is trained.

    Returns:
        The path; and why it is the slow one, where it is.

    Raises:
        TrainingError: the device is full, busy or broken, so nothing can be told.
    """
    on_gpu = device.type == "cuda"
    reason = gpu.trials([architecture], device)[0].refusal if on_gpu else cpu.refusal(architecture)
    if reason:
        return "eager", reason
    return ("graph" if on_gpu else "fused"), None


def nondeterministic(
    architectures: Sequence[Architecture], device: torch.device
) -> dict[str, ArchitectureError]:
    """By its name, the error of each whose runs would not have the same bits twice on the device.

    A GPU has operations that sum in the order in which its threads come; torch has no other
    version of some of them.

    Raises:
        TrainingError: the device is full, busy or broken, so nothing can be told.
    """
    if device.type != "cuda":
        return {}
    found = zip(architectures, gpu.trials(architectures, device), strict=True)
    return {
        each.name: _error(each, trial.nondeterministic)
        for each, trial in found
        if trial.nondeterministic
    }


def _error(architecture: Architecture, operation: str) -> ArchitectureError:
    return ArchitectureError(
        f"architecture '{architecture.name}': {operation} has no deterministic implementation on "
        "a GPU",
        where=str(architecture.path),
        remedy="replace the operation, such as AdaptiveMaxPool2d(1) by amax((2, 3)), or give "
        "--device cpu",
    )
