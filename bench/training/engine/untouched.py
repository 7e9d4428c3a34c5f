"""A network changes nothing that its neighbours use: what it changes in its process comes back."""

from __future__ import annotations

import builtins
import contextlib
import copy
import inspect
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.errors import ArchitectureError
from bench.inputs import discover
from bench.inputs.discover import Found
from bench.inputs.own_file import contained
from bench.spec import Architecture
from bench.training.engine.settings import generators_kept, seed_global_generators

Owner = ModuleType | type
Bindings = list[tuple[Owner, dict[str, Any]]]
Switch = tuple[str, Callable[[], Any], Callable[[Any], Any]]

# What a network finds set, and would find set otherwise after a neighbour that sets it.
SETTINGS: tuple[Switch, ...] = (
    ("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    (
        "torch's default device",
        torch.get_default_device,
        lambda device: torch.set_default_device(None if device.type == "cpu" else device),
    ),
    ("whether torch computes gradients", torch.is_grad_enabled, torch.set_grad_enabled),
)
# A run's numerics decide these, so they are put back without a word.
SWITCHES: tuple[Switch, ...] = (
    ("", torch.get_num_threads, torch.set_num_threads),
    ("", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    ("", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    ("", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
)
TORCH = Path(torch.__file__).parent
COMPILER = TORCH / "_dynamo"
MODULES = (
    *(torch, nn.functional, nn.init, torch.fft, torch.linalg, torch.special, torch.autograd),
    *(np, np.random, builtins, copy, json, math, os, random, time),
)
CLASSES = (torch.Tensor, nn.Parameter, torch.Generator, np.random.RandomState)


def load(found: Found) -> Architecture:
    """`discover.load`; the file draws the same numbers in every process.

    Raises:
        ArchitectureError: as there; or the file changes what its neighbours use.
    """
    with untouched(found.name, found):
        seed_global_generators(0)
        return discover.load(found)


@contextmanager
def untouched(name: str, found: Found | Architecture, patience: float = 1.0) -> Iterator[None]:
    """What the network's code does to its process comes back: generators, switches, functions.

    Args:
        name: The network's.
        found: Its file.
        patience: As in `contained`.

    Raises:
        ArchitectureError: it changed a function or a setting that other networks use.
    """
    kept = generators_kept(torch.device("cpu"))
    with kept, contained(patience), _set_once(), neighbours_unchanged(name, found):
        yield


@contextmanager
def _set_once() -> Iterator[None]:
    """What torch lets a process set only once is left as it is: files are loaded more than once."""
    usual = torch.set_num_interop_threads
    torch.set_num_interop_threads = lambda _: None  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.set_num_interop_threads = usual


@contextmanager
def neighbours_unchanged(name: str, found: Found | Architecture) -> Iterator[None]:
    """The part of `untouched` that costs a run nothing: switches, settings and functions."""
    bindings, settings = _bindings(), [get() for _, get, _ in SETTINGS]
    switches = [get() for _, get, _ in SWITCHES]
    changes: list[str] = []
    try:
        yield
    finally:
        changes += _restored_settings(settings) + _restored_bindings(bindings)
        for (_, get, put), value in zip(SWITCHES, switches, strict=True):
            if get() != value:
                put(value)
    if changes:
        raise ArchitectureError(
            f"architecture '{name}': its code changes {changes[0]}, which other networks use",
            where=str(found.path),
            remedy="change only what the network itself owns, such as its modules and dtypes",
        )


def _restored_settings(before: list[Any]) -> list[str]:
    changed = []
    for (title, get, put), value in zip(SETTINGS, before, strict=True):
        if get() != value:
            put(value)
            changed.append(title)
    return changed


def _bindings() -> Bindings:
    """Functions and methods by the modules and classes that own them."""
    ours = [each for name, each in sys.modules.items() if name.split(".")[0] == "bench"]
    owners: list[Owner] = [*MODULES, *ours, *CLASSES]
    owners += [
        each
        for module in (nn, torch.optim, *ours)
        for each in vars(module).values()
        if isinstance(each, type) and (each.__module__ or "").split(".")[0] in ("torch", "bench")
    ]
    return [(owner, dict(vars(owner))) for owner in dict.fromkeys(owners)]


def _restored_bindings(before: Bindings) -> list[str]:
    changed = []
    for owner, bindings in before:
        for name, value in list(vars(owner).items()):
            if value is bindings.get(name) or _is_of_torch(name, value):
                continue
            if name in bindings:
                if not _is_code(bindings[name]):
                    continue
                setattr(owner, name, bindings[name])
            elif _hides_an_inherited(owner, name):
                delattr(owner, name)
            else:  # a name that torch does not have
                continue
            changed.append(f"{owner.__name__}.{name}")
        for name in bindings.keys() - vars(owner).keys():
            with contextlib.suppress(AttributeError, TypeError):
                setattr(owner, name, bindings[name])
            changed.append(f"{owner.__name__}.{name}")
    return changed


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, classmethod | staticmethod | property)


def _is_of_torch(name: str, value: Any) -> bool:
    """Whether torch itself has put it there, as its compiler and its scripts do when imported."""
    codes = [getattr(each, "__code__", None) for each in (value, inspect.unwrap(value))]
    files = [Path(code.co_filename) if code else Path() for code in codes]
    has_its_name = getattr(value, "__name__", "") == name
    return all(file.is_relative_to(TORCH if has_its_name else COMPILER) for file in files)


def _hides_an_inherited(owner: Owner, name: str) -> bool:
    inherited = owner.__mro__[1:] if isinstance(owner, type) else ()
    return any(_is_code(vars(each).get(name)) for each in inherited)
