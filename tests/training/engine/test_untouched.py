"""A file that changes what other networks use is refused by name, and the change comes back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import bench.training.engine.train  # noqa: F401 - as in every command that runs a network
from bench.errors import ArchitectureError
from bench.inputs.discover import Found
from bench.training.engine.untouched import load, untouched

Write = Callable[..., Path]

CHANGES = {  # what the file does -> what the refusal names
    "torch.set_default_dtype(torch.float64)": "torch's default dtype",
    "torch.set_default_device('meta')": "torch's default device",
    "torch.set_grad_enabled(False)": "whether torch computes gradients",
    "F.cross_entropy = F.nll_loss": "torch.nn.functional.cross_entropy",
    "torch.Tensor.argmax = lambda self, **kw: self": "Tensor.argmax",
    "nn.Conv2d.__call__ = lambda self, x: x": "Conv2d.__call__",
    "del F.relu": "torch.nn.functional.relu",
    "random.random = lambda: 0.5": "random.random",
    "import numpy; numpy.mean = lambda a: 0": "numpy.mean",
    "import time; time.perf_counter = lambda: 0.0": "time.perf_counter",
    "torch.optim.Adam.step = lambda self: None": "Adam.step",
    "import bench.training.engine.train as t; t.descend = print": r"bench\..*train\.descend",
    "import bench.spec; bench.spec.Recipe.with_epochs = print": "Recipe.with_epochs",
}


@pytest.mark.parametrize("statement", CHANGES)
def test_a_change_is_refused_and_comes_back(write_architecture: Write, statement: str) -> None:
    head = "import random, torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    path = write_architecture("tiny", after=f"\n{head}{statement}\n")
    used = functional.cross_entropy, torch.Tensor.argmax, functional.relu, random.random
    with pytest.raises(ArchitectureError, match=CHANGES[statement]) as refused:
        load(Found("tiny", "", path))
    assert refused.value.where == str(path)
    assert torch.get_default_dtype() is torch.float32
    assert torch.zeros(1).device.type == "cpu"
    assert torch.is_grad_enabled()
    now = functional.cross_entropy, torch.Tensor.argmax, functional.relu, random.random
    assert now == used
    assert "__call__" not in vars(nn.Conv2d)


def test_generators_and_switches_come_back_without_a_word() -> None:
    found = Found("tiny", "", Path("tiny.py"))
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    with untouched("tiny", found):
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        torch.use_deterministic_algorithms(True)
        for _ in range(2):  # torch lets a process set them only once
            torch.set_num_interop_threads(torch.get_num_interop_threads() + 1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
    assert torch.get_deterministic_debug_mode() == 0


def test_what_a_file_draws_is_the_same_in_every_process(write_architecture: Write) -> None:
    path = write_architecture(
        "tiny", after="\nimport random\nDISPLAY_NAME = str(random.random())\n"
    )
    names = set()
    for seed in (1, 2):
        random.seed(seed)
        names.add(load(Found("tiny", "", path)).display_name)
    assert names == {"0.8444218515250481"}  # CPython's first number after seed 0


def test_what_torch_itself_replaces_is_no_change() -> None:
    """Its compiler replaces functions of torch's at its first use."""
    with untouched("tiny", Found("tiny", "", Path("tiny.py"))):
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))
