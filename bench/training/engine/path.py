"""Which way an architecture's step is computed on a device."""

from __future__ import annotations

import torch

from bench.spec import Architecture, EnginePath
from bench.training.engine.cpu.agreement import require_agreement
from bench.training.engine.cpu.rewriting import NotRewritable
from bench.training.engine.gpu.capturing import refusal
from bench.training.engine.network import INPUT_SHAPE


def engine_path(architecture: Architecture, device: torch.device) -> tuple[EnginePath, str | None]:
    """The fastest path that computes what the architecture computes.

    Returns:
        The path; and why it is the slow one, where it is.
    """
    if device.type == "cuda":
        reason = refusal(architecture, device)
        return ("eager" if reason else "graph"), reason
    if architecture.memory_format != "channels_last":
        return "eager", "its MEMORY_FORMAT is not channels_last"
    try:
        require_agreement(architecture.build, INPUT_SHAPE)
    except NotRewritable as reason:
        return "eager", str(reason)
    return "fused", None
