"""Learning rate, momentum and averaging weight of every step, computed before the first one.

Each is a function of the step's index, so a resumed run and a captured step read them from an
array and hold no scheduler. Under the schedule `plateau` they depend on the epochs before, too, and
are computed again before each epoch. Arithmetic is in float64 and in the order of torch's
schedulers: `one_cycle` gives the bits of `torch.optim.lr_scheduler.OneCycleLR`, and what changes
by epochs those of StepLR, MultiStepLR, CosineAnnealingWarmRestarts and ReduceLROnPlateau.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.lr_scheduler import ReduceLROnPlateau

from bench.spec import Epoch, Recipe
from bench.training.engine.optimizer import SGD

Doubles = NDArray[np.float64]

MOMENTUM_BESIDE_THE_PEAK, MOMENTUM_AT_THE_PEAK = 0.95, 0.85  # OneCycleLR's defaults


@dataclass(frozen=True)
class Rates:
    """What changes from step to step: arrays of shape (n_steps,)."""

    learning_rate: Doubles
    momentum: Doubles  # Adam's beta1
    average_weight: Doubles  # of the new weights in their running average; 0 without one


def rates(recipe: Recipe, n_steps: int, epochs: Sequence[Epoch] = ()) -> Rates:
    """Everything that changes from step to step in a run of n_steps.

    Args:
        recipe: How it is trained.
        n_steps: Of all its epochs.
        epochs: The epochs that are done; only the schedule `plateau` reads them. It keeps the
            next epoch's learning rate to the end.
    """
    return Rates(
        learning_rates(recipe, n_steps, epochs),
        momenta(recipe, n_steps),
        average_weights(recipe, n_steps),
    )


def learning_rates(recipe: Recipe, n_steps: int, epochs: Sequence[Epoch] = ()) -> Doubles:
    """The learning rate of each step, (n_steps,).

    The one-cycle schedule rises and falls by half cosines. The others rise linearly from
    peak / div_factor over `warmup_steps`, and reach the peak at the first step after it. What
    changes by epochs, or falls, counts over the whole run, and the two factors multiply.
    """
    peak = recipe.peak_learning_rate
    if recipe.schedule == "one_cycle":
        first = peak / recipe.div_factor
        return _cycle(
            n_steps, recipe.warmup_fraction, (first, peak, first / recipe.final_div_factor)
        )
    warmup = _warmup(recipe, n_steps)
    if recipe.schedule == "plateau":
        return warmup * _by_epoch(_plateau(recipe, epochs), n_steps)
    if recipe.schedule == "cosine_restarts":
        return warmup * _cosine_restarts(recipe, n_steps)
    if recipe.schedule in EPOCH_RATES and not recipe.step_fractions:
        return warmup * _by_epoch(EPOCH_RATES[recipe.schedule](recipe), n_steps)
    return peak * (warmup * FACTORS[recipe.schedule](recipe, n_steps))


def momenta(recipe: Recipe, n_steps: int) -> Doubles:
    """The momentum of each step, Adam's beta1, (n_steps,)."""
    if recipe.schedule == "one_cycle" and recipe.cycle_momentum:
        beside = MOMENTUM_BESIDE_THE_PEAK
        return _cycle(n_steps, recipe.warmup_fraction, (beside, MOMENTUM_AT_THE_PEAK, beside))
    return np.full(n_steps, recipe.momentum)


def average_weights(recipe: Recipe, n_steps: int) -> Doubles:
    """The weight of the new weights after each step t = 1 ... in their running average, (n_steps,).

    1 - min(ema_decay, (1 + t) / (1 + t + ema_warmup)): with its default of 9 the warm-up of
    TensorFlow's ExponentialMovingAverage, without which the initial weights would stay in a short
    run's average. Where the second is the smaller to the end, the average is polynomial-decay
    averaging (Shamir and Zhang, 2013): about the last of ema_warmup parts of the run, however
    long it is. Zeros where it is off.
    """
    if recipe.ema_decay == 0:
        return np.zeros(n_steps)
    t = np.arange(1.0, n_steps + 1)
    return 1 - np.minimum(recipe.ema_decay, (1 + t) / (1 + t + recipe.ema_warmup))


def warmup_steps(recipe: Recipe, n_steps: int) -> int:
    """Steps of the linear warm-up, at least one fewer than all."""
    return min(round(recipe.warmup_fraction * n_steps), n_steps - 1)


def _warmup(recipe: Recipe, n_steps: int) -> Doubles:
    """Part of the peak, as LinearLR(start_factor=1 / div_factor), (n_steps,)."""
    n_warm = warmup_steps(recipe, n_steps)
    if n_warm == 0:
        return np.ones(n_steps)
    first = 1 / recipe.div_factor
    return first + (1 - first) * np.minimum(np.arange(n_steps) / n_warm, 1.0)


def _progress(recipe: Recipe, n_steps: int) -> Doubles:
    """How much of the annealing is done at each step, (n_steps,).

    From 0 at the first step after the warm-up to 1 at the last step. By epochs, the epochs before
    this one as a part of all: 1 would be reached after the run, as in the scheduler of torch that
    is stepped after each epoch.
    """
    if recipe.by_epoch:
        return _by_epoch(np.arange(recipe.epochs) / recipe.epochs, n_steps)
    n_warm = warmup_steps(recipe, n_steps)
    passed = np.maximum(np.arange(n_steps) - n_warm, 0)
    return passed / max(n_steps - 1 - n_warm, 1)


