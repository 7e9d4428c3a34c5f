"""Whether a network's step can be captured: it is trained on noise, launch by launch and captured.

A capture that fails may leave torch's allocator and the device's context unusable, so a trial is
made in a process of its own: see `bench.training.engine.gpu.trial_processes`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Literal

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn

from bench.errors import StoreError
from bench.inputs.image_data import Dataset, Split, stored_shape
from bench.spec import Architecture, DatasetInfo, Frozen, NonNegative, Numerics, RunSpec
from bench.training.engine.data import DeviceData, prepare
from bench.training.engine.gpu.turns import in_steps
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import Diverged, start

N_FULL_STEPS, N_LEFT_OVER = 6, 3  # of an epoch: batches, and images in the short one
N_EPOCHS = 2  # the first one warms up; the second one is timed
RELATIVE_TOLERANCE = 1e-3  # of losses in float32; a step that is not the same is off by far more
OUT_OF_MEMORY = ("outofmemory", "out of memory", "alloc_failed")
# What CUDA and its libraries say of a device that is held by others, broken or not supported.
UNUSABLE = (
    *("busy or unavailable", "already in use", "mps ", "no cuda-capable device"),
    *("uncorrectable", "unknown error", "initialization error", "not_initialized"),
    *("no kernel image", "driver version", "not yet initialized", "execution_failed"),
    *("launch failure", "illegal memory access", "launch timed out", "misaligned address"),
)
NO_FIXED_ORDER = " does not have a deterministic implementation"  # in torch's words

Half = Literal["plain", "captured"]


class Undecided(Exception):
    """The trial tells of the device and its other users, not of the network."""


class Trial(Frozen, frozen=True, kw_only=True):
    """What the trial of a network found on a device."""

    refusal: str | None = None  # why its steps cannot be captured
    nondeterministic: str | None = None  # an operation of it that no GPU computes in a fixed order
    plain_error: str | None = None  # the network's own, of steps that were not captured
    seconds_per_step: NonNegative = 0.0  # of a run that trains alone; 0 where it did not finish

    @property
    def succeeded(self) -> bool:
        """Whether the steps were trained captured, and computed the same."""
        return not (self.refusal or self.nondeterministic or self.plain_error)


def is_out_of_memory(reason: str) -> bool:
    """Whether an error's type and text tell of missing memory.

    PyTorch's own allocator raises an OutOfMemoryError; CUDA, cuDNN and cuBLAS, which allocate
    beside it, surface as a RuntimeError with "out of memory" or "..._ALLOC_FAILED" in its text.
    """
    return any(sign in reason.lower() for sign in OUT_OF_MEMORY)


def attempt(
    architecture: Architecture,
    device: torch.device,
    on_half: Callable[[Half], None] = lambda _: None,
) -> Trial:
    """Trains two short epochs on noise twice, launch by launch and captured, and compares.

    Only what goes wrong in the captured half alone refuses a capture. An error of the network
    itself comes in the plain half; then its runs fail on any path, and record how.

    Args:
        architecture: The network, with the recipe of its file.
        device: On a CPU both halves are launched one by one.
        on_half: Called before each half.

    Raises:
        Undecided: the device has no memory left, is held by others or is broken.
    """
    spec, dataset = _on_noise(architecture, device)
    with numerics_of(spec.numerics, device):
        on_half("plain")
        changed: set[str] = set()
        try:
            data = prepare(dataset, spec, device)
            losses, seconds = _trained(architecture, spec, data, changed)
        except Exception as error:
            return _stopped(error, "plain_error")
        on_half("captured")
        try:
            found, captured_seconds = _trained(architecture, spec, data, None)
        except Exception as error:
            return _stopped(error, "refusal", seconds)
    refusal = _difference(losses, found)
    if changed:
        refusal = f"its forward changes {', '.join(sorted(changed))}; captured, it would not"
    return Trial(refusal=refusal, seconds_per_step=seconds if refusal else captured_seconds)


def _stopped(
    error: Exception, field: Literal["plain_error", "refusal"], seconds: float = 0.0
) -> Trial:
    """What an error that ended a half means.

    Raises:
        Undecided: it is none of the network's.
    """
    reason = _first_line(error)
    if NO_FIXED_ORDER in reason:
        return Trial(nondeterministic=reason.split(NO_FIXED_ORDER)[0].split()[-1])
    trouble = isinstance(error, MemoryError | OSError | StoreError)
    if trouble or is_out_of_memory(reason) or any(sign in reason.lower() for sign in UNUSABLE):
        raise Undecided(reason) from error
    return Trial(**{field: reason, "seconds_per_step": seconds})  # type: ignore[arg-type]


def _first_line(error: Exception) -> str:
    """The error's type, and its text without the advice that CUDA's errors go on with."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".removesuffix(": ")


