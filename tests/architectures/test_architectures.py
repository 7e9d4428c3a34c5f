"""Every architecture in the checkout, and the published facts of the README's three."""

from __future__ import annotations

import pytest
import torch

from bench.inputs import discover
from bench.inputs.discover import Found
from bench.training.engine.network import require_trainable
from tests.support import ROOT

FOUND = discover.scan_all(ROOT / "architectures")
COMMON_AUGMENTATION = (6.0, 0.08, 0.94, 1.06, 2.0)
PUBLISHED = {  # parameters, peak learning rate, warm-up, weight decay
    "model_1": (9850, 0.01, 0.2, 1e-4),
    "model_2": (7262, 0.015, 0.15, 5e-5),
    "model_3": (7518, 0.012, 0.1, 3e-5),
}


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_every_architecture_can_be_trained_and_says_where_it_comes_from(found: Found) -> None:
    architecture = discover.load(found)
    assert require_trainable(architecture) > 0
    assert "Source:" in architecture.docstring
    assert "Evidence:" in architecture.docstring


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_readmes_networks_have_their_published_parameters_and_recipes(name: str) -> None:
    (found,) = discover.select(FOUND, [name])
    architecture = discover.load(found)
    recipe, augmentation = architecture.recipe, architecture.recipe.augmentation
    published = (
        require_trainable(architecture),
        recipe.peak_learning_rate,
        recipe.warmup_fraction,
        recipe.weight_decay,
    )
    assert published == PUBLISHED[name]
    assert (recipe.epochs, recipe.batch_size) == (15, 128)
    used = (
        augmentation.rotation_degrees,
        augmentation.translate,
        augmentation.scale_min,
        augmentation.scale_max,
        augmentation.shear_degrees,
    )
    assert used == COMMON_AUGMENTATION


DROPOUTS = {
    "model_1": [0.05, 0.05],
    "model_2": [0.03],  # one module, used after both blocks
    "model_3": [0.03, 0.02],
}


@pytest.mark.parametrize("name", DROPOUTS)
def test_the_readmes_networks_have_their_published_dropout(name: str) -> None:
    (found,) = discover.select(FOUND, [name])
    modules = discover.load(found).build().modules()
    dropouts = [module.p for module in modules if isinstance(module, torch.nn.Dropout)]
    assert dropouts == DROPOUTS[name]
