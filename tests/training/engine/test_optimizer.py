"""The optimisers against their published rules, worked in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bench.spec import Recipe
from bench.training.engine import optimizer

RATE, DECAY = 0.1, 0.02
SETS = {"schedule": "cosine", "weight_decay": DECAY}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.layer_norm = nn.LayerNorm([2, 2])  # its weights have two dimensions
        self.head = nn.Linear(2, 2)
        self.gain = nn.Parameter(torch.ones(()))


def recipe(**fields: object) -> Recipe:
    return Recipe(peak_learning_rate=RATE, warmup_fraction=0.0, **{**SETS, **fields})  # type: ignore[arg-type]


def one_step(weight: Tensor, gradients: list[Tensor], **fields: object) -> Tensor:
    """The weight after a step with each gradient, by the optimiser that the recipe names."""
    network = nn.Linear(3, 2, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(weight)
    built = optimizer.build(recipe(**fields), network)
    for t, gradient in enumerate(gradients):
        network.weight.grad = gradient.clone()
        optimizer.set_rates(built, RATE / (t + 1), 0.9 - 0.1 * t)
        built.step()
    return network.weight.detach()


def adam(weight: Tensor, gradients: list[Tensor], decoupled: bool) -> Tensor:
    """Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.

    The bias correction takes the present beta1, as torch does under a one-cycle schedule.
    """
    first, second = torch.zeros_like(weight), torch.zeros_like(weight)
    for t, plain in enumerate(gradients):
        rate, beta1 = RATE / (t + 1), 0.9 - 0.1 * t
        gradient = plain if decoupled else plain + DECAY * weight
        weight = weight * (1 - rate * DECAY) if decoupled else weight
        first = beta1 * first + (1 - beta1) * gradient
        second = 0.999 * second + 0.001 * gradient**2
        whole = (second / (1 - 0.999 ** (t + 1))).sqrt() + 1e-8
        weight = weight - rate * first / (1 - beta1 ** (t + 1)) / whole
    return weight


def nesterov(weight: Tensor, gradients: list[Tensor]) -> Tensor:
    """Sutskever et al. 2013 in the form of torch's documentation."""
    velocity = torch.zeros_like(weight)
    for t, plain in enumerate(gradients):
        rate, momentum = RATE / (t + 1), 0.9 - 0.1 * t
        gradient = plain + DECAY * weight
        velocity = momentum * velocity + gradient
        weight = weight - rate * (gradient + momentum * velocity)
    return weight


@pytest.fixture
def problem() -> tuple[Tensor, list[Tensor]]:
    stream = torch.Generator().manual_seed(3)
    draws = [torch.randn(2, 3, generator=stream, dtype=torch.float64) for _ in range(5)]
    return draws[0], draws[1:]


def test_adam_decays_in_the_gradient(problem: tuple[Tensor, list[Tensor]]) -> None:
    assert torch.allclose(one_step(*problem), adam(*problem, decoupled=False), rtol=1e-9)


def test_adamw_decays_the_weights(problem: tuple[Tensor, list[Tensor]]) -> None:
    found = one_step(*problem, optimizer="adamw")
    assert torch.allclose(found, adam(*problem, decoupled=True), rtol=1e-9)


def test_sgd_has_nesterov_momentum(problem: tuple[Tensor, list[Tensor]]) -> None:
    assert torch.allclose(one_step(*problem, optimizer="sgd"), nesterov(*problem), rtol=1e-9)


def plain_momentum(weight: Tensor, gradients: list[Tensor]) -> Tensor:
    velocity = torch.zeros_like(weight)
    for t, plain in enumerate(gradients):
        velocity = (0.9 - 0.1 * t) * velocity + plain + DECAY * weight
        weight = weight - RATE / (t + 1) * velocity
    return weight


def rmsprop(weight: Tensor, gradients: list[Tensor], centered: bool) -> Tensor:
    """Tieleman and Hinton 2012, lecture 6.5; centred as Graves 2013, equations 38 to 41."""
    square, mean, velocity = (torch.zeros_like(weight) for _ in range(3))
    for t, plain in enumerate(gradients):
        gradient = plain + DECAY * weight
        square = 0.9 * square + 0.1 * gradient**2
        mean = 0.9 * mean + 0.1 * gradient
        spread = (square - mean**2 if centered else square).sqrt() + 1e-8
        velocity = (0.9 - 0.1 * t) * velocity + gradient / spread
        weight = weight - RATE / (t + 1) * velocity
    return weight


def test_sgd_can_do_without_nesterov(problem: tuple[Tensor, list[Tensor]]) -> None:
    found = one_step(*problem, optimizer="sgd", nesterov=False)
    assert torch.allclose(found, plain_momentum(*problem), rtol=1e-9)


@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_divides_by_the_root_of_the_average_square(
    problem: tuple[Tensor, list[Tensor]], centered: bool
) -> None:
    found = one_step(*problem, optimizer="rmsprop", rmsprop_alpha=0.9, centered=centered)
    assert torch.allclose(found, rmsprop(*problem, centered), rtol=1e-9)


def test_sgd_without_momentum_is_plain() -> None:
    network = nn.Linear(1, 1, bias=False)
    built = optimizer.build(recipe(optimizer="sgd", momentum=0.0, weight_decay=0.0), network)
    before = network.weight.item()
    for _ in range(2):
        network.weight.grad = torch.ones(1, 1)
        optimizer.set_rates(built, 0.25, 0.0)
        built.step()
    assert network.weight.item() == pytest.approx(before - 0.5)


def names(network: nn.Module, group: dict[str, list[Tensor]]) -> list[str]:
    known = {id(value): name for name, value in network.named_parameters()}
    return [known[id(value)] for value in group["params"]]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_norms_biases_and_gains_can_be_spared(name: str) -> None:
    network = Network()
    built = optimizer.build(recipe(optimizer=name, decay_norm_and_bias=False), network)
    decayed, spared = built.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (DECAY, 0)
    assert names(network, decayed) == ["conv.weight", "head.weight"]
    assert names(network, spared) == [
        "gain",
        "conv.bias",
        "norm.weight",
        "norm.bias",
        "layer_norm.weight",
        "layer_norm.bias",
        "head.bias",
    ]
    (everything,) = optimizer.build(recipe(optimizer=name), network).param_groups
    assert everything["weight_decay"] == DECAY
    assert names(network, everything) == [name for name, _ in network.named_parameters()]


def test_no_group_is_empty() -> None:
    spare = recipe(decay_norm_and_bias=False)
    for network in (nn.BatchNorm2d(3), nn.Linear(2, 2, bias=False)):
        assert len(optimizer.build(spare, network).param_groups) == 1


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_every_optimiser_is_fused(name: str) -> None:
    built = optimizer.build(recipe(optimizer=name), Network())
    assert all(group["fused"] for group in built.param_groups)


def test_moments_are_restored_and_the_recipes_settings_stay() -> None:
    first, second = (nn.Linear(2, 2) for _ in range(2))
    trained = optimizer.build(recipe(), first)
    first(torch.ones(1, 2)).sum().backward()
    trained.step()
    restored = optimizer.build(recipe(weight_decay=0.5), second)
    optimizer.load_moments(restored, trained.state_dict())
    assert restored.param_groups[0]["weight_decay"] == 0.5
    state = restored.state[second.weight]
    assert torch.equal(state["exp_avg"], trained.state[first.weight]["exp_avg"])
    assert state["step"] == 1
