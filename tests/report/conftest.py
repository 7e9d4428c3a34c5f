"""One report of the synthetic suite, for the many tests that only read it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import factories
from tests.reports import render


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite in `results` and its report in `reports`; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    suite = factories.suite(folder / "results")
    render(suite, folder / "reports", command="python -m bench report")
    return folder


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, for a test that changes something."""
    return Path(shutil.copytree(finished, tmp_path, dirs_exist_ok=True))
