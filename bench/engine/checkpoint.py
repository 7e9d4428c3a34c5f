"""A run's state between two epochs, as bytes; read back without executing pickle."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import torch

from bench.engine.optimizer import load_moments
from bench.engine.train import State
from bench.spec import Epoch


class Unusable(Exception):
    """A checkpoint that is torn, or of another run."""


def encode(state: State, key: str, environment: str) -> bytes:
    """The state of a run after its last finished epoch."""
    buffer = io.BytesIO()
    content = {
        "key": key,
        "environment": environment,
        "epochs": msgspec.json.encode(state.epochs).decode(),
        "network": state.network.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "average": state.average.module.state_dict() if state.average else None,
    }
    torch.save(content, buffer)
    return buffer.getvalue()


def restore(state: State, content: bytes, key: str, environment: str) -> None:
    """Brings a fresh state to where the checkpoint left off.

    Args:
        state: From `bench.engine.train.start`; changed in place, whole or not at all.
        content: What `encode` made.
        key: The run's key.
        environment: The fingerprint: bits of two environments are never mixed in one run.

    Raises:
        Unusable: torn, of another run, or of another environment.
    """
    loaded = _load(content)
    for name, expected in (("key", key), ("environment", environment)):
        if loaded.get(name) != expected:
            raise Unusable(f"its {name} is {loaded.get(name)}, this run's is {expected}")
    try:
        epochs = msgspec.json.decode(loaded["epochs"], type=list[Epoch])
        state.network.load_state_dict(loaded["network"])
        load_moments(state.optimizer, loaded["optimizer"])
        if state.average:
            state.average.module.load_state_dict(loaded["average"])
    except (KeyError, TypeError, ValueError, RuntimeError, msgspec.MsgspecError) as error:
        raise Unusable(f"its content does not fit: {error}") from error
    state.epochs[:] = epochs


def _load(content: bytes) -> dict[str, Any]:
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file surfaces as many types
        raise Unusable(f"it cannot be read: {type(error).__name__}") from error
    if not isinstance(loaded, dict):
        raise Unusable("it is no checkpoint")
    return loaded
