"""Timings by their form, memory by hand; no clock is asserted."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from bench.inputs import discover
from bench.measuring import latency
from bench.measuring.measures import cost
from bench.records.observations import Timing
from bench.spec import Architecture, Environment
from bench.training import provenance
from tests.support import ROOT

HOST = torch.device("cpu")
FEW = {1: (1, 4), 3: (1, 2)}


@pytest.fixture(scope="module")
def architecture() -> Architecture:
    (found,) = [f for f in discover.scan_all(ROOT / "architectures") if f.name == "model_2"]
    return discover.load(found)


def environment(device: torch.device = HOST) -> Environment:
    return provenance.environment(device, "command")


def test_every_batch_size_is_timed_as_often_as_asked(architecture: Architecture) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    found = latency.measure(architecture, environment(), FEW)
    assert [(t.batch_size, t.n_repetitions) for t in found.timings] == [(1, 4), (3, 2)]
    for timing in found.timings:
        in_order = (
            0.0,
            timing.minimum_seconds,
            timing.lower_quartile_seconds,
            timing.median_seconds,
            timing.upper_quartile_seconds,
        )
        assert sorted(in_order) == list(in_order)
    assert (found.architecture, found.architecture_digest) == ("model_2", architecture.digest)
    assert (found.n_threads, found.training_peak_of) == (1, "tensors")
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_measured_training_memory_is_at_least_what_must_be_there(
    architecture: Architecture,
) -> None:
    images = torch.zeros(architecture.recipe.batch_size, 1, 28, 28)
    kept = cost.measure(architecture.build(), images, {}, architecture.recipe).values
    found = latency.measure(architecture, environment(), {1: (0, 1)})
    assert found.training_batch_size == architecture.recipe.batch_size
    assert found.training_peak_bytes >= kept["activation_bytes"]
    assert found.training_peak_bytes < 1.5 * kept["training_bytes"]


def test_throughput_is_of_the_median_call() -> None:
    timing = Timing(
        batch_size=1000,
        n_repetitions=3,
        median_seconds=0.25,
        lower_quartile_seconds=0.2,
        upper_quartile_seconds=0.3,
        minimum_seconds=0.1,
    )
    assert timing.images_per_second == 4000


def test_the_peak_counts_what_is_alive_at_once_by_hand() -> None:
    network = nn.Linear(10, 1, bias=False)  # 40 bytes

    def step() -> None:
        first = torch.zeros(100)  # 400 bytes
        second = first + 1  # and 400
        view = second[:50]  # of the same storage
        del first, second
        third = view + 1  # 200 more, but the first 400 are gone
        del view, third
        torch.zeros(150)  # 600 alone

    assert latency.peak_bytes(step, network, HOST) == 40 + 800


@pytest.mark.parametrize(
    ("changes", "n_copies"),
    [
        ({"optimizer": "adamw"}, 2),
        ({"optimizer": "sgd"}, 1),
        ({"optimizer": "sgd", "schedule": "cosine", "momentum": 0.0}, 0),
    ],
)
def test_the_peak_holds_the_recipes_optimiser(
    architecture: Architecture, changes: dict[str, Any], n_copies: int
) -> None:
    """7,840 weights of 4 bytes, their gradients and the averages are alive beside one image."""
    recipe = replace(architecture.recipe, **changes)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10, bias=False))
    step = latency._step(replace(architecture, recipe=recipe), network, torch.zeros(1, 1, 28, 28))
    known = 31_360 * (2 + n_copies) + 4 * 784
    assert 0 <= latency.peak_bytes(step, network, HOST) - known < 1_000  # scores, loss, step counts


def test_the_first_step_is_no_part_of_the_peak() -> None:
    calls = []

    def step() -> None:
        calls.append(torch.zeros(1000 if not calls else 10).sum())

    network = nn.Linear(1, 1, bias=False)
    assert latency.peak_bytes(step, network, HOST) == 4 + 4 + 40 + 4  # the first sum stays


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_its_allocators_account(architecture: Architecture) -> None:
    found = latency.measure(architecture, environment(torch.device("cuda")), FEW)
    assert found.training_peak_of == "allocator"
    assert found.training_peak_bytes > 0
