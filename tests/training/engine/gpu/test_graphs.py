"""The step over fixed buffers, run launch by launch on a CPU, against the plain loop.

What a GPU adds, the capture itself, is tested in test_graphs_gpu.py.
"""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from bench.inputs import discover
from bench.inputs.datasets import Dataset
from bench.spec import RunSpec
from bench.training import augment, provenance
from bench.training.engine.data import prepare
from bench.training.engine.gpu.graphs import Steps
from bench.training.engine.gpu.own_generator import OwnGenerator
from bench.training.engine.gpu.turns import at_once, train_in_turns
from bench.training.engine.settings import numerics_of
from bench.training.engine.streams import generator
from bench.training.engine.train import Diverged, maps_of, start
from tests.training.augment.oracle import EVERY_PART
from tests.training.engine.stepping import (
    CPU,
    NAMES,
    SIZE,
    Kept,
    by_steps,
    digest,
    gently,
    in_turns_alone,
    load,
    measured,
    spec_of,
    trained,
    turns,
)

ENVIRONMENT = provenance.environment(CPU, "tests")


@pytest.mark.parametrize("name", NAMES)
def test_with_the_same_optimiser_the_bits_are_those_of_the_plain_loop(
    name: str, small_data: Dataset
) -> None:
    architecture = load(name)
    spec = spec_of(architecture, small_data, "eager")
    kept = Kept()
    plain = trained(architecture, spec, small_data, kept).record
    with numerics_of(spec.numerics, CPU):
        state = by_steps(architecture, spec, small_data)
        assert digest(state) == plain.weights_sha256
        assert measured(state.epochs) == measured(plain.epochs)
        # From a checkpoint that the plain loop left in between, too.
        resumed = by_steps(architecture, spec, small_data, kept.written[1], chunk=1)
        assert digest(resumed) == plain.weights_sha256


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_path_follows_the_plain_loop_and_resumes_bit_for_bit(
    name: str, small_data: Dataset
) -> None:
    architecture = load(name)
    plain_spec, spec = (gently(spec_of(architecture, small_data, p)) for p in ("eager", "graph"))
    plain = trained(architecture, plain_spec, small_data).record
    kept = Kept()
    whole = trained(architecture, spec, small_data, kept).record
    losses = [epoch.train_loss for epoch in whole.epochs]
    assert losses == pytest.approx([epoch.train_loss for epoch in plain.epochs], rel=2e-3)
    for content in kept.written:
        resumed = trained(architecture, spec, small_data, Kept(content)).record
        assert resumed.weights_sha256 == whole.weights_sha256
        assert measured(resumed.epochs) == measured(whole.epochs)


def test_the_graph_path_falls_on_a_plateau_as_the_plain_loop_and_resumes_bit_for_bit(
    small_data: Dataset,
) -> None:
    architecture = load("model_2")
    plain_spec, spec = (
        falling(spec_of(architecture, small_data, path)) for path in ("eager", "graph")
    )
    plain = trained(architecture, plain_spec, small_data).record
    kept = Kept()
    whole = trained(architecture, spec, small_data, kept).record
    rates = [epoch.learning_rate for epoch in whole.epochs]
    assert rates == [epoch.learning_rate for epoch in plain.epochs]
    assert len(set(rates)) == 3
    losses = [epoch.train_loss for epoch in whole.epochs]
    assert losses == pytest.approx([epoch.train_loss for epoch in plain.epochs], rel=2e-3)
    for content in kept.written:
        resumed = trained(architecture, spec, small_data, Kept(content)).record
        assert resumed.weights_sha256 == whole.weights_sha256
        assert measured(resumed.epochs) == measured(whole.epochs)


def falling(spec: RunSpec) -> RunSpec:
    """The learning rate falls after each epoch but the first: none is progress by 99 %."""
    recipe = replace(
        spec.recipe,
        schedule="plateau",
        warmup_fraction=0.0,
        peak_learning_rate=1e-3,
        plateau_patience=0,
        plateau_threshold=0.99,
    )
    return replace(spec, recipe=recipe)


