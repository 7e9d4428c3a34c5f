"""The running average against a loop written by hand, in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from bench.spec import Recipe
from bench.training.engine.average import Average
from bench.training.engine.schedule import average_weights


class Small(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten())


def walk(network: nn.Module, stream: torch.Generator) -> None:
    """A step of training as the average sees it: every tensor moves, the batches are counted."""
    with torch.no_grad():
        for value in [*network.parameters(), *network.buffers()]:
            if value.is_floating_point():
                value += torch.randn(value.shape, generator=stream, dtype=value.dtype)
    network[1].num_batches_tracked += 1


def test_it_is_the_loop_written_by_hand() -> None:
    recipe = Recipe(peak_learning_rate=0.1, warmup_fraction=0.1, ema_decay=0.7)
    network = Small().double()
    average = Average(network)
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    stream = torch.Generator().manual_seed(1)
    for t, weight in enumerate(average_weights(recipe, 30).tolist(), start=1):
        walk(network, stream)
        average.update(weight)
        decay = min(0.7, (1 + t) / (10 + t))
        for name, value in network.state_dict().items():
            if name == "1.num_batches_tracked":
                expected[name] = torch.tensor(t)
            else:
                expected[name] = decay * expected[name] + (1 - decay) * value
    found = average.module.state_dict()
    assert found.keys() == expected.keys()
    assert len(found) == 7
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=1e-12, atol=1e-12), name


def test_it_leaves_the_network_and_its_gradients_alone() -> None:
    network = Small()
    before = copy.deepcopy(network.state_dict())
    average = Average(network)
    network(torch.ones(2, 1, 5, 5)).sum().backward()
    gradient = network[0].weight.grad.clone()
    average.update(0.5)
    assert torch.equal(network[0].weight.grad, gradient)
    assert torch.equal(network[0].weight, before["0.weight"])
    assert average.module[0].weight.grad is None
    mine = {value.data_ptr() for value in average.module.parameters()}
    assert mine.isdisjoint(value.data_ptr() for value in network.parameters())


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_it_keeps_the_memory_format(memory_format: torch.memory_format) -> None:
    network = nn.Conv2d(4, 6, 3).to(memory_format=memory_format)
    average = Average(network)
    average.update(0.25)
    assert average.module.weight.is_contiguous(memory_format=memory_format)


def test_a_weight_shared_by_two_layers_moves_once() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    network[1].weight = network[0].weight
    average = Average(network)
    start = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight += 1
    average.update(0.5)
    assert average.module[0].weight is average.module[1].weight
    assert torch.allclose(average.module[0].weight, start + 0.5, atol=1e-6)
