"""The public networks: their published layers, recipes and claims, worked by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from bench import machine
from bench.evidence import claims
from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.ledger import Entry, ledger
from bench.inputs import discover
from bench.measuring import portraits
from bench.spec import Architecture, Augmentation, Portrait, Recipe, RunRecord
from bench.training import provenance
from bench.training.engine import schedule
from bench.training.engine.network import require_trainable
from tests import factories
from tests.support import ROOT

FOUND = {each.name: each for each in discover.scan(ROOT / "architectures", "public")}
NAMES = ("firekind", "hexhowells", "nagalakshmi", "raj", "woolly_3762", "woolly_4838")
N_IMAGES = 54_000

# Weights and biases of each convolution or linear layer in order, then BatchNorm's two a channel.
PARAMETERS = {
    "raj": (
        9 * (1 * 10 + 10 * 10 + 10 * 10 + 10 * 16 + 16 * 16 + 16 * 8 + 8 * 8)
        + (8 * 8 + 8 * 16 + 16 * 10)
        + 2 * (10 + 10 + 10 + 16 + 16 + 8 + 8 + 8 + 16)
    ),
    "nagalakshmi": (
        9 * (1 * 8 + 8 * 10 + 10 * 12 + 12 * 16 + 16 * 16) + 16 * 10 + 2 * (8 + 10 + 12 + 16 + 16)
    ),
    "firekind": (
        9 * (1 * 8 + 8 * 8 + 8 * 12 + 12 * 12 + 12 * 16 + 16 * 10)
        + (8 + 8 + 12 + 12 + 16 + 10)
        + 2 * (8 + 8 + 12 + 12 + 16 + 10)
    ),
    "woolly_3762": (
        9 * (1 * 4 + 2 * 4 * 4 + 4 * 8 + 5 * 8 * 8)
        + 8 * 10
        + (3 * 4 + 6 * 8 + 10)
        + 2 * (3 * 4 + 6 * 8)
    ),
    "woolly_4838": (
        9 * (1 * 4 + 4 * 4 + 4 * 8 + 8 * 8 + 8 * 16 + 16 * 16)
        + 16 * 10
        + (2 * 4 + 2 * 8 + 2 * 16 + 10)
        + 2 * (2 * 4 + 2 * 8 + 2 * 16)
    ),
    "hexhowells": (16 * 1 * 4 + 9 * (4 * 5 + 5 * 4) + 4 * 3 * 3 * 10 + (4 + 5 + 4 + 10)),
}
PUBLISHED_PARAMETERS = {
    "raj": 7918,
    "nagalakshmi": 6188,
    "firekind": 6174,
    "woolly_3762": 3762,
    "woolly_4838": 4838,
    "hexhowells": 807,
}
# Positions of the output times weights of one position, by hand.
MULTIPLY_ADDS = {
    "woolly_3762": 784 * 9 * (4 + 2 * 16) + 196 * 9 * (32 + 2 * 64) + 49 * 9 * 3 * 64 + 80,
    "woolly_4838": 784 * 9 * (4 + 16) + 196 * 9 * (32 + 64) + 49 * (9 * (128 + 256) + 160),
    "hexhowells": 25 * 25 * 16 * 4 + 10 * 10 * 9 * 20 + 3 * 3 * 9 * 20 + 36 * 10,
}

# A valid 3x3 takes 2 pixels off each side of the map, a padded one none; a pooling halves it.
BLOCKS: dict[str, dict[str, tuple[int, ...]]] = {
    "raj": {
        "block1": (10, 14, 14),  # 28, 28, 28, halved
        "block2": (8, 6, 6),  # 12, 10, 8, 6
        "block3": (16, 6, 6),
        "pool": (16, 1, 1),
        "classifier": (10, 1, 1),
    },
    "nagalakshmi": {
        "block1": (10, 12, 12),  # 26, 24, halved
        "block2": (16, 4, 4),  # 10, 8, halved
        "block3": (16, 2, 2),
        "pool": (16, 1, 1),
        "classifier": (10,),
    },
    "firekind": {
        "block1": (8, 14, 14),  # 28, 28, halved
        "block2": (12, 7, 7),  # 14, 14, halved
        "block3": (10, 3, 3),  # 5, 3
        "pool": (10, 1, 1),
    },
    "woolly_3762": {
        "block1": (4, 14, 14),
        "block2": (8, 7, 7),
        "block3": (8, 7, 7),
        "pool": (8, 1, 1),
        "classifier": (10, 1, 1),
    },
    "woolly_4838": {
        "block1": (4, 14, 14),
        "block2": (8, 7, 7),
        "block3": (16, 7, 7),
        "classifier": (10, 7, 7),
        "pool": (10, 1, 1),
    },
    "hexhowells": {
        "block1": (4, 12, 12),  # 25, halved
        "block2": (5, 5, 5),  # 10, halved
        "block3": (4, 3, 3),
        "classifier": (10,),
    },
}
LETTERS: dict[type[nn.Module], str] = {
    nn.Conv2d: "c",
    nn.Linear: "l",
    nn.BatchNorm2d: "b",
    nn.ReLU: "r",
    nn.MaxPool2d: "m",
    nn.AdaptiveAvgPool2d: "a",
    nn.Dropout: "d",
}
LAYERS = {
    "raj": "cbr" * 3 + "m" + "cbr" * 6 + "ac",
    "nagalakshmi": "cbrcbrmd" * 2 + "cbr" + "adl",
    "firekind": "crbcrbmd" * 2 + "crbcrb" + "ad",
    "woolly_3762": "cbrcbrcbrmd" * 2 + "cbrcbrcbr" + "ac",
    "woolly_4838": "crbcrbmd" * 2 + "crbcrbd" + "ca",
    "hexhowells": "crm" * 2 + "cr" + "l",
}
DROPOUT: dict[str, set[float]] = {
    "raj": set(),
    "nagalakshmi": {0.008},
    "firekind": {0.1},
    "woolly_3762": {0.01},
    "woolly_4838": {0.01},
    "hexhowells": set(),
}
RETURNS_LOGITS = {"hexhowells"}  # the others return log-probabilities


@cache
def loaded(name: str) -> Architecture:
    return discover.load(FOUND[name])


def test_they_are_a_group_that_all_leaves_out() -> None:
    assert tuple(FOUND) == NAMES
    assert {each.name for each in discover.scan(ROOT / "architectures")}.isdisjoint(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_are_the_published_ones(name: str) -> None:
    n_parameters = require_trainable(loaded(name))
    assert n_parameters == PARAMETERS[name] == PUBLISHED_PARAMETERS[name]
    assert f"{n_parameters:,} parameters" in loaded(name).docstring.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "published"),
    [("woolly_3762", 621_008), ("woolly_4838", 487_648), ("hexhowells", 59_980)],
)
def test_the_multiply_adds_are_those_of_its_maps(name: str, published: int) -> None:
    assert MULTIPLY_ADDS[name] == published
    assert measured(name).measures["multiply_adds"].values["multiply_adds"] == published


@pytest.mark.parametrize("name", NAMES)
def test_layers_come_in_the_published_order_and_shapes(name: str) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    order: list[str] = []
    network = loaded(name).build().eval()

    def keep(path: str, module: nn.Module) -> None:
        def after(_: nn.Module, __: object, output: torch.Tensor) -> None:
            if path in BLOCKS[name]:
                shapes[path] = tuple(output.shape[1:])
            if type(module) in LETTERS:
                order.append(LETTERS[type(module)])

        module.register_forward_hook(after)

    for path, module in network.named_modules():
        keep(path, module)
    with torch.no_grad():
        output = network(torch.rand(2, 1, 28, 28))
    assert shapes == BLOCKS[name]
    assert "".join(order) == LAYERS[name]
    is_log_probability = torch.allclose(output.exp().sum(dim=1), torch.ones(2))
    assert is_log_probability == (name not in RETURNS_LOGITS)
    dropouts = {module.p for module in network.modules() if isinstance(module, nn.Dropout)}
    assert dropouts == DROPOUT[name]


# Optimizer, its momentum, peak learning rate, weight decay, batch size, epochs, augmentation.
RECIPES = {
    "raj": ("adam", 0.9, 0.005, 0.0, 64, 15, Augmentation(rotation_degrees=7.0)),
    "nagalakshmi": (
        *("adam", 0.9, 0.003, 5e-5, 128, 15),
        Augmentation(rotation_degrees=5.0, translate=0.05, scale_min=0.98, scale_max=1.02),
    ),
    "firekind": (
        *("adam", 0.9, 0.01, 0.0, 128, 15),
        Augmentation(rotation_degrees=10.0, translate=0.1),
    ),
    "woolly_3762": (
        *("sgd", 0.95, 0.1, 0.0, 32, 15),
        Augmentation(
            rotation_degrees=7.0,
            rotation_probability=0.5,
            translate=0.09,
            scale_min=0.91,
            scale_max=1.09,
            affine_probability=0.5,
            interpolation="bilinear",
            brightness=0.2,
            jitter_probability=0.5,
        ),
    ),
    "woolly_4838": (
        *("adam", 0.95, 0.01, 0.0, 64, 12),
        Augmentation(
            rotation_degrees=5.0, translate=0.04, scale_max=1.085, interpolation="bilinear"
        ),
    ),
    "hexhowells": ("adamw", 0.9, 0.0008, 0.01, 14, 20, Augmentation()),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_recipes_are_the_published_ones(name: str) -> None:
    recipe = loaded(name).recipe
    used = (
        recipe.optimizer,
        recipe.momentum,
        recipe.peak_learning_rate,
        recipe.weight_decay,
        recipe.batch_size,
        recipe.epochs,
        recipe.augmentation,
    )
    assert used == RECIPES[name]
    assert recipe.decay_norm_and_bias
    assert (recipe.pixel_mean, recipe.pixel_std) == (0.1307, 0.3081)
    assert (recipe.label_smoothing, recipe.ema_decay, recipe.unaugmented_epochs) == (0, 0, 0)


@pytest.mark.parametrize("name", ["woolly_3762", "woolly_4838"])
def test_convolutions_begin_as_xavier_has_them(name: str) -> None:
    network = loaded(name).build()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            taps = layer.kernel_size[0] ** 2
            bound = (6 / (taps * (layer.in_channels + layer.out_channels))) ** 0.5
            assert 0.6 * bound < layer.weight.abs().max() <= bound
            assert layer.bias is not None
            assert not layer.bias.any()


def test_woollys_momentum_is_what_a_scheduler_that_is_never_stepped_leaves_behind() -> None:
    groups = []
    for own in (SGD([nn.Parameter(torch.zeros(1))], lr=0.05), optimizer(0.001)):
        OneCycleLR(own, max_lr=0.1, steps_per_epoch=1875, epochs=15, anneal_strategy="linear")
        groups.append(own.param_groups[0])
    recipes = [loaded(name).recipe for name in ("woolly_3762", "woolly_4838")]
    assert (groups[0]["momentum"], groups[0]["nesterov"]) == (0.95, False)
    assert (recipes[0].momentum, recipes[0].nesterov) == (0.95, False)
    assert groups[1]["betas"] == (recipes[1].momentum, 0.999)


def optimizer(peak: float) -> Adam:
    return Adam([nn.Parameter(torch.zeros(1))], lr=peak)


def rates_of(scheduler: LRScheduler, n_steps: int) -> list[float]:
    """The learning rate of each of n_steps; torch's scheduler is stepped after each."""
    rates = []
    for step in range(n_steps):
        rates.append(float(scheduler.get_last_lr()[0]))
        scheduler.optimizer.step()
        if step < n_steps - 1:
            scheduler.step()
    return rates


