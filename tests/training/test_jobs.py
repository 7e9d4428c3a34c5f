"""How many runs share a GPU."""

from __future__ import annotations

import pytest

from bench.training.jobs import seeds_at_once

GIB = 2**30


@pytest.mark.parametrize(
    ("gib", "n"), [(139.8, 32), (79.1, 32), (48.0, 32), (23.6, 15), (11.6, 7), (3.9, 2), (1.0, 1)]
)
def test_runs_share_a_gpu_by_its_memory(gib: float, n: int) -> None:
    """As the cards report it: somewhat less than their names promise."""
    assert seeds_at_once(int(gib * GIB)) == n
