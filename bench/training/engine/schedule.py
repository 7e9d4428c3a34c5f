"""Learning rate, momentum and averaging weight of every step, computed before the first one.

Each is a function of the step's index alone, so a resumed run and a captured step read them from
an array and hold no scheduler. Arithmetic is in float64 and in the order of torch's schedulers:
the one-cycle schedule gives the bits of `torch.optim.lr_scheduler.OneCycleLR`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.spec import Recipe

Doubles = NDArray[np.float64]

MOMENTUM_BESIDE_THE_PEAK, MOMENTUM_AT_THE_PEAK = 0.95, 0.85  # OneCycleLR's defaults


@dataclass(frozen=True)
class Rates:
    """What changes from step to step: arrays of shape (n_steps,)."""

    learning_rate: Doubles
    momentum: Doubles  # Adam's beta1
    average_weight: Doubles  # of the new weights in their running average; 0 without one


def rates(recipe: Recipe, n_steps: int) -> Rates:
    """Everything that changes from step to step in a run of n_steps."""
    return Rates(
        learning_rates(recipe, n_steps), momenta(recipe, n_steps), average_weights(recipe, n_steps)
    )


def learning_rates(recipe: Recipe, n_steps: int) -> Doubles:
    """The learning rate of each step, (n_steps,).

    The one-cycle schedule rises and falls by half cosines. The others rise linearly from
    peak / div_factor over `warmup_steps`, and reach the peak at the first step after it; `step`
    counts its falls over the whole run, and the two factors multiply.
    """
    if recipe.schedule == "one_cycle":
        peak = recipe.peak_learning_rate
        first = peak / recipe.div_factor
        return _cycle(
            n_steps, recipe.warmup_fraction, (first, peak, first / recipe.final_div_factor)
        )
    factors = _warmup(recipe, n_steps) * FACTORS[recipe.schedule](recipe, n_steps)
    return recipe.peak_learning_rate * factors


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
    """From 0 at the first step after the warm-up to 1 at the last step, (n_steps,)."""
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
