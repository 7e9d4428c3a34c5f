"""The rates of every step against torch's own schedulers, stepped one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
)

from bench.spec import Recipe
from bench.training.engine import schedule

PEAK = 0.0137
Make = Callable[[Optimizer], LRScheduler]


def recipe(warmup_fraction: float = 0.0, **fields: object) -> Recipe:
    return Recipe(peak_learning_rate=PEAK, warmup_fraction=warmup_fraction, **fields)  # type: ignore[arg-type]


def stepped(make: Make, n_steps: int, kind: str = "adam") -> tuple[list[float], list[float]]:
    """Learning rate and momentum (Adam's beta1) at each step under one of torch's schedulers."""
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer: Optimizer = Adam(weights, PEAK) if kind == "adam" else SGD(weights, PEAK, 0.9)
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(n_steps):
        group = optimizer.param_groups[0]
        rates.append(group["lr"])
        momenta.append(group["betas"][0] if kind == "adam" else group["momentum"])
        optimizer.step()
        if len(rates) < n_steps:
            scheduler.step()
    return rates, momenta


def one_cycle(n_steps: int, warmup_fraction: float, **more: float) -> Make:
    return lambda optimizer: OneCycleLR(
        optimizer, PEAK, total_steps=n_steps, pct_start=warmup_fraction, **more
    )


@settings(max_examples=60)
@given(st.integers(1, 80), st.floats(0, 0.999))
@example(n_steps=845, warmup_fraction=0.15)  # Model_2's warm-up
@example(n_steps=1, warmup_fraction=0.2)
@example(n_steps=6, warmup_fraction=0.0)
def test_one_cycle_has_the_bits_of_torch(n_steps: int, warmup_fraction: float) -> None:
    if warmup_fraction * n_steps == 1:
        return  # torch divides by zero; see below
    rates, momenta = stepped(one_cycle(n_steps, warmup_fraction), n_steps)
    ours = recipe(warmup_fraction)
    assert schedule.learning_rates(ours, n_steps).tolist() == rates
    assert schedule.momenta(ours, n_steps).tolist() == momenta


def test_one_cycle_takes_torchs_other_factors_and_cycles_sgd_too() -> None:
    more = {"div_factor": 7.0, "final_div_factor": 30.0}
    rates, momenta = stepped(one_cycle(37, 0.3, **more), 37, "sgd")
    ours = recipe(0.3, optimizer="sgd", **more)
    assert schedule.learning_rates(ours, 37).tolist() == rates
    assert schedule.momenta(ours, 37).tolist() == momenta
    assert (rates[0], rates[-1]) == pytest.approx((PEAK / 7, PEAK / 7 / 30), rel=1e-14)


def test_a_momentum_that_is_not_cycled_is_the_recipes() -> None:
    ours = recipe(0.3, cycle_momentum=False, momentum=0.8)
    assert schedule.momenta(ours, 3).tolist() == [0.8, 0.8, 0.8]
    assert schedule.momenta(recipe(schedule="cosine"), 3).tolist() == [0.9, 0.9, 0.9]


@pytest.mark.parametrize(("n_steps", "warmup_fraction"), [(5, 0.2), (4, 0.25), (2, 0.5)])
def test_a_warm_up_of_one_step_starts_at_the_peak_where_torch_divides_by_zero(
    n_steps: int, warmup_fraction: float
) -> None:
    with pytest.raises(ZeroDivisionError):
        stepped(one_cycle(n_steps, warmup_fraction), n_steps)
    rates = schedule.learning_rates(recipe(warmup_fraction), n_steps)
    assert rates[0] == pytest.approx(PEAK, rel=1e-15)
    assert rates[-1] == pytest.approx(PEAK / 25 / 1e4)
    assert (np.diff(rates) < 0).all()


@settings(max_examples=40)
@given(st.integers(3, 60), st.integers(0, 30), st.floats(0, 0.9), st.floats(1, 50))
def test_cosine_and_linear_follow_torch_after_a_linear_warm_up(
    n_after: int, n_warm: int, final: float, division: float
) -> None:
    n_steps = n_after + n_warm
    if n_warm == 0:
        division = 25.0
    share = n_warm / n_steps
    rise, _ = stepped(lambda o: LinearLR(o, 1 / division, 1.0, n_warm or 1), n_warm)
    falls: dict[str, Make] = {
        "cosine": lambda o: CosineAnnealingLR(o, n_after - 1, eta_min=final * PEAK),
        "linear": lambda o: LinearLR(o, 1.0, final, n_after - 1) if final else _to_zero(o, n_after),
    }
    for name, fall in falls.items():
        fallen, _ = stepped(fall, n_after)
        ours = recipe(share, schedule=name, final_fraction=final, div_factor=division)
        found = schedule.learning_rates(ours, n_steps)
        assert found == pytest.approx(np.array(rise + fallen), rel=1e-6, abs=1e-12)
        assert found[-1] == pytest.approx(final * PEAK, rel=1e-12, abs=1e-15)


def _to_zero(optimizer: Optimizer, n_steps: int) -> LRScheduler:
    return LinearLR(optimizer, 1.0, 0.0, n_steps - 1)


@pytest.mark.parametrize(
    ("fractions", "milestones"), [((0.5, 0.75), [15, 22]), ((1 / 30, 29 / 30), [1, 29])]
)
def test_step_follows_torch(fractions: tuple[float, ...], milestones: list[int]) -> None:
    expected, _ = stepped(lambda o: MultiStepLR(o, milestones, gamma=0.3), 30)
    ours = recipe(schedule="step", step_fractions=fractions, step_factor=0.3)
    assert schedule.learning_rates(ours, 30) == pytest.approx(np.array(expected), rel=1e-12)
    # Hand-worked: a warm-up of 4 steps of 10 from a quarter, and one fall after half of them.
    warm = recipe(0.4, schedule="step", step_fractions=(0.5,), step_factor=0.1, div_factor=4.0)
    shares = [0.25, 0.4375, 0.625, 0.8125, 1, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert schedule.learning_rates(warm, 10) == pytest.approx(PEAK * np.array(shares), rel=1e-12)


@pytest.mark.parametrize("name", ["one_cycle", "cosine", "linear", "step"])
@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("warmup_fraction", [0.0, 0.5, 0.99])
def test_the_shortest_runs_have_rates(name: str, n_steps: int, warmup_fraction: float) -> None:
    more = {"step_fractions": (0.5,)} if name == "step" else {}
    rates = schedule.rates(recipe(warmup_fraction, schedule=name, **more), n_steps)
    for values in (rates.learning_rate, rates.momentum, rates.average_weight):
        assert values.shape == (n_steps,)
        assert np.isfinite(values).all()
    assert (rates.learning_rate <= PEAK * (1 + 1e-12)).all()


def test_the_average_warms_up_and_then_keeps_the_recipes_decay() -> None:
    found = schedule.average_weights(recipe(ema_decay=0.75), 40)
    # (1 + t) / (10 + t) reaches 3/4 at t = 26.
    decays = [min(Fraction(1 + t, 10 + t), Fraction(3, 4)) for t in range(1, 41)]
    assert found == pytest.approx(np.array([float(1 - decay) for decay in decays]), rel=1e-12)
    assert found[24] > found[25] == found[39] == 0.25
    assert not schedule.average_weights(recipe(), 3).any()


@pytest.mark.parametrize(("warmup", "power"), [(1.0, 0), (2.0, 1), (3.0, 2)])
def test_without_a_decay_to_keep_the_average_weighs_steps_by_a_power(
    warmup: float, power: int
) -> None:
    """Of n steps, step t = 1 ... counts as (t + 2) (t + 3) ...: so many factors as the power."""
    n_steps = 50
    found = schedule.average_weights(recipe(ema_decay=0.999999, ema_warmup=warmup), n_steps)
    shares = [found[t] * np.prod(1 - found[t + 1 :]) for t in range(n_steps)]
    expected = [math.prod(range(t + 2, t + 2 + power)) for t in range(1, n_steps + 1)]
    assert shares == pytest.approx(np.array(expected) * shares[0] / expected[0], rel=1e-9)
