"""The switches that a run sets, inside it and after it."""

from __future__ import annotations

import os

import pytest
import torch

from bench.spec import Numerics
from bench.training.engine.cpu.agreement import require_agreement
from bench.training.engine.settings import numerics_of
from tests.training.engine.test_run import Plain

CPU = torch.device("cpu")


def switches() -> tuple[bool, ...]:
    return (
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.are_deterministic_algorithms_enabled(),
    )


def numerics(tf32: bool) -> Numerics:
    return Numerics(memory_format="channels_last", tf32=tf32)


@pytest.mark.parametrize("outer", [True, False])
def test_switches_are_a_runs_inside_it_and_come_back(
    outer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":0:0")
    untouched = switches()
    with numerics_of(numerics(outer), CPU):
        torch.backends.cudnn.benchmark = outer
        before = switches()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert before == (outer, outer, outer, True)
        with numerics_of(numerics(not outer), CPU):
            assert switches() == (False, not outer, not outer, True)
        assert switches() == before
    assert switches() == untouched


def test_the_trial_of_a_rewriting_runs_as_a_run_does() -> None:
    """So the choice of path does not depend on what the process has set."""
    found = []

    class Watched(Plain):
        def __init__(self) -> None:
            super().__init__()
            tiny = torch.tensor([1e-40]) * 1.0  # a denormal number of float32
            found.append(
                (
                    torch.get_num_threads(),
                    torch.are_deterministic_algorithms_enabled(),
                    tiny.item(),
                )
            )

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        require_agreement(Watched, (1, 28, 28))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert found == [(1, True, 0.0)]
