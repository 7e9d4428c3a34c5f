"""Each ablation is its network less one thing, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from bench.inputs import discover
from bench.spec import Architecture
from bench.training.engine.network import initialised, require_trainable
from tests.support import ROOT

FOUND = {each.name: each for each in discover.scan_all(ROOT / "architectures")}
# ablation, whose network, whose recipe, parameters less than that network, worked by hand
ABLATIONS = (
    ("model_2_without_skip", "model_2", "model_2", 12 * 20 + 20),
    # 8 -> 12 and 16 -> 20: a 3x3 and its bias instead of depthwise and pointwise and theirs
    (
        "model_2_standard",
        "model_2",
        "model_2",
        (72 + 8 + 96 + 12) - (864 + 12) + (144 + 16 + 320 + 20) - (2880 + 20),
    ),
    ("model_3_without_se", "model_3", "model_3", 2 * 12 * 4 + 2 * 20 * 4),
    ("model_1_recipe_of_model_2", "model_1", "model_2", 0),
    ("model_2_recipe_of_model_1", "model_2", "model_1", 0),
)
# ablation of p4m_4988 -> what a layer's settings say while it trains, and what they say instead
OF_THE_WINNER = {
    "p4m_4988_padded": ("stride=(1, 1), bias", "stride=(1, 1), padding=(1, 1), bias"),
    "p4m_4988_momentum": ("momentum=0.1,", "momentum=0.01,"),
    "p4m_4988_strided": ("", ""),  # nothing while it trains
}


def loaded(name: str) -> Architecture:
    return discover.load(FOUND[name])


def test_they_are_a_group_that_all_leaves_out() -> None:
    names = {each.name for each in discover.scan(ROOT / "architectures", "ablations")}
    assert names == {row[0] for row in ABLATIONS} | set(OF_THE_WINNER)
    top = {each.name for each in discover.scan(ROOT / "architectures")}
    assert top.isdisjoint(names)


@pytest.mark.parametrize(("name", "network", "recipe", "less"), ABLATIONS)
def test_an_ablation_is_its_network_less_one_thing(
    name: str, network: str, recipe: str, less: int
) -> None:
    ablation = loaded(name)
    whole = require_trainable(loaded(network))
    n_parameters = require_trainable(ablation)
    assert n_parameters == whole - less
    assert ablation.recipe == loaded(recipe).recipe
    assert f"{n_parameters:,} parameters" in ablation.docstring
    own, theirs = (_settings(each) for each in (ablation, loaded(network)))
    assert own["Dropout"] == theirs["Dropout"]
    if not less:
        assert own == theirs


@pytest.mark.parametrize(("name", "change"), OF_THE_WINNER.items())
def test_an_ablation_of_the_winner_differs_in_one_setting(
    name: str, change: tuple[str, str]
) -> None:
    ablation, winner = loaded(name), loaded("p4m_4988")
    assert require_trainable(ablation) == require_trainable(winner)
    assert ablation.recipe == winner.recipe
    own, theirs = (_settings(each, training=True) for each in (ablation, winner))
    assert own == {kind: [words.replace(*change) for words in theirs[kind]] for kind in theirs}
    assert (own == theirs) == (name == "p4m_4988_strided")


def test_the_strided_one_is_evaluated_as_the_winner_is_trained() -> None:
    strided, winner = loaded("p4m_4988_strided"), loaded("p4m_4988")
    assert _settings(strided, training=False) == _settings(winner, training=True)
    assert _settings(strided, training=False) != _settings(winner, training=False)


@pytest.mark.parametrize(
    ("name", "training"), [("p4m_4988_momentum", False), ("p4m_4988_strided", True)]
)
def test_where_nothing_is_changed_it_is_the_winner_bit_for_bit(name: str, training: bool) -> None:
    images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    nets = [initialised(loaded(each), seed=3).train(training) for each in (name, "p4m_4988")]
    assert torch.equal(*[net(images) for net in nets])
    assert nets[0].training is training


def test_padding_keeps_what_the_strided_network_sees() -> None:
    """In evaluation every second pixel of every second row is the map at the training's stride."""
    fine, strided = (
        initialised(loaded("p4m_4988_padded"), seed=3).double().eval() for _ in range(2)
    )
    for layer in strided.modules():
        if isinstance(layer, nn.Conv2d):
            layer.dilation = layer.padding = (1, 1)
        elif isinstance(layer, nn.MaxPool2d):
            layer.stride, layer.dilation = 2, 1
    maps = [torch.rand(2, 1, 28, 28, dtype=torch.float64)] * 2
    for layers in zip(list(fine)[:-3], list(strided)[:-3], strict=True):
        maps = [layer(each) for layer, each in zip(layers, maps, strict=True)]
    assert maps[0].shape == (2, 32, 27, 27)
    torch.testing.assert_close(maps[0][:, :, ::2, ::2], maps[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["model_1_recipe_of_model_2", "model_2_recipe_of_model_1"])
def test_a_swap_of_recipes_leaves_the_network_bit_for_bit(name: str) -> None:
    network = next(row[1] for row in ABLATIONS if row[0] == name)
    images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        outputs = [initialised(loaded(each), seed=3).eval()(images) for each in (name, network)]
    assert torch.equal(*outputs)


def test_the_claims_stand_on_them() -> None:
    text = (Path(ROOT) / "claims" / "session6.toml").read_text(encoding="utf-8")
    for name, *_ in ABLATIONS:
        assert f'against = "{name}"' in text


def _settings(architecture: Architecture, training: bool = True) -> dict[str, list[str]]:
    """Kind of layer -> its settings, in module order."""
    settings: dict[str, list[str]] = {"Dropout": []}
    for module in architecture.build().train(training).modules():
        if not list(module.children()):
            settings.setdefault(type(module).__name__, []).append(repr(module))
    return settings
