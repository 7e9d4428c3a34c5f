"""A file of weights that somebody gives: read without executing it, and put into a network."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from bench.errors import WeightsError, in_one_line
from bench.machine import MOST_STATE_BYTES, read_plain
from bench.spec import digest

# A checkpoint's entry that holds the weights, as training scripts name it.
ENTRIES = ("state_dict", "model_state_dict")
# What DataParallel and torch.compile put before the names of a network's own tensors.
PREFIXES = ("module.", "_orig_mod.")
# BatchNorm's count of batches: files from before torch 0.4.1 lack it, and no answer depends on it.
OPTIONAL = re.compile(r"(^|\.)num_batches_tracked$")
# torch's words on a pickle that would run code.
REFUSED = re.compile(r"(?:GLOBAL|Unsupported class) ([\w.]+)")
MOST_NAMED = 3
LONGEST_NAME = 60  # characters of a name from a file
SAVE_ANEW = "save the weights alone, where you trust the file: torch.save(net.state_dict(), FILE)"
COMPLETE = "give a complete .safetensors, or what torch.save made of a state dict"


@dataclass(frozen=True)
class GivenWeights:
    """A file of weights.

    Attributes:
        path: The file.
        sha256: 64 hex digits over its bytes.
        tensors: Name -> values, without a wrapper's prefix.
    """

    path: Path
    sha256: str
    tensors: Mapping[str, Tensor]


def read(path: Path) -> GivenWeights:
    """The tensors of a safetensors file, or of a state dict that `torch.save` wrote.

    Raises:
        WeightsError: it cannot be read, would run code, or holds no state dict.
    """
    try:
        content = read_plain(path, MOST_STATE_BYTES)
    except OSError as error:
        what = f"cannot read weights: {error.strerror}"
        raise _error(what, path, "name the file with --weights") from error
    # The length of a header in eight bytes, and then its JSON; a zip archive, or a bare pickle.
    is_pickled = content.startswith((b"PK", b"\x80"))
    is_safetensors = content[8:9] == b"{" or (path.suffix == ".safetensors" and not is_pickled)
    loaded = _safetensors(content, path) if is_safetensors else _pickled(content, path)
    return GivenWeights(path, digest(content), _without_prefix(_state(loaded, path)))


def _safetensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return load_safetensors(content)
    except (SafetensorError, KeyError, ValueError) as error:
        what = f"damaged or cut short: {in_one_line(error)}"
        raise _error(what, path, COMPLETE) from error


def _pickled(content: bytes, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats, which are read all the same
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file surfaces as many types
        if found := REFUSED.search(str(error)):
            what = f"reading it would run code: it names {found[1]}, which is no tensor"
            raise _error(what, path, SAVE_ANEW) from error
        if "TorchScript" in str(error):
            what = "it is a TorchScript program, and reading it would run code"
            raise _error(what, path, SAVE_ANEW) from error
        what = "damaged, cut short or no file of weights"
        raise _error(f"{what}: {type(error).__name__}", path, COMPLETE) from error


def _state(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The state dict itself, or the one in a checkpoint."""
    inner = loaded
    if isinstance(loaded, Mapping):
        entries = (loaded[name] for name in ENTRIES if isinstance(loaded.get(name), Mapping))
        inner = next(entries, loaded)
    if not isinstance(inner, Mapping):
        what = f"it holds a {type(loaded).__name__}, no state dict"
        raise _error(what, path, SAVE_ANEW)
    others = [name for name, value in inner.items() if not isinstance(value, Tensor)]
    if others or not inner:
        what = f"no tensors: {_few(others)}" if others else "it holds no weights"
        raise _error(what, path, f"{SAVE_ANEW}; or put the state dict under '{ENTRIES[0]}'")
    return {str(name): value for name, value in inner.items()}


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES * 2:  # one wrapper may lie in the other
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def put_into(network: nn.Module, weights: GivenWeights) -> None:
    """Copies the values into the network's parameters and buffers; a misfit changes nothing.

    Raises:
        WeightsError: names, shapes or types that do not fit, the first few named.
    """
    own = _own(network)
    given = _named_as_in(own, weights.tensors)
    if problems := list(_misfits(network, own, given)):
        raise _error(
            f"the weights do not fit {type(network).__name__}: {'; '.join(problems)}",
            weights.path,
            "give the weights of this network, or name its layers as the file does",
        )
    with torch.no_grad():
        for name, value in given.items():
            own[name].copy_(value)


def _own(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers under every name, also the buffers that no state dict holds."""
    parameters = network.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(network.named_buffers(remove_duplicate=False))}


def _named_as_in(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The given tensors; the prefix stays where the network's own names begin with it."""
    prefix = next((p for p in PREFIXES if own and all(n.startswith(p) for n in own)), "")
    return {f"{prefix}{name}": value for name, value in given.items()} if prefix else given


def _misfits(
    network: nn.Module, own: Mapping[str, Tensor], given: Mapping[str, Tensor]
) -> Iterable[str]:
    """What does not fit, each kind in a few words."""
    held = {id(own[name]) for name in given.keys() & own.keys()}  # a shared tensor once
    missing = [
        name
        for name in network.state_dict()
        if name in own and id(own[name]) not in held and not OPTIONAL.search(name)
    ]
    if missing:
        yield f"the file lacks {_few(missing)}"
    if unknown := [name for name in given if name not in own]:
        yield f"the network lacks {_few(unknown)}"
    if unlike := [
        _unlike(n, own[n], given[n]) for n in given if n in own and _differ(own, given, n)
    ]:
        yield _few(unlike, quoted=False)
    first: dict[int, str] = {}
    for name in given:
        if name in own:
            other = first.setdefault(id(own[name]), name)
            if other != name and not torch.equal(given[other], given[name]):
                yield f"{_few([other, name])} are one tensor of the network, and two in the file"


def _differ(own: Mapping[str, Tensor], given: Mapping[str, Tensor], name: str) -> bool:
    ours, theirs = own[name], given[name]
    return ours.shape != theirs.shape or _sort(ours) != _sort(theirs)


def _sort(tensor: Tensor) -> tuple[bool, bool]:
    """Copies inside one sort of numbers keep their meaning: float64 becomes float32."""
    return tensor.is_floating_point(), tensor.is_complex()


def _unlike(name: str, ours: Tensor, theirs: Tensor) -> str:
    said = [
        f"{tuple(each.shape)}{'' if _sort(ours) == _sort(theirs) else f' {each.dtype}'}"
        for each in (theirs, ours)
    ]
    return f"{_few([name])} is {said[0]} in the file and {said[1]} in the network"


def _few(names: Iterable[Any], quoted: bool = True) -> str:
    """The first few, and how many more; `repr` shows what no terminal should be sent."""
    every = [repr(str(name)[:LONGEST_NAME]) if quoted else str(name) for name in names]
    more = f" and {len(every) - MOST_NAMED:,} more" if len(every) > MOST_NAMED else ""
    return f"{', '.join(every[:MOST_NAMED])}{more}"


def _error(what: str, path: Path, remedy: str) -> WeightsError:
    return WeightsError(what, where=str(path), remedy=remedy)
