"""What several test files share: the real command in a subprocess, and small real data."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from msgspec.structs import replace

from bench.inputs import datasets
from bench.inputs.datasets import Dataset, Split
from tests import quick, support

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Bench = Callable[..., subprocess.CompletedProcess[str]]

# As hypothesis would set them, but no example fails for being slow: machines differ, and are busy.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


# The files that take longest, longest first: one begun last would keep the other cores idle.
LONGEST = (
    "test_interruption.py",
    *("test_packaging.py", "cli/test_cli.py", "training/reproduction/test_reproduce.py"),
    "test_readme.py",
    "cli/test_any_data.py",
    "training/executors/test_dask.py",
    *("hollow_cuda/test_runs.py", "hollow_cuda/test_networks.py"),
    *("training/executors/test_device.py", "measuring/test_observing.py"),
    *("training/executors/test_memory.py", "cli/test_bad_input.py"),
    *("report/test_report.py", "report/figures/test_figures.py", "report/test_fragments.py"),
)


def pytest_configure(config: pytest.Config) -> None:
    # With xdist the tests run in its workers, which the process that was started must begin.
    runs_tests = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
    if quick.is_asked_for(config) and runs_tests:
        quick.forbid()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if quick.is_asked_for(config) and not quick.is_quick_path(collection_path):
        return True
    return None


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if quick.is_quick(item):
            item.add_marker("quick")
    places = {quick.TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def _server_ends() -> Iterator[None]:
    yield
    if support.server.cache_info().currsize:
        support.server().end()


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


@pytest.fixture(scope="session")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The reference report, rendered from the committed records."""
    from bench.machine import usable_cores  # only these tests need what draws
    from bench.records.store import Suite
    from tests.reports import render

    # Beside the committed report, so that links to records read the same.
    name = f"rebuilt-{tmp_path_factory.mktemp('report').name}-{os.getpid()}"
    folder = support.ROOT / "reports" / name
    command = "python -m bench report --suite reference --reports reports/reference"
    try:
        suite = Suite(support.ROOT / "results", "reference")
        render(suite, folder, command=command, n_cores=usable_cores())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one Chromium of a process: Playwright refuses a second one beside it."""
    from tests.report.browser.opening import launched  # most tests open no browser

    with launched() as browser:
        yield browser
