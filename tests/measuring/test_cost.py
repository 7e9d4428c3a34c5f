"""Bytes, worked by hand on nets small enough, and held against files on disk."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from bench.inputs import discover
from bench.measuring import measures
from bench.measuring.measures import cost
from bench.spec import Recipe
from tests.support import ROOT

BATCH = torch.zeros(2, 1, 4, 4)
NO_COMPONENTS: dict[str, str] = {}
ADAM = Recipe(peak_learning_rate=0.1, warmup_fraction=0.0)


def small() -> nn.Sequential:
    """119 parameters in 4 tensors: 18 + 2, 96 + 3."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 4 * 4, 3)
    )


def test_bytes_of_a_small_net_by_hand() -> None:
    # Backward needs the convolution's input, 2 * 16 numbers, and what ReLU gave, 2 * 2 * 16: the
    # linear layer's input is a view of it. Weights are needed too, but are parameters.
    activations = 4 * (2 * 16 + 2 * 2 * 16)
    measured = cost.measure(small(), BATCH, NO_COMPONENTS, ADAM)
    assert measured.values == {
        "activation_bytes": activations,
        "training_bytes": 4 * 4 * 119 + activations,  # themselves, gradients, two averages
        "fp32_bytes": 4 * 119,
        "int8_bytes": 119 + 4 * 4,
    }


@pytest.mark.parametrize(
    ("changes", "n_copies", "said"),
    [
        ({"optimizer": "adam"}, 2, "gradients + Adam's two averages + buffers"),
        ({"optimizer": "adamw"}, 2, "gradients + Adam's two averages + buffers"),
        ({"optimizer": "sgd"}, 1, "gradients + SGD's average + buffers"),
        ({"optimizer": "sgd", "schedule": "cosine", "momentum": 0.0}, 0, "gradients + buffers"),
    ],
)
def test_training_memory_counts_the_recipes_optimiser(
    changes: dict[str, Any], n_copies: int, said: str
) -> None:
    """By hand: 119 parameters and their gradients, and what the optimiser keeps for each."""
    found = cost.measure(small(), BATCH, NO_COMPONENTS, replace(ADAM, **changes))
    assert found.values["training_bytes"] == 4 * 119 * (2 + n_copies) + 4 * (2 * 16 + 2 * 2 * 16)
    assert any(said in note for note in found.notes)
    recipe = replace(ADAM, **changes)
    taken = measures.measure_all(small(), BATCH, NO_COMPONENTS, recipe)["cost"]
    assert taken.values == found.values


def test_activations_grow_with_the_batch_and_files_do_not() -> None:
    one, four = (cost.measure(small(), torch.zeros(n, 1, 4, 4), {}, ADAM).values for n in (1, 4))
    assert four["activation_bytes"] == 4 * one["activation_bytes"]
    assert four["fp32_bytes"] == one["fp32_bytes"]


def test_frozen_parameters_have_no_gradient_and_no_averages() -> None:
    model = small()
    model[0].requires_grad_(False)  # 20 parameters; the layer then needs no input either
    values = cost.measure(model, BATCH, NO_COMPONENTS, ADAM).values
    assert values["activation_bytes"] == 4 * 2 * 2 * 16
    assert values["training_bytes"] == 4 * (119 + 3 * 99) + values["activation_bytes"]
    assert values["fp32_bytes"] == 4 * 119


def test_buffers_keep_their_size_and_shared_tensors_count_once() -> None:
    shared = nn.Linear(4, 4, bias=False)
    values = cost.measure(
        nn.Sequential(shared, nn.BatchNorm1d(4), shared), torch.rand(3, 4), NO_COMPONENTS, ADAM
    ).values
    buffers = 4 * (4 + 4) + 8  # means, variances, one int64 count
    assert values["fp32_bytes"] == 4 * (16 + 4 + 4) + buffers
    assert values["int8_bytes"] == 16 + 4 + 4 + 3 * 4 + buffers


class Half(nn.Module):
    """Drops half of the numbers, with a draw."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        dropped: Tensor = self.drop(self.norm(x))
        return dropped


def test_the_model_and_the_draws_come_back_as_they_were() -> None:
    model = Half().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    first = cost.measure(model, torch.ones(2, 1, 4, 4), NO_COMPONENTS, ADAM)
    assert first == cost.measure(model, torch.ones(2, 1, 4, 4), NO_COMPONENTS, ADAM)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_batch_that_training_refuses_is_one_line() -> None:
    found = measures.measure_all(nn.Sequential(nn.Linear(3, 2)), BATCH, NO_COMPONENTS)["cost"]
    assert found.error is not None
    assert found.error.startswith("forward raised RuntimeError: ")
    assert "(on an input of shape (2, 1, 4, 4)): make forward accept such a batch" in found.error


PLUG_INS = {found.name: found for found in discover.scan_all(ROOT / "architectures")}


@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3"])
def test_float32_bytes_are_those_of_the_file_without_its_header(name: str) -> None:
    model = discover.load(PLUG_INS[name]).build()
    values = cost.measure(model, torch.zeros(2, 1, 28, 28), NO_COMPONENTS, ADAM).values
    content = next((ROOT / "results/reference/mnist" / name).glob("*.safetensors")).read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")  # safetensors: its length, then JSON
    assert values["fp32_bytes"] == len(content) - header
