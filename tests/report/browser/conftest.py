"""What the browser's tests share: a report with everything, a page made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.store import Suite
from tests import factories
from tests.report.browser import workbench
from tests.reports import render


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything: two data sets, a failed run, two environments, a gap."""
    folder = tmp_path_factory.mktemp("pages")
    suite = factories.fill(Suite(folder / "results", "local"), ["model_1", "model_2"])
    factories.fill(suite, ["model_3"], seeds=[0, 1, 2])
    suite.add_run(factories.record("model_3", 3, environment=factories.WORKSTATION), None)
    suite.add_run(factories.failed("model_3", 4), None)
    factories.fill(suite, ["model_1"], seeds=[0, 1], dataset=factories.MNIST5K)
    render(suite, folder / "reports", command="python -m bench report")
    return folder / "reports"


@pytest.fixture(scope="session")
def bench_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `workbench`."""
    path = tmp_path_factory.mktemp("workbench") / "workbench.html"
    path.write_text(workbench.html(), encoding="utf-8", newline="\n")
    return path
