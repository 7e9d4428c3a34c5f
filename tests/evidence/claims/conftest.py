"""The real networks, measured once: portraits as `bench measure` makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.inputs import discover
from bench.records.store import Suite
from bench.spec import Portrait
from tests.support import ROOT


@pytest.fixture(scope="session")
def portraits() -> list[Portrait]:
    """The README's three networks and the ablations of them."""
    import torch  # not by the tests of claims that measure nothing

    from bench.measuring.portraits import portrait
    from bench.training import provenance

    environment = provenance.environment(torch.device("cpu"), "python -m bench measure")
    place = ROOT / "architectures"
    found = [*discover.scan(place), *discover.scan(place, "ablations")]
    wanted = [each for each in found if each.name.startswith("model_")]
    return [portrait(discover.load(each), environment) for each in wanted]


@pytest.fixture
def results(portraits: list[Portrait], tmp_path: Path) -> Path:
    """A results folder whose suite `measured` holds those portraits and no run."""
    for each in portraits:
        Suite(tmp_path / "results", "measured").add_portrait(each)
    return tmp_path / "results"
