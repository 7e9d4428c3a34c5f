"""Bytes: what training keeps in memory, and how large the network is as a file.

Convention: nothing here is timed and nothing depends on the machine; `bench measure` keeps timings
in records of their own. `_notes` says what each number counts. Activations include the batch of
images where a layer's gradient needs it. Files hold each tensor once; an integer keeps its size.
Source of the hooks: https://pytorch.org/docs/stable/autograd.html#saved-tensors-hooks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.measuring import subject
from bench.spec import Field, Measured, Recipe

FIELDS = (
    Field(name="activation_bytes", title="Activations", unit="bytes a batch", better="lower"),
    Field(name="training_bytes", title="Training memory", unit="bytes, estimate", better="lower"),
    Field(name="fp32_bytes", title="File, float32", unit="bytes", better="lower"),
    Field(name="int8_bytes", title="File, int8 weights", unit="bytes", better="lower"),
)
FLOAT_BYTES = 4


def measure(
    model: nn.Module, example: Tensor, components: Mapping[str, str], recipe: Recipe
) -> Measured:
    """Exact bytes of the activations and of the files, and the estimate of the peak.

    Raises:
        MeasureError: the model cannot be run on the batch in training mode.
    """
    parameters, buffers = list(model.parameters()), list(model.buffers())
    weights = sum(_floats(parameter) for parameter in parameters)
    trained = sum(_floats(parameter) for parameter in parameters if parameter.requires_grad)
    kept = sum(_floats(buffer) for buffer in buffers)
    activations = activation_bytes(model, example)
    n_copies, state = optimizer_state(recipe)
    values = {
        "activation_bytes": activations,
        "training_bytes": weights + kept + (1 + n_copies) * trained + activations,
        "fp32_bytes": weights + kept,
        "int8_bytes": sum(_reals(parameter) + FLOAT_BYTES for parameter in parameters) + kept,
    }
    return Measured(fields=FIELDS, values=values, notes=_notes(len(example), state))


def optimizer_state(recipe: Recipe) -> tuple[int, str]:
    """How many numbers the optimiser keeps for each trained parameter, and what they are."""
    if recipe.optimizer == "rmsprop":
        return 1 + recipe.centered + (recipe.momentum > 0), "RMSprop's averages"
    if recipe.optimizer != "sgd":
        return 2, "Adam's two averages"  # of the gradient and of its square
    return (1, "SGD's average") if recipe.momentum else (0, "")


def _notes(n_images: int, state: str) -> list[str]:
    return [
        f"training is of one batch of {n_images:,} images, in float32, as the network is written",
        (
            "activations: what autograd keeps for the backward pass, each storage once, without "
            "parameters and buffers"
        ),
        (
            f"training memory = parameters + their gradients + {f'{state} + ' if state else ''}"
            "buffers + activations; what an operator needs for a moment is left out"
        ),
        (
            "files: parameters and buffers without a format's header; int8 is 1 byte a parameter "
            "and a float32 scale for each of their tensors, buffers stay float32"
        ),
    ]


def _reals(tensor: Tensor) -> int:
    """Real numbers in the tensor: two in each complex one."""
    return tensor.numel() * (1 + tensor.is_complex())


def _floats(tensor: Tensor) -> int:
    """Bytes of the tensor; floating numbers count as float32."""
    size = FLOAT_BYTES if tensor.is_floating_point() else tensor.element_size()
    return tensor.numel() * size


def activation_bytes(model: nn.Module, example: Tensor) -> int:
    """Bytes of the storages that a training step's forward pass keeps for the backward pass.

    Raises:
        MeasureError: the model cannot be run on the example in training mode.
    """
    own = {_storage(tensor) for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, Tensor] = {}  # tensors that are held keep their addresses

    def keep(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in own:
            saved.setdefault(_storage(tensor), tensor.detach())
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with _in_training(model, example), torch.enable_grad(), hooks:
        try:
            model(example)
        except Exception as error:
            raise subject.forward_failed(error, example) from error
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


def _storage(tensor: Tensor) -> int:
    """The address of the tensor's memory: views of one storage share it."""
    return tensor.untyped_storage().data_ptr()


@contextmanager
def _in_training(model: nn.Module, example: Tensor) -> Iterator[None]:
    """Training mode with fixed draws inside; flags, generators and buffers restored after."""
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        with subject.at_rest(model, example):
            torch.manual_seed(0)  # a random branch goes the same way at every call
            model.train()
            yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
