"""Builds a recipe's optimiser and sets its rates; torch's own, fused where it has that form."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bench.spec import Recipe
from bench.training.engine.uncompiled import stepping_without_compiler

Groups = list[dict[str, Any]]

BETA2 = 0.999  # torch's default
SGD = stepping_without_compiler(torch.optim.SGD)
RMSPROP = stepping_without_compiler(torch.optim.RMSprop)
ADAMS = {
    "adam": stepping_without_compiler(torch.optim.Adam),
    "adamw": stepping_without_compiler(torch.optim.AdamW),
}
NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)


def build(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser over the network's parameters, where they lie.

    Args:
        recipe: Optimiser, weight decay and momentum.
        network: On its device already.
    """
    rate, momentum = recipe.peak_learning_rate, recipe.momentum
    groups = grouped(recipe, network)
    fused = has_fused_form(network)
    if recipe.optimizer == "sgd":
        # torch refuses Nesterov's form without momentum, where it is plain SGD anyway.
        nesterov = recipe.nesterov and momentum > 0
        return SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov, fused=fused)
    if recipe.optimizer == "rmsprop":
        return RMSPROP(
            groups,
            lr=rate,
            alpha=recipe.rmsprop_alpha,
            momentum=momentum,
            centered=recipe.centered,
        )
    return ADAMS[recipe.optimizer](groups, lr=rate, betas=(momentum, BETA2), fused=fused)


def has_fused_form(network: nn.Module) -> bool:
    """Whether torch's fused optimisers take its parameters; complex ones they refuse."""
    return all(parameter.is_floating_point() for parameter in network.parameters())


def set_rates(optimizer: torch.optim.Optimizer, learning_rate: float, momentum: float) -> None:
    """Sets the next step's learning rate and momentum (Adam's beta1)."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


def load_moments(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Restores what steps left behind, from a `state_dict`; the recipe's settings stay.

    Raises:
        KeyError, ValueError, RuntimeError: it is of another optimiser or network.
    """
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})


def grouped(recipe: Recipe, network: nn.Module) -> Groups:
    """Parameters with their weight decay, in the network's order; no empty group."""
    parameters = list(network.parameters())
    if recipe.decay_norm_and_bias:
        return [{"params": parameters, "weight_decay": recipe.weight_decay}]
    spared = {
        id(parameter)
        for module in network.modules()
        for parameter in module.parameters(recurse=False)
        if isinstance(module, NORMS) or parameter.dim() < 2  # biases and gains
    }
    decayed = [parameter for parameter in parameters if id(parameter) not in spared]
    rest = [parameter for parameter in parameters if id(parameter) in spared]
    groups: Groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
