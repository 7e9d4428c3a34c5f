"""A run's state between two epochs, as bytes; read back without executing pickle.

A checkpoint begins with a mark and the SHA-256 of what follows, so a damaged one is never restored.
One without a digest, of an older version, is not restored either: its run costs one training, and
nobody can tell whether its bits are still those that were written.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from bench.spec import Epoch
from bench.training.engine.network import named_tensors
from bench.training.engine.optimizer import load_moments
from bench.training.engine.train import State

MARK = b"manyseeds checkpoint 1\n"  # then 32 bytes of SHA-256, then what `torch.save` wrote
BEGIN = len(MARK) + hashlib.sha256().digest_size
# What content of another shape makes the code that reads it raise.
MISFITS = (AttributeError, KeyError, TypeError, ValueError, RuntimeError, msgspec.MsgspecError)


class Unusable(Exception):
    """A checkpoint that is damaged, or of another run."""


def encode(state: State, key: str, environment: str) -> bytes:
    """The state of a run after its last finished epoch."""
    buffer = io.BytesIO()
    content = {
        "key": key,
        "environment": environment,
        "epochs": msgspec.json.encode(state.epochs).decode(),
        "network": _content(state.network),
        "optimizer": state.optimizer.state_dict(),
        "average": _content(state.average.module) if state.average else None,
    }
    torch.save(content, buffer)
    return with_digest(buffer.getvalue())


def with_digest(saved: bytes) -> bytes:
    """What `torch.save` wrote, behind its digest."""
    return MARK + hashlib.sha256(saved).digest() + saved


def restore(state: State, content: bytes, key: str, environment: str) -> None:
    """Brings a fresh state to where the checkpoint left off.

    Args:
        state: From `bench.training.engine.train.start`; changed in place, whole or not at all.
        content: What `encode` made.
        key: The run's key.
        environment: The fingerprint: bits of two environments are never mixed in one run.

    Raises:
        Unusable: damaged, without a digest, of another run, or of another environment.
    """
    loaded = _load(content)
    for name, expected in (("key", key), ("environment", environment)):
        if loaded.get(name) != expected:
            raise Unusable(f"its {name} is {loaded.get(name)}, this run's is {expected}")
    try:
        epochs = msgspec.json.decode(loaded["epochs"], type=list[Epoch])
        pairs = _pairs(state.network, loaded["network"])
        if state.average:
            pairs += _pairs(state.average.module, loaded["average"])
        load_moments(state.optimizer, loaded["optimizer"])  # it looks before it changes something
    except MISFITS as error:
        raise Unusable(f"its content does not fit: {error}") from error
    with torch.no_grad():
        for tensor, saved in pairs:
            tensor.copy_(saved)
    state.epochs[:] = epochs


def _content(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in named_tensors(network)}


def _pairs(network: nn.Module, saved: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Each of the network's tensors with what was saved of it.

    Raises:
        ValueError: other names, shapes or types.
    """
    mine = dict(named_tensors(network))
    if unlike := sorted(mine.keys() ^ saved.keys()):
        raise ValueError(f"'{unlike[0]}' is only in one of the two")
    for name, tensor in mine.items():
        if (tensor.shape, tensor.dtype) != (saved[name].shape, saved[name].dtype):
            raise ValueError(f"'{name}' has another shape or type")
    return [(tensor, saved[name]) for name, tensor in mine.items()]


def _load(content: bytes) -> dict[str, Any]:
    if not content.startswith(MARK):
        raise Unusable("it has no digest: an older version wrote it, or its begin is damaged")
    saved = content[BEGIN:]
    if content != with_digest(saved):
        raise Unusable("it is damaged: its content has another digest")
    try:
        loaded = torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file surfaces as many types
        raise Unusable(f"it cannot be read: {type(error).__name__}") from error
    if not isinstance(loaded, dict):
        raise Unusable("it is no checkpoint")
    return loaded
