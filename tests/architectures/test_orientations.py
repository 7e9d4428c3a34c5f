"""Networks whose kernels stand in several orientations, held against the turned image itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bench.inputs import discover
from bench.training.engine.network import initialised
from tests.support import ROOT

FOUND = {each.name: each for each in discover.scan_all(ROOT / "architectures")}
QUARTER_TURNS = tuple((False, turns) for turns in range(4))
OF_THE_SQUARE = tuple((mirror, turns) for mirror in (False, True) for turns in range(4))
MIRROR = ((False, 0), (True, 0))
SYMMETRIES = {
    "try_4526_turned": QUARTER_TURNS,
    "try_4654_turned": QUARTER_TURNS,
    "try_4718_turned": QUARTER_TURNS,
    "try_6958_turned": QUARTER_TURNS,
    "try_3825_mirrored": MIRROR,
} | dict.fromkeys(
    (
        "try_1908_factored",
        "try_2040_factored",
        "try_2356_factored",
        "try_2545_factored",
        "try_2576_factored",
        "try_2492_mirrored",
        "try_3772_mirrored",
        "try_4820_mirrored",
        "try_4988_mirrored",
        "p4m_2492",
        "p4m_2576",
        "p4m_3772",
        "p4m_4988",
        "p4m_4988_momentum",
        "p4m_4988_padded",
        "p4m_4988_strided",
        "p4m_strided_4988",
    ),
    OF_THE_SQUARE,
)


def seen(images: Tensor, mirror: bool, turns: int) -> Tensor:
    return torch.rot90(images.flip(3) if mirror else images, turns, (2, 3))


def features(name: str, training: bool) -> nn.Module:
    """All but the linear layer, in float64."""
    network = initialised(discover.load(FOUND[name]), seed=3).double().train(training)
    network[-1] = nn.Identity()
    return network


def test_every_network_of_that_kind_is_here() -> None:
    endings = ("_turned", "_mirrored", "_factored")
    assert set(SYMMETRIES) == {
        name for name in FOUND if name.endswith(endings) or name.startswith("p4m_")
    }


@pytest.mark.parametrize("training", [True, False], ids=["strided", "fine"])
@pytest.mark.parametrize("name", SYMMETRIES)
def test_before_training_a_turned_image_has_the_features_of_another_orientation(
    name: str, training: bool
) -> None:
    """They move as one to another's place; BatchNorm then learns a scale for each of them."""
    network, symmetries = features(name, training), SYMMETRIES[name]
    images = torch.rand(2, 1, 28, 28, dtype=torch.float64)
    upright = orientations(network(images), len(symmetries))
    places = []
    for mirror, turns in symmetries:
        found = orientations(network(seen(images, mirror, turns)), len(symmetries))
        distances = (found.unsqueeze(1) - upright.unsqueeze(0)).abs().amax((2, 3))
        assert distances.amin(1).max() < 1e-9
        places.append(tuple(distances.argmin(1).tolist()))
        assert sorted(places[-1]) == list(range(len(symmetries)))
    assert len(set(places)) == len(symmetries)


def orientations(found: Tensor, n: int) -> Tensor:
    """(orientations, images, kernels)."""
    return found.unflatten(1, (n, -1)).transpose(0, 1)
