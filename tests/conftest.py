"""What several test files share: the real command in a subprocess, and small real data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from bench import datasets
from bench.datasets import Dataset, Split
from tests.support import environment

Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs `python -m bench ...` in an empty folder."""

    def run(*words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench", *words],
            cwd=tmp_path,
            env=environment(**extra),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def small_data() -> Dataset:
    """600 training, 100 validation and 100 test digits, all real."""
    whole = datasets.load("mnist5k")
    every = np.arange(0, 3500, 5)
    train, rest = every[:600], every[600:]
    return Dataset(
        info=replace(whole.info, n_train=600, n_validation=100, n_test=100),
        train=Split(whole.train.images[train], whole.train.labels[train]),
        validation=Split(whole.train.images[rest], whole.train.labels[rest]),
        test=Split(whole.test.images[::10], whole.test.labels[::10]),
    )


TINY_NETWORK = '''
"""A network for tests, small enough to train in a second."""
import os
import signal
from torch import nn
from bench.spec import Recipe

RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=500)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, stride=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 10)

    def forward(self, images):
        {before}
        return {output}
'''


@pytest.fixture
def write_architecture(tmp_path: Path) -> Callable[..., Path]:
    """Writes architectures/NAME.py in the empty folder, a tiny network unless said otherwise."""

    def write(
        name: str,
        source: str | None = None,
        *,
        group: str = "",
        before: str = "pass",
        after: str = "",
        output: str = "self.head(self.pool(self.features(images)).flatten(1))",
    ) -> Path:
        path = tmp_path / "architectures" / group / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        tiny = TINY_NETWORK.replace("{before}", before).replace("{output}", output)
        path.write_text((tiny if source is None else source) + after, encoding="utf-8")
        return path

    return write