def test_every_part_of_an_augmentation_has_the_bits_of_the_plain_loop(
    small_data: Dataset,
) -> None:
    architecture = load("model_2")
    spec = spec_of(architecture, small_data, "eager")
    spec = replace(spec, recipe=replace(spec.recipe, augmentation=EVERY_PART))
    plain = trained(architecture, spec, small_data).record
    fused = replace(spec, numerics=replace(spec.numerics, path="fused"))
    quick = trained(architecture, fused, small_data).record
    losses = [epoch.train_loss for epoch in quick.epochs]
    assert losses == pytest.approx([epoch.train_loss for epoch in plain.epochs], rel=2e-2)
    with numerics_of(spec.numerics, CPU):
        state = by_steps(architecture, spec, small_data)
    assert digest(state) == plain.weights_sha256
    assert measured(state.epochs) == measured(plain.epochs)


def test_two_runs_in_turns_have_the_bits_that_each_has_alone(small_data: Dataset) -> None:
    architecture = load("model_2")
    specs = [spec_of(architecture, small_data, "graph", seed=seed) for seed in (0, 1)]
    specs = [replace(spec, recipe=spec.recipe.with_epochs(2)) for spec in specs]
    alone = [trained(architecture, spec, small_data).record.weights_sha256 for spec in specs]
    assert alone[0] != alone[1]
    torch.manual_seed(8)
    before = torch.get_rng_state()
    with numerics_of(specs[0].numerics, CPU):
        states, waiting = zip(
            *[turns(architecture, spec, small_data) for spec in specs], strict=True
        )
        running = list(waiting)
        while running:
            torch.rand(3)  # whatever else draws between two turns
            running = [run for run in running if next(run, None)]
    assert torch.equal(before, torch.get_rng_state())
    assert [digest(state) for state in states] == alone


def test_a_run_that_is_not_captured_has_its_bits_in_turns_too(small_data: Dataset) -> None:
    architecture = load("model_2")
    spec = spec_of(architecture, small_data, "eager")
    plain, in_turns = Kept(), Kept()
    alone = trained(architecture, spec, small_data, plain)
    turned = in_turns_alone(architecture, spec, small_data, ENVIRONMENT, in_turns)
    assert turned.weights == alone.weights
    assert measured(turned.record.epochs) == measured(alone.record.epochs)
    assert len(in_turns.written) == len(plain.written) == spec.recipe.epochs - 1


DRAWS = """import random, numpy, torch
        if self.training:
            images = images * (0.5 + random.random()) * (0.5 + numpy.random.rand())
            images = images * (0.5 + torch.rand(1).to(images.device))"""


def test_an_uncaptured_run_takes_turns_of_16_steps_whatever_others_draw_between(
    small_data: Dataset, tmp_path: Path, write_architecture: Callable[..., Path]
) -> None:
    """It may draw from every default generator: a network is often refused for that reason."""
    write_architecture("drawing", before=DRAWS)
    (found,) = discover.select(discover.scan(tmp_path / "architectures"), ["drawing"])
    architecture = discover.load(found)
    spec = spec_of(architecture, small_data, "eager")
    spec = replace(spec, recipe=replace(spec.recipe.with_epochs(2), batch_size=16))
    alone = trained(architecture, spec, small_data).record
    told = []
    with numerics_of(spec.numerics, CPU):
        state, run = turns(architecture, spec, small_data)
        for turn in run:
            told.append(turn)
            random.random()
            np.random.rand(3)  # noqa: NPY002
            torch.rand(3)
    assert told == [*["trained"] * 3, "epoch"] * 2  # 38 steps an epoch
    assert digest(state) == alone.weights_sha256
    assert measured(state.epochs) == measured(alone.epochs)


