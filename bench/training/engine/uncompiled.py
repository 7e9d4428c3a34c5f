"""Spares a process the import of torch's compiler: nothing here uses it, and it takes seconds."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

Kind = TypeVar("Kind", bound=Optimizer)


def without_compiler(owner: type) -> None:
    """Lets those methods of a class of torch's that its compiler is to leave alone run without it.

    At the first call of such a method torch imports the compiler, asks it for a form of the method
    that it leaves alone, and keeps that beside the method. Here the method itself is put there. A
    torch that looks elsewhere imports as before: time is lost and nothing else.

    Source: `torch/_compile.py`, `_disable_dynamo`.
    """
    for method in vars(owner).values():
        inner: Any = getattr(method, "__wrapped__", None)
        if inner is not None:
            inner.__dynamo_disable = inner


def stepping_without_compiler(kind: type[Kind]) -> type[Kind]:
    """The optimiser with its own step, less the wrapper that tells a compiler to pause there.

    What it inherits does without the compiler as well, in every optimiser of torch's.

    Source: `torch/optim/optimizer.py`, `_use_grad_for_differentiable`.
    """
    without_compiler(Optimizer)
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {"step": step})
