"""The recipe's optimiser for a step that a CUDA graph holds: nothing in it comes from the host.

A captured step repeats the same launches with the same numbers, so what changes from step to step
(learning rate, momentum, Adam's bias corrections, the average's weight) is computed before the
run in float64 and lies in a table on the device, and a counter there says which row is next. Under
the schedule `plateau` the table is filled again before each epoch.

torch's Adam takes beta1 as a number in its fused and multi-tensor forms, and a one-cycle schedule
changes it at every step; its single-tensor form takes a tensor but launches about 17 kernels for
every parameter. Here each operation is one launch for all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.spec import Recipe
from bench.training.engine.optimizer import BETA2, grouped
from bench.training.engine.schedule import Rates

EPSILON = 1e-8  # torch's default


def moments(recipe: Recipe) -> tuple[str, ...]:
    """What the recipe's optimiser keeps of every parameter, named as torch names it."""
    if recipe.optimizer == "sgd":
        return ("momentum_buffer",)
    if recipe.optimizer == "rmsprop":
        centre = ("grad_avg",) if recipe.centered else ()
        return ("square_avg", "momentum_buffer", *centre)
    return ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Row:
    """The numbers of one step, each () on the device, of the parameters' type."""

    minus_rate: Tensor  # -learning rate
    momentum: Tensor  # of sgd and rmsprop, or Adam's beta1
    rest_of_momentum: Tensor  # 1 - momentum
    adam_step: Tensor  # -learning rate / (1 - beta1^t)
    adam_scale: Tensor  # 1 / sqrt(1 - beta2^t)
    kept: Tensor  # 1 - learning rate * weight decay, adamw's
    average_weight: Tensor


def table(recipe: Recipe, rates: Rates) -> Tensor:
    """The rows of all steps t = 1 ... n_steps, (n_steps, 7) float64, in the order of `Row`."""
    rate, momentum = rates.learning_rate, rates.momentum
    # Python's powers: NumPy's depend on the processor's vector units in the last bit.
    momentum_to_t = np.array([beta**t for t, beta in enumerate(momentum.tolist(), start=1)])
    beta2_to_t = np.array([BETA2**t for t in range(1, len(rate) + 1)])
    columns = [
        -rate,
        momentum,
        1 - momentum,
        -rate / (1 - momentum_to_t),
        1 / np.sqrt(1 - beta2_to_t),
        1 - rate * recipe.weight_decay,
        rates.average_weight,
    ]
    return torch.from_numpy(np.stack(columns, axis=1))