def steps_an_epoch(recipe: Recipe) -> int:
    return -(-N_IMAGES // recipe.batch_size)  # the last, short batch is kept


@pytest.mark.parametrize(
    ("name", "step_size", "gamma"),
    [("raj", 8, 0.1), ("firekind", 10, 0.1), ("hexhowells", 5, 0.62)],
)
def test_the_learning_rate_falls_between_two_epochs_as_in_torch(
    name: str, step_size: int, gamma: float
) -> None:
    recipe = loaded(name).recipe
    n_an_epoch = steps_an_epoch(recipe)
    n_steps = recipe.epochs * n_an_epoch
    ours = schedule.learning_rates(recipe, n_steps).reshape(recipe.epochs, n_an_epoch)
    stepped = StepLR(optimizer(recipe.peak_learning_rate), step_size, gamma=gamma)
    theirs = rates_of(stepped, recipe.epochs)
    assert ours[:, 0].tolist() == theirs
    assert ours[:, -1].tolist() == theirs
    assert [theirs[step_size - 1], theirs[step_size]] == pytest.approx(
        [recipe.peak_learning_rate, recipe.peak_learning_rate * gamma]
    )


@pytest.mark.parametrize(
    ("name", "after", "reached"),
    [
        ("woolly_3762", [0, 2, 8, 12, 15], [0.05, 0.1, 0.01, 0.005, 0]),
        ("woolly_4838", [0, 2, 5, 12], [0.001, 0.01, 0.0002, 0]),
    ],
)
def test_the_learning_rate_of_an_epoch_lies_between_those_that_the_source_names(
    name: str, after: list[int], reached: list[float]
) -> None:
    recipe = loaded(name).recipe
    n_an_epoch = steps_an_epoch(recipe)
    n_steps = recipe.epochs * n_an_epoch
    ours = schedule.learning_rates(recipe, n_steps).reshape(recipe.epochs, n_an_epoch)
    theirs = np.interp(np.arange(recipe.epochs), after, reached)
    assert ours[:, 0] == pytest.approx(theirs, rel=1e-12)
    assert ours[:, -1] == pytest.approx(theirs, rel=1e-12)


def test_one_cycle_ends_at_a_thousandth_of_its_first_learning_rate() -> None:
    recipe = loaded("nagalakshmi").recipe
    n_steps = 15 * steps_an_epoch(recipe)
    cycle = OneCycleLR(
        optimizer(0.001), 0.003, total_steps=n_steps, pct_start=0.2, final_div_factor=1000.0
    )
    ours = schedule.learning_rates(recipe, n_steps).tolist()
    assert ours == rates_of(cycle, n_steps)
    assert ours[-1] == pytest.approx(0.003 / 25 / 1000)


NOT_CONFIRMED: dict[str, dict[str, str]] = {
    "raj": {"raj.receptive_field": "refuted"},  # 7, pooled 8, + 4 * 4 = 24; a 1x1 adds 0
    "nagalakshmi": {"nagalakshmi.parameters.summary_and_results": "inconsistent"},  # 7,984
    "firekind": {},
    "hexhowells": {},
    "woolly_3762": {},
    "woolly_4838": {  # 3, 5, pooled 6, 10, 14, pooled 16, 24, 32
        f"woolly_4838.receptive_field.{layer}": "refuted"
        for layer in ("pool1", "conv3", "pool2", "conv5")
    },
}
CONSISTENTLY = ("firekind", "nagalakshmi", "raj")  # the others' documents name no rate
BEST_ABOVE_LAST = 20  # images, in the runs below


def run(architecture: Architecture, seed: int, last: int) -> RunRecord:
    """A run with `last` right answers after the last epoch, and 20 more four epochs earlier."""
    made = factories.record(
        architecture.name,
        seed,
        recipe=architecture.recipe,
        architecture_digest=architecture.digest,
    )
    n_first = architecture.recipe.epochs - 5
    counts = [last - 50] * n_first + [last + BEST_ABOVE_LAST] + [last] * 4
    epochs = [
        replace(epoch, test_correct=count) for epoch, count in zip(made.epochs, counts, strict=True)
    ]
    return replace(made, epochs=epochs)


@cache
def measured(name: str) -> Portrait:
    environment = provenance.environment(torch.device("cpu"), "python -m bench measure")
    return portraits.portrait(loaded(name), environment)


def thirty(name: str, last: int) -> list[RunRecord]:
    """Ten runs each of that count, one less and one more."""
    return [run(loaded(name), seed, last + seed % 3 - 1) for seed in range(30)]


def judged(name: str, runs: list[RunRecord]) -> dict[str, Entry]:
    """Every claim about the network."""
    said = claims.load_files([machine.folder("claims") / f"{name}.toml"]).claims
    held = SuiteContents("made_up", runs, [measured(name)])
    return {entry.claim.id: entry for entry in ledger(said, arranged([held], said))}


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_decided(name: str) -> None:
    for last, consistently in ((9960, "confirmed"), (9900, "refuted")):
        found = judged(name, thirty(name, last))
        assert {entry.claim.subject for entry in found.values()} == {name}
        if name in CONSISTENTLY:
            assert found[f"{name}.objective.accuracy"].judged.verdict == consistently
        structure = {
            each: entry.judged.verdict for each, entry in found.items() if entry.kind != "runs"
        }
        assert structure == dict.fromkeys(structure, "confirmed") | NOT_CONFIRMED[name]


ACCURACIES = (  # claim, right answers of 10,000, whether of the best epoch
    ("raj.test_accuracy", 9950, False),
    ("raj.best_test_accuracy", 9952, True),
    ("nagalakshmi.best_test_accuracy", 9954, True),
    ("firekind.test_accuracy", 9947, False),
    ("woolly_3762.test_accuracy", 9952, False),
    ("woolly_4838.best_test_accuracy", 9942, True),
    ("woolly_4838.test_accuracy", 9941, False),
    ("hexhowells.best_test_accuracy", 9816, True),
)


@pytest.mark.parametrize(("claim", "published", "is_best"), ACCURACIES)
def test_an_accuracy_is_judged_by_the_epoch_that_it_speaks_of(
    claim: str, published: int, is_best: bool
) -> None:
    name = claim.partition(".")[0]
    last = published - BEST_ABOVE_LAST if is_best else published
    other = published if is_best else published - BEST_ABOVE_LAST
    for count, verdict in ((last, "consistent"), (other, "not consistent")):
        assert judged(name, thirty(name, count))[claim].judged.verdict == verdict


def reached(name: str, runs: list[RunRecord]) -> str:
    return judged(name, runs)[f"{name}.objective.accuracy"].measured_words


@pytest.mark.parametrize(
    ("name", "words"), [("raj", "10 of 30"), ("nagalakshmi", "20 of 30"), ("firekind", "20 of 30")]
)
def test_more_than_99_4_is_strict(name: str, words: str) -> None:
    assert reached(name, thirty(name, 9940)) == words  # 9,939, 9,940 and 9,941, ten of each


@pytest.mark.parametrize(
    ("name", "words"), [("raj", "30 of 30"), ("nagalakshmi", "0 of 30"), ("firekind", "30 of 30")]
)
def test_final_epochs_are_more_than_the_last(name: str, words: str) -> None:
    def dipped(run: RunRecord) -> RunRecord:
        third_last = replace(run.epochs[-3], test_correct=9900)
        return replace(run, epochs=[*run.epochs[:-3], third_last, *run.epochs[-2:]])

    assert reached(name, [dipped(each) for each in thirty(name, 9960)]) == words
