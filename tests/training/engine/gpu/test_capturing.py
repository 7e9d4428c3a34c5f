"""The trial of a capture, with what a CPU can show of it: agreement and errors of either half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.inputs import discover
from bench.spec import Architecture
from bench.training.engine.gpu.capturing import Half, Trial, Undecided, attempt
from tests.support import in_the_captured_half

CPU = torch.device("cpu")
Write = Callable[..., Path]


@pytest.fixture
def network(tmp_path: Path, write_architecture: Write) -> Callable[..., Architecture]:
    """A tiny network with these changes."""

    def load(**changes: str) -> Architecture:
        write_architecture("tiny", **changes)
        (found,) = discover.scan(tmp_path / "architectures")
        return discover.load(found)

    return load


def test_a_network_that_computes_the_same_twice_is_not_refused(
    network: Callable[..., Architecture],
) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    halves: list[Half] = []
    trial = attempt(network(), CPU, halves.append)
    assert trial.succeeded
    assert trial.seconds_per_step > 0
    assert halves == ["plain", "captured"]
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_whose_steps_differ_is_refused(network: Callable[..., Architecture]) -> None:
    """As a captured step differs that drew a number from Python or counted its calls."""
    changes = "type(self).calls = getattr(type(self), 'calls', 0) + 1"
    output = "self.head(self.pool(self.features(images)).flatten(1)) * type(self).calls"
    trial = attempt(network(before=changes, output=output), CPU)
    assert "computes another loss" in str(trial.refusal)
    assert trial.seconds_per_step > 0


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        ("self.calls = getattr(self, 'calls', 0) + 1", "calls"),
        ("import random; random.random()", "Python's random stream"),
        ("import numpy; numpy.random.rand()", "NumPy's random stream"),
    ],
)
def test_a_network_that_changes_something_on_the_host_is_refused(
    network: Callable[..., Architecture], before: str, changes: str
) -> None:
    """Even where its first steps are the same: a drop path may open after a thousand of them."""
    trial = attempt(network(before=before), CPU)
    assert trial.refusal == f"its forward changes {changes}; captured, it would not"


def test_an_error_of_the_captured_half_refuses_the_capture(
    network: Callable[..., Architecture],
) -> None:
    spoil = in_the_captured_half("raise ValueError('no captures\\nplease')")
    trial = attempt(network(before=spoil), CPU)
    assert trial.refusal == "ValueError: no captures"
    assert trial.seconds_per_step > 0  # as it is written


def test_an_error_of_the_plain_half_refuses_no_capture(
    network: Callable[..., Architecture],
) -> None:
    """Its runs fail on every path, with the same error in their records."""
    trial = attempt(network(before="raise ValueError('two\\nlines')"), CPU)
    assert trial == Trial(plain_error="ValueError: two")
    assert not trial.succeeded


DIVERGED = "images = images * float('nan')"


def test_a_network_that_diverges_on_noise_is_still_tried(
    network: Callable[..., Architecture],
) -> None:
    halves: list[Half] = []
    assert attempt(network(before=DIVERGED), CPU, halves.append).succeeded
    assert halves == ["plain", "captured"]


def test_a_network_that_diverges_captured_alone_is_refused(
    network: Callable[..., Architecture],
) -> None:
    trial = attempt(network(before=in_the_captured_half(DIVERGED)), CPU)
    assert str(trial.refusal).startswith("captured, it computes another loss: nan, not ")


@pytest.mark.parametrize("half", ["plain", "captured"])
@pytest.mark.parametrize(
    "error",
    [
        "RuntimeError('CUDA error: out of memory')",
        "RuntimeError('CUDA error: CUDA-capable device(s) is/are busy or unavailable')",
        "RuntimeError('exclusive-thread device already in use by a different thread')",
        "RuntimeError('CUDA error: uncorrectable ECC error encountered')",
        "RuntimeError('CUDA error: no kernel image is available for execution on the device')",
        "RuntimeError('cuDNN error: CUDNN_STATUS_NOT_INITIALIZED')",
        "RuntimeError('CUDA error: unspecified launch failure')",
        "RuntimeError('CUDA error: an illegal memory access was encountered')",
        "RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED')",
        "MemoryError()",
        "OSError('no space left')",
    ],
)
def test_an_error_of_the_device_decides_nothing(
    network: Callable[..., Architecture], half: Half, error: str
) -> None:
    fail = f"raise {error}"
    before = fail if half == "plain" else in_the_captured_half(fail)
    with pytest.raises(Undecided):
        attempt(network(before=before), CPU)


@pytest.mark.parametrize("half", ["plain", "captured"])
def test_an_operation_without_a_fixed_order_is_named(
    network: Callable[..., Architecture], half: Half
) -> None:
    """torch alerts to this one on a CPU, too."""
    alert = "images.clone().put_(images.new_zeros(1).long(), images.new_ones(1))"
    before = alert if half == "plain" else in_the_captured_half(alert)
    assert attempt(network(before=before), CPU) == Trial(nondeterministic="put_")