def _cosine(recipe: Recipe, n_steps: int) -> Doubles:
    # Python's cosine: NumPy's depends on the processor's vector units in the last bit.
    cosines = np.array([math.cos(math.pi * part) for part in _progress(recipe, n_steps).tolist()])
    return 1 - (1 - recipe.final_fraction) * (1 - cosines) / 2


def _linear(recipe: Recipe, n_steps: int) -> Doubles:
    return 1 - (1 - recipe.final_fraction) * _progress(recipe, n_steps)


def _step(recipe: Recipe, n_steps: int) -> Doubles:
    milestones = [round(fraction * n_steps) for fraction in recipe.step_fractions]
    n_falls = np.searchsorted(milestones, np.arange(n_steps), side="right")
    return np.array([recipe.step_factor**n for n in n_falls.tolist()])


# Schedule -> each step's part of the peak, 1 during the warm-up of those that start after it.
FACTORS: dict[str, Callable[[Recipe, int], Doubles]] = {
    "cosine": _cosine,
    "linear": _linear,
    "step": _step,
}


def _constant(recipe: Recipe) -> Doubles:
    return np.full(recipe.epochs, recipe.peak_learning_rate)


def _step_by_epochs(recipe: Recipe) -> Doubles:
    """Falls after step_epochs, or after every step_size_epochs; a product, in torch's order."""
    size = recipe.step_size_epochs
    falls = set(range(size, recipe.epochs, size) if size else recipe.step_epochs)
    every = [recipe.peak_learning_rate]
    for epoch in range(1, recipe.epochs):
        every.append(every[-1] * recipe.step_factor if epoch in falls else every[-1])
    return np.array(every)


def _table(recipe: Recipe) -> Doubles:
    given = dict(recipe.learning_rate_table)
    every = [given[1]]
    for epoch in range(2, recipe.epochs + 1):
        every.append(given.get(epoch, every[-1]))
    return np.array(every)


# Schedule -> each epoch's learning rate, (epochs,).
EPOCH_RATES: dict[str, Callable[[Recipe], Doubles]] = {
    "constant": _constant,
    "step": _step_by_epochs,
    "table": _table,
}


def _plateau(recipe: Recipe, epochs: Sequence[Epoch]) -> Doubles:
    """The learning rate of each epoch, (epochs,), by torch's scheduler on those that are done."""
    peak, loss = recipe.peak_learning_rate, recipe.plateau_metric == "validation_loss"
    holder = SGD([torch.nn.Parameter(torch.zeros(()))], lr=peak)
    scheduler = ReduceLROnPlateau(
        holder,
        mode="min" if loss else "max",
        factor=recipe.step_factor,
        patience=recipe.plateau_patience,
        threshold=recipe.plateau_threshold,
        cooldown=recipe.plateau_cooldown,
        min_lr=recipe.final_fraction * peak,
    )
    every = [peak]
    for epoch in epochs[: recipe.epochs - 1]:
        found = epoch.validation_loss if loss else epoch.validation_correct
        assert found is not None, "require_usable_recipe refuses it without validation images"
        scheduler.step(found)
        every.append(holder.param_groups[0]["lr"])
    return np.array(every + [every[-1]] * (recipe.epochs - len(every)))


def _cosine_restarts(recipe: Recipe, n_steps: int) -> Doubles:
    """Half cosines from the peak, each restart_factor times as long as the one before it."""
    peak, low = recipe.peak_learning_rate, recipe.final_fraction * recipe.peak_learning_rate
    cosines = [_cosine_of(recipe, epoch) for epoch in range(recipe.epochs)]
    values = []
    for step in range(n_steps):
        epoch, rest = divmod(step * recipe.epochs, n_steps)
        start, length = cosines[epoch]
        passed = (epoch if recipe.by_epoch else epoch + rest / n_steps) - start
        # Python's cosine and torch's order of operations.
        values.append(low + (peak - low) * (1 + math.cos(math.pi * passed / length)) / 2)
    return np.array(values)


def _cosine_of(recipe: Recipe, epoch: int) -> tuple[int, int]:
    """First epoch and length of the cosine that holds this epoch; epochs count from 0."""
    start, length = 0, recipe.restart_epochs
    while start + length <= epoch:
        start, length = start + length, length * recipe.restart_factor
    return start, length


def _by_epoch(values: Doubles, n_steps: int) -> Doubles:
    """Each epoch's value (n_epochs,) at each of its steps, (n_steps,)."""
    return values[np.arange(n_steps) * len(values) // n_steps]


def _cycle(n_steps: int, warmup_fraction: float, ends: tuple[float, float, float]) -> Doubles:
    """Half a cosine from the first to the second value, then one to the third, (n_steps,).

    OneCycleLR's two phases; their border need not be a whole step. Where it is step 0, torch
    divides by zero; the cycle then starts at its peak.
    """
    first, peak, last = ends
    border = warmup_fraction * n_steps - 1
    values = []
    for step in range(n_steps):
        if step > border:
            values.append(_half_cosine(peak, last, (step - border) / (n_steps - 1 - border)))
        else:
            values.append(_half_cosine(first, peak, step / border if border else 1.0))
    return np.array(values)


def _half_cosine(start: float, end: float, part: float) -> float:
    # Python's cosine and torch's order of operations: NumPy's may differ in the last bit.
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)
