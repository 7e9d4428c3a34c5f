"""Named random streams: each purpose of a run draws from its own, derived from the run's seed.

A stream restarts at every epoch, so a resumed run needs no generator state, and a change of
the augmentation leaves order, initial weights and dropout as they were.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import torch

Purpose = Literal["init", "order", "augment", "dropout"]


def stream_seed(seed: int, purpose: Purpose, epoch: int = 0) -> int:
    """A seed in [0, 2**63) for one purpose of a run in one epoch (0 for `init`)."""
    content = f"{seed}/{purpose}/{epoch}".encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1


def generator(seed: int, purpose: Purpose, epoch: int = 0) -> torch.Generator:
    """A CPU generator of that stream; draws on the host are the same for every device."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, epoch))
