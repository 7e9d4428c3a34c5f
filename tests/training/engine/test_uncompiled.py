"""torch's compiler is never imported, and the optimisers that do without it step as torch's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from bench.training.engine.uncompiled import stepping_without_compiler

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]

# Every process that takes a step of training says there whether the compiler is imported: workers,
# and the command itself, to tell how long the rest will take or what memory a step takes.
TELLING = """
import sys
from torch.optim.optimizer import register_optimizer_step_pre_hook

def _tell(*_):
    if "torch._dynamo" in sys.modules:
        print("torch's compiler was imported", file=sys.stderr)

register_optimizer_step_pre_hook(_tell)
"""


def test_no_process_of_a_command_imports_the_compiler(
    bench: Bench, write_architecture: Write
) -> None:
    write_architecture("tiny", after=TELLING)
    done = bench("train", "--dataset", "mnist5k", "--arch", "tiny", "--seeds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 of 1 runs, all done" in done.stdout


def test_measuring_a_step_imports_no_compiler(bench: Bench, write_architecture: Write) -> None:
    write_architecture("tiny", after=TELLING)
    done = bench("measure", "--arch", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert "images and median" in done.stdout


KINDS: list[tuple[Any, Any]] = [
    (Adam, {"weight_decay": 0.1}),
    (AdamW, {"weight_decay": 0.1}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
]


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_a_step_has_the_bits_and_the_hooks_of_torchs_own(kind: Any, settings: Any) -> None:
    ended = []
    for each in (kind, stepping_without_compiler(kind)):
        torch.manual_seed(0)
        network, images = nn.Linear(5, 3), torch.rand(7, 5)
        optimizer = each(network.parameters(), lr=0.1, fused=True, **settings)
        steps: list[Optimizer] = []
        optimizer.register_step_pre_hook(lambda own, *_, steps=steps: steps.append(own))
        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            network(images).square().mean().backward()
            optimizer.step()
        assert steps == [optimizer] * 3
        assert isinstance(optimizer, kind)
        ended.append(network.weight)
    assert torch.equal(*ended)