def test_warming_up_changes_nothing(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    spec = replace(spec, recipe=spec.recipe.with_epochs(2))
    with numerics_of(spec.numerics, CPU):
        state = start(architecture, spec, CPU)
        steps = Steps(state, prepare(small_data, spec, CPU), spec, capture=False)
        before = digest(state), state.optimizer.state_dict()
        steps.warm_up()
        assert digest(state) == before[0]
        torch.testing.assert_close(state.optimizer.state_dict(), before[1], rtol=0, atol=0)
        for epoch in (1, 2):
            steps.warm_up()
            steps.begin(epoch, maps_of(spec, SIZE, epoch))
            while steps.advance(4):
                pass
            steps.evaluate()
            steps.finish()
    assert digest(state) == trained(architecture, spec, small_data).record.weights_sha256


@pytest.mark.parametrize(("batch", "n_train"), [(64, 576), (64, 40), (50, 51)])
def test_any_number_of_images_makes_whole_epochs(
    small_data: Dataset, batch: int, n_train: int
) -> None:
    """No short batch; nothing but a short batch; a batch of one left over."""
    some = replace_train(small_data, n_train)
    architecture = load("model_1")
    spec = spec_of(architecture, some, "eager")
    recipe = replace(spec.recipe.with_epochs(1), batch_size=batch)
    spec = replace(spec, recipe=recipe)
    with numerics_of(spec.numerics, CPU):
        state = by_steps(architecture, spec, some)
    assert digest(state) == trained(architecture, spec, some).record.weights_sha256


def replace_train(data: Dataset, n_train: int) -> Dataset:
    train = type(data.train)(data.train.images[:n_train], data.train.labels[:n_train])
    info = replace(data.info, n_train=n_train)
    return Dataset(info=info, train=train, validation=data.validation, test=data.test)


def test_the_epoch_s_images_are_those_of_one_batch_after_another(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    data = prepare(small_data, spec, CPU)
    steps = Steps(start(architecture, spec, CPU), data, spec, capture=False)
    maps = maps_of(spec, SIZE, 2)
    steps.begin(2, maps)
    order = torch.randperm(600, generator=generator(spec.seed, "order", 2))
    for row, chosen in enumerate(order.split(64)):
        expected = augment.apply(data.train.images[chosen], maps[chosen])
        assert torch.equal(steps._images[row * 64 : row * 64 + len(chosen)], expected)
        assert torch.equal(
            steps._labels[row * 64 : row * 64 + len(chosen)], data.train.labels[chosen]
        )


def test_maps_are_let_go_as_soon_as_they_are_copied(small_data: Dataset) -> None:
    """So that the memory that they came in can be used for another epoch."""
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    steps = Steps(start(architecture, spec, CPU), prepare(small_data, spec, CPU), spec, False)
    maps = maps_of(spec, SIZE, 1)
    held = weakref.ref(maps)
    steps.begin(1, maps)
    del maps
    gc.collect()
    assert held() is not None  # a GPU may still be reading
    steps.advance(1)
    assert held() is None


def test_a_loss_that_is_not_finite_names_its_step(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    wild = replace(spec, recipe=replace(spec.recipe, peak_learning_rate=1e30))
    with numerics_of(wild.numerics, CPU), pytest.raises(Diverged, match=r"epoch 1, step [2-9]"):
        for _ in turns(architecture, wild, small_data)[1]:
            pass


@dataclass
class Late:
    """Maps that come only when they are asked for a third time."""

    asked: int = 0

    def ahead(self, spec: RunSpec, size: tuple[int, int], epoch: int) -> object:
        made = at_once(spec, size, epoch)

        class Slow:
            @staticmethod
            def done() -> bool:
                self.asked += 1
                return self.asked % 3 == 0

            @staticmethod
            def result() -> object:
                assert self.asked % 3 == 0
                return made.result()

        return Slow()


def test_a_run_whose_maps_are_late_gives_its_turn_away(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    spec = replace(spec, recipe=spec.recipe.with_epochs(2))
    with numerics_of(spec.numerics, CPU):
        state = start(architecture, spec, CPU)
        data = prepare(small_data, spec, CPU)
        told = list(train_in_turns(state, data, spec, Late().ahead))  # type: ignore[arg-type]
    assert told == ["waited", "waited", "trained", "epoch"] * 2
    assert digest(state) == trained(architecture, spec, small_data).record.weights_sha256


def test_an_own_generator_draws_what_the_default_one_would_and_leaves_it_alone() -> None:
    drop = nn.Dropout(0.5)
    torch.manual_seed(7)
    expected = [drop(torch.ones(64)) for _ in range(3)]
    torch.manual_seed(1)
    outer = torch.get_rng_state()
    own, other = OwnGenerator(CPU), OwnGenerator(CPU)
    own.reseed(7)
    other.reseed(9)
    for each in expected:
        with own.standing_in():
            assert torch.equal(drop(torch.ones(64)), each)
        with other.standing_in():
            assert not torch.equal(drop(torch.ones(64)), each)
        assert torch.equal(outer, torch.get_rng_state())
