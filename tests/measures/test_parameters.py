"""Exact parameter counts on nets small enough to count by hand."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
import torchinfo
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from bench.errors import MeasureError
from bench.measures import parameters

IMAGE = torch.zeros(1, 1, 8, 8)
NO_COMPONENTS: dict[str, str] = {}


class Shared(nn.Module):
    """One convolution called twice, and a second name for it; a scale of the model itself."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.conv = nn.Conv2d(1, 1, 3, padding=1)  # 9 + 1
        self.same = self.conv
        self.head = nn.Linear(64, 3, bias=False)  # 192
        self.spare = nn.Linear(2, 2)  # 4 + 2, never called

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.same(self.conv(x))
        scores: Tensor = self.head(features.flatten(1))
        return self.scale * scores


def test_shared_idle_and_direct_parameters_count_once() -> None:
    measured = parameters.measure(Shared(), IMAGE, NO_COMPONENTS)
    assert measured.values == {
        "n_parameters": 3 + 10 + 192 + 6,
        "n_trainable": 211,
        "n_weights": 208,
        "n_biases": 3,
    }
    counts = {name: row["n_parameters"] for name, row in measured.layers.items()}
    assert counts == {"conv": 10, "conv (call 2)": 0, "head": 192, "(model)": 3, "spare": 6}
    assert measured.layers["spare"]["output_shape"] is None
    assert measured.components == {
        "Conv Layers": 10,
        "BatchNorm": 0,
        "SE Attention": 0,
        "Skip Connections": 0,
        "Final Linear": 198,
        "Other": 3,
    }


def test_tied_weights_count_in_the_first_layer() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64, bias=False), nn.Linear(64, 64))
    model[2].weight = model[1].weight
    measured = parameters.measure(model, IMAGE, NO_COMPONENTS)
    assert measured.values["n_parameters"] == 64 * 64 + 64
    assert [row["n_parameters"] for row in measured.layers.values()] == [0, 4096, 64]


def test_frozen_parameters_count_but_are_not_trainable() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 1))
    model[0].requires_grad_(requires_grad=False)
    values = parameters.measure(model, IMAGE, NO_COMPONENTS).values
    assert (values["n_parameters"], values["n_trainable"]) == (20 + 3, 3)


def test_the_longest_declared_prefix_wins_at_a_dot() -> None:
    parts = {
        "se": nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3)),
        "second": nn.Conv2d(1, 1, 1),  # starts with "se", lies not under it
    }
    model = nn.Sequential(OrderedDict(parts))
    declared = {"se": "SE Attention", "se.1": "Skip Connections"}
    components = parameters.measure(model, IMAGE, declared).components
    assert components["SE Attention"] == 2
    assert components["Skip Connections"] == 10
    assert components["Conv Layers"] == 2


def test_a_bare_module_that_holds_others_is_no_layer() -> None:
    part = nn.Module()
    part.conv = nn.Conv2d(1, 1, 3)
    model = nn.Module()
    model.part = part
    model.forward = lambda x: part.conv(x)  # type: ignore[operator]
    assert list(parameters.measure(model, IMAGE, NO_COMPONENTS).layers) == ["part.conv"]


def test_a_parametrized_convolution_is_still_a_convolution() -> None:
    model = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(1, 2, 3)))
    measured = parameters.measure(model, IMAGE, NO_COMPONENTS)
    assert measured.components["Conv Layers"] == 2 + 18 + 2  # magnitudes, directions, biases
    assert measured.values["n_biases"] == 2
    assert measured.layers["0"]["operation"] == "Conv2d"


def test_biases_are_known_by_any_name() -> None:
    model = nn.Sequential(nn.Flatten(), nn.GRU(64, 2))
    values = parameters.measure(model, IMAGE, NO_COMPONENTS).values
    assert (values["n_weights"], values["n_biases"]) == (3 * 2 * (64 + 2), 2 * 3 * 2)


def test_torchinfo_counts_the_same() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.PReLU(), nn.Flatten(), nn.Linear(216, 10)
    )
    oracle = torchinfo.summary(model, input_data=IMAGE, verbose=0)
    values = parameters.measure(model, IMAGE, NO_COMPONENTS).values
    assert values["n_parameters"] == oracle.total_params
    assert values["n_trainable"] == oracle.trainable_params


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
def test_a_lazy_layer_is_refused() -> None:
    with pytest.raises(MeasureError, match=r"parameter '0\.weight' has no size yet .*run forward"):
        parameters.measure(nn.Sequential(nn.LazyConv2d(2, 3)), IMAGE, NO_COMPONENTS)
