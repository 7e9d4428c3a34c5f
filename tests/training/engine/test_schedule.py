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
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from bench.spec import Epoch, Recipe
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


# --- what changes by epochs: torch's scheduler is stepped after each ------------------------------

EPOCHS, STEPS = 24, 7  # so 168 steps in all
BY_EPOCHS: dict[str, tuple[dict[str, object], Make]] = {
    "constant": ({"schedule": "constant"}, lambda o: LambdaLR(o, lambda epoch: 1.0)),
    "StepLR": (
        {"schedule": "step", "step_size_epochs": 7, "step_factor": 0.3},
        lambda o: StepLR(o, 7, gamma=0.3),
    ),
    "MultiStepLR": (
        {"schedule": "step", "step_epochs": (3, 4, 17, 40), "step_factor": 0.3},
        lambda o: MultiStepLR(o, [3, 4, 17, 40], gamma=0.3),
    ),
    "ExponentialLR": (
        {"schedule": "step", "step_size_epochs": 1, "step_factor": 0.93},
        lambda o: ExponentialLR(o, 0.93),
    ),
    "CosineAnnealingWarmRestarts": (
        {"schedule": "cosine_restarts", "restart_epochs": 5, "by_epoch": True},
        lambda o: CosineAnnealingWarmRestarts(o, 5),
    ),
    "CosineAnnealingWarmRestarts, longer and longer": (
        {
            "schedule": "cosine_restarts",
            "restart_epochs": 3,
            "restart_factor": 2,
            "by_epoch": True,
            "final_fraction": 0.1,
        },
        lambda o: CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.1 * PEAK),
    ),
}


@pytest.mark.parametrize(("fields", "make"), BY_EPOCHS.values(), ids=BY_EPOCHS)
def test_what_changes_by_epochs_has_the_bits_of_torch(
    fields: dict[str, object], make: Make
) -> None:
    expected, _ = stepped(make, EPOCHS)
    found = schedule.learning_rates(recipe(epochs=EPOCHS, **fields), EPOCHS * STEPS)
    assert found.tolist() == np.repeat(expected, STEPS).tolist()


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_and_linear_by_epochs_follow_torch(final: float) -> None:
    """Its own form is recursive, so the last bits differ."""
    makes: dict[str, Make] = {
        "cosine": lambda o: CosineAnnealingLR(o, EPOCHS, eta_min=final * PEAK),
        "linear": lambda o: LinearLR(o, 1.0, final, EPOCHS),
    }
    for name, make in makes.items():
        expected, _ = stepped(make, EPOCHS)
        ours = recipe(schedule=name, epochs=EPOCHS, final_fraction=final, by_epoch=True)
        found = schedule.learning_rates(ours, EPOCHS * STEPS)
        assert found == pytest.approx(np.repeat(expected, STEPS), rel=1e-9)


