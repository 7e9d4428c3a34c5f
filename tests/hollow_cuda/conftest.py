"""The hollow CUDA, built once a test session."""

from __future__ import annotations

import os

import pytest

from tests.hollow_cuda.build import CannotBuild, HollowCuda, build


@pytest.fixture(scope="session")
def hollow(tmp_path_factory: pytest.TempPathFactory) -> HollowCuda:
    """Skips where it cannot be built; in CI, which has all that it needs, the test fails."""
    try:
        return build(tmp_path_factory.mktemp("hollow_cuda"))
    except CannotBuild as error:
        if os.environ.get("CI"):
            pytest.fail(f"no hollow CUDA: {error}")
        pytest.skip(f"no hollow CUDA: {error}")
