"""What several test files share: the real command in a subprocess, and small real data."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from msgspec.structs import replace

from bench.inputs import datasets
from bench.inputs.datasets import Dataset, Split
from tests import support

Bench = Callable[..., subprocess.CompletedProcess[str]]

# As hypothesis would set them, but no example fails for being slow: machines differ, and are busy.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs `python -m bench ...` in an empty folder."""
    return partial(support.bench, tmp_path)


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


@pytest.fixture
def write_architecture(tmp_path: Path) -> Callable[..., Path]:
    """`tests.support.write_architecture` in the empty folder."""
    return partial(support.write_architecture, tmp_path)
