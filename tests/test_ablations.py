"""Each ablation is its network less one thing, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench import discover
from bench.engine.network import initialised, require_trainable
from bench.spec import Architecture
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


def loaded(name: str) -> Architecture:
    return discover.load(FOUND[name])


def test_they_are_a_group_that_all_leaves_out() -> None:
    names = {each.name for each in discover.scan(ROOT / "architectures", "ablations")}
    assert names == {row[0] for row in ABLATIONS}
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


def _settings(architecture: Architecture) -> dict[str, list[str]]:
    """Kind of layer -> its settings, in module order."""
    settings: dict[str, list[str]] = {"Dropout": []}
    for module in architecture.build().modules():
        if not list(module.children()):
            settings.setdefault(type(module).__name__, []).append(repr(module))
    return settings