class DeviceOptimizer(torch.optim.Optimizer):
    """The recipe's optimiser over a network's parameters, its rates and counter on the device.

    Args:
        recipe: Optimiser and weight decay.
        network: On its device already.
        rates: Of every step of the run.

    Attributes:
        index: The next step from the run's start, (1,) int64; `advance` moves it.
    """

    def __init__(self, recipe: Recipe, network: nn.Module, rates: Rates) -> None:
        super().__init__(grouped(recipe, network), {})
        self._recipe = recipe
        first = next(network.parameters())
        self.index = torch.zeros(1, dtype=torch.int64, device=first.device)
        self._table = table(recipe, rates).to(first)
        for parameter in self.parameters:
            for name in moments(recipe):
                self.state[parameter][name] = torch.zeros_like(parameter)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All of them, group by group."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def row(self) -> Row:
        """The next step's numbers."""
        return Row(*self._table.index_select(0, self.index)[0].unbind())

    def advance(self) -> None:
        """The step is done."""
        self.index.add_(1)

    def refresh(self, rates: Rates) -> None:
        """Takes other rates, in place: a captured step reads them as it is."""
        self._table.copy_(table(self._recipe, rates))

    def tensors(self) -> list[Tensor]:
        """Everything that steps change beside the parameters."""
        return [self.index, *(value for each in self.state.values() for value in each.values())]

    def descend(self, loss: Tensor, row: Row) -> None:
        """Moves the parameters by the loss's gradients; those without a part in it stay."""
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        found = dict(zip(self.parameters, gradients, strict=True))
        for group in self.param_groups:
            pairs = [(each, found[each]) for each in group["params"] if found[each] is not None]
            if pairs:
                self._move(pairs, group["weight_decay"], row)

    @torch.no_grad()
    def _move(self, pairs: list[tuple[Tensor, Tensor]], decay: float, row: Row) -> None:
        parameters = [parameter for parameter, _ in pairs]
        gradients = [_laid_out_as(parameter, gradient) for parameter, gradient in pairs]
        if decay and self._recipe.optimizer == "adamw":
            torch._foreach_mul_(parameters, row.kept)
        elif decay:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=decay))
        rule = RULES.get(self._recipe.optimizer, DeviceOptimizer._adam)
        rule(self, parameters, gradients, row)

    def _adam(self, parameters: list[Tensor], gradients: list[Tensor], row: Row) -> None:
        """Kingma and Ba 2015, algorithm 1, in torch's order of operations."""
        first, second = self._moments(parameters)
        torch._foreach_mul_(first, row.momentum)
        torch._foreach_add_(first, torch._foreach_mul(gradients, row.rest_of_momentum))
        torch._foreach_mul_(second, BETA2)
        torch._foreach_addcmul_(second, gradients, gradients, value=1 - BETA2)
        spread = torch._foreach_sqrt(second)
        torch._foreach_mul_(spread, row.adam_scale)
        torch._foreach_add_(spread, EPSILON)
        torch._foreach_addcdiv_(parameters, torch._foreach_mul(first, row.adam_step), spread)

    def _sgd(self, parameters: list[Tensor], gradients: list[Tensor], row: Row) -> None:
        """Momentum, plain or Nesterov's, in the form of torch's SGD."""
        (velocity,) = self._moments(parameters)
        torch._foreach_mul_(velocity, row.momentum)
        torch._foreach_add_(velocity, gradients)
        if not self._recipe.nesterov:
            torch._foreach_add_(parameters, torch._foreach_mul(velocity, row.minus_rate))
            return
        moves = torch._foreach_mul(velocity, row.momentum)
        torch._foreach_add_(moves, gradients)
        torch._foreach_mul_(moves, row.minus_rate)
        torch._foreach_add_(parameters, moves)

    def _rmsprop(self, parameters: list[Tensor], gradients: list[Tensor], row: Row) -> None:
        """Tieleman and Hinton 2012, lecture 6.5, in torch's order of operations."""
        alpha = self._recipe.rmsprop_alpha
        square, velocity, *centre = self._moments(parameters)
        torch._foreach_mul_(square, alpha)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - alpha)
        spread = torch._foreach_mul(square, 1.0)
        for mean in centre:
            torch._foreach_lerp_(mean, gradients, 1 - alpha)
            torch._foreach_addcmul_(spread, mean, mean, value=-1)
        torch._foreach_sqrt_(spread)
        torch._foreach_add_(spread, EPSILON)
        torch._foreach_mul_(velocity, row.momentum)
        torch._foreach_addcdiv_(velocity, gradients, spread)
        torch._foreach_add_(parameters, torch._foreach_mul(velocity, row.minus_rate))

    def _moments(self, parameters: list[Tensor]) -> list[list[Tensor]]:
        """One list for each kind of moment, in the parameters' order."""
        states: list[dict[str, Any]] = [self.state[parameter] for parameter in parameters]
        return [[each[name] for each in states] for name in moments(self._recipe)]


# Optimiser -> its rule; the others are Adam's.
RULES = {"sgd": DeviceOptimizer._sgd, "rmsprop": DeviceOptimizer._rmsprop}


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the parameter's strides.

    One tensor of another layout makes torch compute a whole list tensor by tensor.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