@pytest.mark.parametrize("factor", [1, 2])
def test_cosines_restart_at_a_step_as_torch_does_by_parts_of_an_epoch(factor: int) -> None:
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = SGD(weights, PEAK)
    scheduler = CosineAnnealingWarmRestarts(optimizer, 3, T_mult=factor)
    expected = []
    for step in range(EPOCHS * STEPS):
        scheduler.step(step // STEPS + step % STEPS / STEPS)  # as its documentation has it
        expected.append(optimizer.param_groups[0]["lr"])
    ours = recipe(
        schedule="cosine_restarts", restart_epochs=3, restart_factor=factor, epochs=EPOCHS
    )
    found = schedule.learning_rates(ours, EPOCHS * STEPS)
    assert found == pytest.approx(np.array(expected), rel=1e-12)


def test_a_table_gives_each_epoch_its_learning_rate() -> None:
    ours = recipe(
        schedule="table", epochs=4, learning_rate_table=((1, PEAK / 2), (2, PEAK), (4, PEAK / 10))
    )
    expected = np.repeat([PEAK / 2, PEAK, PEAK, PEAK / 10], 3)
    assert schedule.learning_rates(ours, 12).tolist() == expected.tolist()
    # Fewer epochs take its beginning, more keep its end.
    assert schedule.learning_rates(ours.with_epochs(1), 2).tolist() == [PEAK / 2] * 2
    assert schedule.learning_rates(ours.with_epochs(6), 6).tolist()[3:] == [PEAK / 10] * 3


def epoch_of(number: int, loss: float, correct: int) -> Epoch:
    return Epoch(
        epoch=number,
        learning_rate=0.0,
        train_loss=0.0,
        train_correct=0,
        validation_loss=loss,
        validation_correct=correct,
    )


@pytest.mark.parametrize(("threshold", "falls"), [(0.001, False), (0.01, True)])
def test_progress_of_less_than_the_threshold_is_none(threshold: float, falls: bool) -> None:
    """From 0.5 to 0.4975 it is 0.005 of the loss."""
    ours = recipe(
        schedule="plateau",
        epochs=3,
        step_factor=0.5,
        plateau_patience=0,
        plateau_threshold=threshold,
    )
    found = schedule.learning_rates(ours, 3, [epoch_of(1, 0.5, 990), epoch_of(2, 0.4975, 990)])
    assert found.tolist() == [PEAK, PEAK, PEAK / 2 if falls else PEAK]


@settings(max_examples=60)
@given(
    measured=st.lists(
        st.tuples(st.sampled_from([0.5, 0.4995, 0.49, 0.3, 0.1]), st.integers(990, 1000)),
        max_size=16,
    ),
    metric=st.sampled_from(["validation_loss", "validation_accuracy"]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 2),
    threshold=st.sampled_from([0.0, 1e-3, 0.01]),
    lowest=st.sampled_from([0.0, 0.2]),
)
def test_plateau_has_the_bits_of_torch(
    measured: list[tuple[float, int]],
    metric: str,
    patience: int,
    cooldown: int,
    threshold: float,
    lowest: float,
) -> None:
    ours = recipe(
        schedule="plateau",
        epochs=20,
        step_factor=0.5,
        final_fraction=lowest,
        plateau_metric=metric,
        plateau_patience=patience,
        plateau_cooldown=cooldown,
        plateau_threshold=threshold,
    )
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], PEAK)
    scheduler = ReduceLROnPlateau(
        optimizer,
        "min" if metric == "validation_loss" else "max",
        factor=0.5,
        patience=patience,
        threshold=threshold,
        cooldown=cooldown,
        min_lr=lowest * PEAK,
    )
    done: list[Epoch] = []
    for number, (loss, correct) in enumerate(measured, start=1):
        found = schedule.learning_rates(ours, 40, done)
        assert set(found[2 * (number - 1) :].tolist()) == {optimizer.param_groups[0]["lr"]}
        done.append(epoch_of(number, loss, correct))
        # In percent, as a script has it: the threshold is relative.
        scheduler.step(loss if metric == "validation_loss" else correct / 10)


def test_a_warm_up_multiplies_what_changes_by_epochs() -> None:
    ours = recipe(0.25, schedule="step", step_epochs=(1, 3), step_factor=0.5, div_factor=2.0)
    found = schedule.learning_rates(ours.with_epochs(4), 16)
    shares = [0.5, 0.625, 0.75, 0.875, *[0.5] * 8, *[0.25] * 4]
    assert found == pytest.approx(PEAK * np.array(shares), rel=1e-12)


NEEDED: dict[str, dict[str, object]] = {
    "one_cycle": {},
    "cosine": {},
    "linear": {},
    "step": {"step_fractions": (0.5,)},
    "constant": {},
    "table": {"learning_rate_table": ((1, PEAK),)},
    "cosine_restarts": {"restart_epochs": 1000},
    "plateau": {},
}


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("warmup_fraction", [0.0, 0.5, 0.99])
def test_the_shortest_runs_have_rates(name: str, n_steps: int, warmup_fraction: float) -> None:
    more = NEEDED[name]
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
