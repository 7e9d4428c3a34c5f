"""Which way an architecture's step is computed on a device."""

from __future__ import annotations

import torch

from bench.spec import Architecture, EnginePath
from bench.training.engine import cpu, gpu


def engine_path(architecture: Architecture, device: torch.device) -> tuple[EnginePath, str | None]:
    """The fastest path that computes what the architecture computes.

    Returns:
        The path; and why it is the slow one, where it is.
    """
    on_gpu = device.type == "cuda"
    reason = gpu.refusal(architecture, device) if on_gpu else cpu.refusal(architecture)
    if reason:
        return "eager", reason
    return ("graph" if on_gpu else "fused"), None
