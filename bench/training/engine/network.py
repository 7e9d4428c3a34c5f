"""Building an architecture's network and checking that it can be trained here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bench.errors import ArchitectureError
from bench.inputs.own_file import line_in
from bench.records.store import digest_of_tensors, named_bytes
from bench.spec import Architecture
from bench.training.engine.modes import in_mode
from bench.training.engine.settings import seed_global_generators
from bench.training.engine.streams import stream_seed
from bench.training.engine.untouched import untouched

UNKNOWN_TO_NUMPY = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)


def initialised(architecture: Architecture, seed: int) -> nn.Module:
    """The network with the initial weights of that seed; the global generators move."""
    seed_global_generators(stream_seed(seed, "init"))
    network = architecture.build()
    assert isinstance(network, nn.Module)
    if any(is_lazy(parameter) for parameter in network.parameters()):
        with in_mode(network, training=False), torch.no_grad():
            network(torch.zeros(1, *architecture.input_shape))  # its sizes are an image's
    # Recorded values are copied into them.
    give_own_memory(network, repeating_memory(network.named_buffers()))
    return network


def require_trainable(architecture: Architecture) -> int:
    """Builds the network, feeds it two blank images, and counts its parameters.

    Returns:
        The number of parameters, shared ones once.

    Raises:
        ArchitectureError: no module, an error in forward, a wrong output, or a change of what
            other networks use.
    """
    n_classes, doing = architecture.n_classes, "when it is built"
    if isinstance(architecture.build, nn.Module):
        what = "Network is a network that is built already, and each run needs a new one"
        raise _error(architecture, what, "make it a class, or a function that returns a new one")
    try:
        with untouched(architecture.name, architecture):
            network = architecture.build()
            if not isinstance(network, nn.Module):
                what, remedy = "Network is no torch.nn.Module", "derive it from nn.Module"
                raise _error(architecture, what, remedy)
            doing = "in forward"
            output = _of_blank_images(architecture, network)
    except ArchitectureError:
        raise
    except (Exception, SystemExit) as error:
        raise ArchitectureError(
            f"architecture '{architecture.name}': {type(error).__name__} {doing}: {error}",
            where=line_in(error, architecture.path),
            remedy="mend its Network class",
        ) from error
    if not isinstance(output, Tensor):
        raise _error(
            architecture,
            f"output is a {type(output).__name__}, not a tensor",
            f"return one tensor (n, {n_classes})",
        )
    if output.shape != (2, n_classes):
        raise _error(
            architecture,
            f"output shape {tuple(output.shape)} for 2 images",
            f"return (2, {n_classes}), one logit or log-probability a class, or set CLASSES",
        )
    return sum(parameter.numel() for parameter in network.parameters())


def gives_probabilities(architecture: Architecture) -> bool:
    """Whether a trainable network ends in a softmax, judged by its answers to two blank images.

    Cross-entropy takes the softmax of what a network returns; here it would be the second.
    """
    with torch.random.fork_rng(devices=[]):
        output = _of_blank_images(architecture, architecture.build())
    return bool((output >= 0).all()) and torch.allclose(output.sum(dim=1), torch.ones(len(output)))


@torch.no_grad()
def _of_blank_images(architecture: Architecture, network: nn.Module) -> Any:
    network.eval()  # a network's own `train` need not return it
    return network(torch.zeros(2, *architecture.input_shape))


def weights_bytes(network: nn.Module) -> bytes:
    """The weights and buffers as safetensors, contiguous and on the host.

    One that shares its memory with another is written as a copy: the format knows no views.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in named_tensors(network)}
    shared = {name for names in sharing_memory(network) for name in names}
    return save({name: each.clone() if name in shared else each for name, each in state.items()})


def sharing_memory(network: nn.Module) -> list[tuple[str, ...]]:
    """The names of each group of parameters and buffers that are views of one memory."""
    by_memory: dict[tuple[torch.device, int], list[str]] = {}
    for name, value in named_tensors(network):
        if value.numel() and not is_lazy(value):
            memory = (value.device, value.untyped_storage().data_ptr())
            by_memory.setdefault(memory, []).append(name)
    return [tuple(names) for names in by_memory.values() if len(names) > 1]


def tied_parameters(network: nn.Module) -> list[tuple[str, ...]]:
    """Those groups of `sharing_memory` that hold a parameter."""
    parameters = dict(network.named_parameters())
    return [names for names in sharing_memory(network) if not parameters.keys().isdisjoint(names)]


def repeating_memory(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    """The names of the tensors, such as expanded ones, of which two values lie in one place."""
    return [
        name
        for name, tensor in tensors
        if tensor.layout == torch.strided
        and not is_lazy(tensor)
        and any(
            size > 1 and stride == 0
            for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
        )
    ]


def give_own_memory(network: nn.Module, names: Iterable[str]) -> None:
    """Makes a copy of each of these buffers, so that it can be written; parameters stay."""
    for name in names:
        owner, _, leaf = name.rpartition(".")
        buffers = network.get_submodule(owner)._buffers
        if (buffer := buffers.get(leaf)) is not None:
            buffers[leaf] = buffer.clone(memory_format=torch.contiguous_format)


def weights_sha256(network: nn.Module) -> str:
    """64 hex digits over names, shapes and bytes of the weights and buffers, sorted by name."""
    return digest_of_tensors(tensor_bytes(*each) for each in sorted(named_tensors(network)))


def tensor_bytes(name: str, value: Tensor) -> bytes:
    """A weight's or buffer's name, type, shape and values, whatever its memory format."""
    plain = value.detach().cpu().contiguous()
    kind = str(plain.dtype).removeprefix("torch.")
    if plain.dtype in UNKNOWN_TO_NUMPY:
        plain = plain.view(torch.uint8 if plain.itemsize == 1 else torch.int16)
    return named_bytes(name, kind, value.shape, plain.numpy().tobytes())


def named_tensors(network: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers, those that `state_dict` leaves out too; shared ones once."""
    return [*network.named_parameters(), *network.named_buffers()]


def _error(architecture: Architecture, what: str, remedy: str) -> ArchitectureError:
    return ArchitectureError(
        f"architecture '{architecture.name}': {what}", where=str(architecture.path), remedy=remedy
    )