def _trained(
    architecture: Architecture, spec: RunSpec, data: DeviceData, changed: set[str] | None
) -> tuple[list[float], float]:
    """The losses of training and validation, and the seconds of a step of the last epoch.

    Where the loss stops being finite, the other losses are not numbers and no time is known: to
    diverge on noise is no fault of a network.

    Args:
        changed: Of the plain half: it gets what a call of the network changes on the host. None:
            the half is captured, on a GPU.
    """
    device = data.train.images.device
    state = start(architecture, spec, device)
    is_captured = changed is None and device.type == "cuda"
    watched = nullcontext() if changed is None else _watched(state.network, device, changed)
    with watched, suppress(Diverged):
        for _ in in_steps(state, data, spec, capture=is_captured):
            pass
    losses = [
        loss
        for each in state.epochs
        for loss in (each.train_loss, each.validation_loss)
        if loss is not None
    ]
    losses += [math.nan] * (2 * N_EPOCHS - len(losses))
    is_whole = len(state.epochs) == N_EPOCHS
    seconds = (state.epochs[-1].train_seconds or 0.0) if is_whole else 0.0
    return losses, seconds / N_FULL_STEPS


@contextmanager
def _watched(network: nn.Module, device: torch.device, changed: set[str]) -> Iterator[None]:
    """Meanwhile it collects what each call of the network changes on the host."""
    before: dict[str, object] = {}

    def remember(*_: object) -> None:
        before.update(_on_host(network, device))

    def compare(*_: object) -> None:
        after = _on_host(network, device)
        changed.update(
            name for name in before.keys() | after if before.get(name) != after.get(name)
        )

    hooks = [network.register_forward_pre_hook(remember), network.register_forward_hook(compare)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _on_host(network: nn.Module, device: torch.device) -> dict[str, object]:
    """The host's random streams, and the numbers and words that modules keep; by their names."""
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is meant
    found: dict[str, object] = {
        "Python's random stream": random.getstate(),
        "NumPy's random stream": (numpy["state"]["pos"], numpy["state"]["key"].tobytes()),
    }
    if device.type != "cpu":  # there dropout draws from it, as it may
        found["torch's random stream of the host"] = torch.get_rng_state().numpy().tobytes()
    for name, module in network.named_modules():
        for key, value in vars(module).items():
            if key != "training" and isinstance(value, int | float | str):
                found[f"{name}.{key}".removeprefix(".")] = value
    return found


def _difference(plain: list[float], captured: list[float]) -> str | None:
    """How the losses differ; None where they agree. Two that are not finite agree."""
    for one, other in zip(plain, captured, strict=True):
        both_diverged = not (math.isfinite(one) or math.isfinite(other))
        if not both_diverged and not math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE):
            return f"captured, it computes another loss: {other:g}, not {one:g}"
    return None


def _on_noise(architecture: Architecture, device: torch.device) -> tuple[RunSpec, Dataset]:
    """Two epochs on noise."""
    n_images = N_FULL_STEPS * architecture.recipe.batch_size + N_LEFT_OVER
    draw = np.random.default_rng(0)
    shape, n_classes = architecture.input_shape, architecture.n_classes
    images = draw.integers(256, size=(n_images, *stored_shape(shape)), dtype=np.uint8)
    split = Split(images, draw.integers(n_classes, size=n_images))
    info = DatasetInfo(
        name="noise",
        digest="",
        n_train=n_images,
        n_validation=n_images,
        n_test=n_images,
        split_seed=0,
        shape=shape,
        n_classes=n_classes,
    )
    spec = RunSpec(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        recipe=replace(architecture.recipe.with_epochs(N_EPOCHS), unaugmented_epochs=0),
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
