"""The optimiser on the device against torch's own, in float64, over a whole cycle of rates."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Recipe
from bench.training.engine import optimizer
from bench.training.engine.average import Average
from bench.training.engine.device_optimizer import DeviceOptimizer, table
from bench.training.engine.schedule import rates

N_STEPS = 40
RECIPES: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam, constant beta1": {"cycle_momentum": False, "momentum": 0.8},
    "adam, norms and biases spared": {"decay_norm_and_bias": False},
    "adam, no decay": {"weight_decay": 0.0},
    "adamw": {"optimizer": "adamw"},
    "adamw, norms and biases spared": {"optimizer": "adamw", "decay_norm_and_bias": False},
    "sgd": {"optimizer": "sgd"},
    "sgd, plain momentum": {"optimizer": "sgd", "nesterov": False},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop, centred": {"optimizer": "rmsprop", "centered": True, "rmsprop_alpha": 0.9},
    "rmsprop, no momentum": {"optimizer": "rmsprop", "cycle_momentum": False, "momentum": 0.0},
    "sgd, no momentum": {"optimizer": "sgd", "cycle_momentum": False, "momentum": 0.0},
}


def recipe(**fields: Any) -> Recipe:
    base = {"peak_learning_rate": 0.02, "warmup_fraction": 0.3, "weight_decay": 0.01}
    return Recipe(**{**base, **fields})


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)
        self.idle = nn.Parameter(torch.ones(2))  # takes no part in the loss

    def forward(self, images: Tensor) -> Tensor:
        out = functional.relu(self.norm(self.depthwise(self.convolution(images))))
        answer = self.head(out.mean(dim=(2, 3)))
        assert isinstance(answer, Tensor)
        return answer


def network() -> Network:
    torch.manual_seed(2)
    built = Network().double()
    built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return built


def batches() -> list[tuple[Tensor, Tensor]]:
    stream = torch.Generator().manual_seed(4)
    return [
        (
            torch.randn(8, 1, 9, 9, generator=stream, dtype=torch.float64),
            torch.randint(3, (8,), generator=stream),
        )
        for _ in range(N_STEPS)
    ]


def by_torch(how: Recipe) -> Network:
    model = network()
    built, every = optimizer.build(how, model), rates(how, N_STEPS)
    for i, (images, labels) in enumerate(batches()):
        optimizer.set_rates(built, float(every.learning_rate[i]), float(every.momentum[i]))
        built.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        built.step()
    return model


def step(model: Network, built: DeviceOptimizer, images: Tensor, labels: Tensor) -> None:
    built.descend(functional.cross_entropy(model(images), labels), built.row())
    built.advance()


@pytest.mark.parametrize("fields", RECIPES.values(), ids=RECIPES)
def test_it_moves_the_weights_as_torch_s_own_optimiser(fields: dict[str, Any]) -> None:
    how = recipe(**fields)
    model = network()
    built = DeviceOptimizer(how, model, rates(how, N_STEPS))
    for images, labels in batches():
        step(model, built, images, labels)
    assert built.index.tolist() == [N_STEPS]
    assert model.idle.tolist() == [1.0, 1.0]
    expected = by_torch(how).state_dict()
    for name, value in model.state_dict().items():
        # A bias before BatchNorm has a gradient of 0, and what rounding leaves of it Adam enlarges.
        if name != "depthwise.bias":
            torch.testing.assert_close(value, expected[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("fields", RECIPES.values(), ids=RECIPES)
def test_a_restored_state_goes_on_with_the_same_bits(fields: dict[str, Any]) -> None:
    how = recipe(**fields)
    model = network()
    built = DeviceOptimizer(how, model, rates(how, N_STEPS))
    halves = batches()[: N_STEPS // 2], batches()[N_STEPS // 2 :]
    for images, labels in halves[0]:
        step(model, built, images, labels)
    again = network()
    restored = DeviceOptimizer(how, again, rates(how, N_STEPS))
    again.load_state_dict({name: v.clone() for name, v in model.state_dict().items()})
    optimizer.load_moments(restored, _copied(built.state_dict()))
    restored.index.fill_(N_STEPS // 2)
    for images, labels in halves[1]:
        step(model, built, images, labels)
        step(again, restored, images, labels)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    moments = {
        i: {name: value.clone() for name, value in each.items()}
        for i, each in state["state"].items()
    }
    return {**state, "state": moments}


def test_the_table_s_rows_are_kingma_and_ba_s_numbers() -> None:
    how = recipe(optimizer="adamw")
    every = rates(how, N_STEPS)
    rows = table(how, every)
    for t in (1, 2, 17, N_STEPS):
        rate, beta1 = every.learning_rate[t - 1], every.momentum[t - 1]
        expected = [
            -rate,
            beta1,
            1 - beta1,
            -rate / (1 - beta1**t),
            (1 - 0.999**t) ** -0.5,
            1 - rate * 0.01,
            0.0,
        ]
        assert rows[t - 1].tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("fields", RECIPES.values(), ids=RECIPES)
def test_a_step_launches_as_much_for_a_hundred_parameters_as_for_one(
    fields: dict[str, Any],
) -> None:
    assert operations(100, fields) == operations(1, fields)


def operations(n_parameters: int, fields: dict[str, Any]) -> int:
    """Operators that the move takes, gradients apart."""
    model = nn.ParameterList(nn.Parameter(torch.ones(3)) for _ in range(n_parameters))
    how = recipe(**fields)
    built = DeviceOptimizer(how, model, rates(how, 2))
    row = built.row()
    pairs: list[tuple[Tensor, Tensor]] = [(each, torch.ones(3)) for each in model]
    with Count() as counted:
        built._move(pairs, 0.01, row)
    return counted.n


class Count(torch.overrides.TorchFunctionMode):
    n = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.n += "_foreach_" in str(func)
        return func(*args, **(kwargs or {}))


def test_an_average_moves_by_a_tensor_as_by_a_number() -> None:
    model = network()
    averages = [Average(model) for _ in range(2)]
    with torch.no_grad():
        for each in model.parameters():
            each.add_(1.0)
    for _ in range(3):
        averages[0].update(0.3)
        averages[1].update(torch.tensor(0.3, dtype=torch.float64))
    pairs = zip(averages[0].module.parameters(), averages[1].module.parameters(), strict=True)
    for left, right in pairs:
        torch.testing.assert_close(left, right, rtol=1e-12, atol=0)
