"""Exact parameter counts on nets small enough to count by hand."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
import torchinfo
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from bench.errors import MeasureError
from bench.measuring.measures import parameters

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
    assert [name for name, row in measured.layers.items() if row.get("unused")] == ["spare"]
    assert "unused, for forward never calls them: spare (6 parameters)" in measured.notes
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


class Traps(nn.Module):
    """Shared, unused, tied, loose, frozen and unregistered parameters, and buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(2, 2, 3, padding=1, groups=2)  # 18 + 2
        self.skip = nn.Conv2d(2, 2, 1, bias=False)  # 4, pointwise
        self.norm = nn.BatchNorm2d(2)  # 2 + 2, and 5 buffer elements
        self.again = self.norm
        self.unused = nn.Conv2d(2, 2, 3, padding=1)  # 36 + 2, standard
        self.encode = nn.Linear(2, 2)  # 4 + 2
        self.head = nn.Linear(2, 2)  # its weight is tied, so 2
        self.head.weight = self.encode.weight
        self.scale = nn.Parameter(torch.ones(2))  # in no layer
        self.loose = [nn.Parameter(torch.ones(3))]  # in a list: torch does not know it
        self.skip.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(1, 2, 8, 8)
        x = self.again(self.norm(self.depthwise(x))) + self.skip(x)
        x = self.head(self.encode(x.mean((2, 3)))) * self.scale
        return x * self.loose[0].sum()


def test_every_view_of_the_traps_adds_up() -> None:
    declared = {"skip": "Skip Connections", "head": "Head", "again": "Shared norm"}
    measured = parameters.measure(Traps(), IMAGE, declared)
    assert measured.values["n_parameters"] == 20 + 4 + 4 + 38 + 6 + 2 + 2
    assert measured.views == {
        "by_component": {
            "Other": 2,
            "Conv Layers": 58,
            "Skip Connections": 4,
            "Shared norm": 4,
            "Final Linear": 6,
            "Head": 2,
        },
        "by_type": {
            "Traps": 2,
            "Depthwise convolution": 20,
            "Pointwise convolution": 4,
            "BatchNorm": 4,
            "Standard convolution": 38,
            "Linear": 8,
        },
        "by_role": {"Body": 66, "Skip Connections": 4, "Shared norm": 4, "Head": 2},
        "by_kind": {"Weights": 2 + 18 + 4 + 2 + 36 + 4, "Biases": 2 + 2 + 2 + 2 + 2},
        "by_training": {"Trainable": 72, "Frozen": 4},
    }
    assert measured.at_least  # the parameters in the list are missing
    assert "shared: norm.weight = again.weight, norm.bias = again.bias, " in measured.notes[-4]
    assert measured.notes[-4].endswith("encode.weight = head.weight")
    assert measured.notes[-3] == "not counted: 5 buffer elements"
    assert measured.notes[-1] == (
        "not counted and not trained, since no module holds it: 3 elements used by forward"
    )


def test_a_parts_weights_biases_and_training_stand_in_its_row() -> None:
    rows = parameters.measure(Traps(), IMAGE, {"skip": "Skip Connections"}).tables
    assert rows["parameters_by_role"] == [
        {
            "part": "Body",
            "n_weights": 62,
            "n_biases": 10,
            "n_trainable": 72,
            "n_frozen": 0,
            "n_parameters": 72,
        },
        {
            "part": "Skip Connections",
            "n_weights": 4,
            "n_biases": 0,
            "n_trainable": 0,
            "n_frozen": 4,
            "n_parameters": 4,
        },
    ]


def test_a_layers_row_tells_its_window_its_groups_and_its_share() -> None:
    row = parameters.measure(Traps(), IMAGE, NO_COMPONENTS).layers["depthwise"]
    assert row == {
        "operation": "Conv2d",
        "component": "Conv Layers",
        "output_shape": [2, 8, 8],
        "kernel": 3,
        "stride": 1,
        "groups": 2,
        "n_weights": 18,
        "n_biases": 2,
        "n_trainable": 20,
        "n_parameters": 20,
        "parameters_percent": 26.32,  # 20 of 76
    }


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(1, 4, 3), "Standard convolution"),
        (nn.Conv2d(4, 4, 3, groups=4), "Depthwise convolution"),
        (nn.Conv2d(4, 8, 3, groups=4), "Depthwise convolution"),  # two filters a channel
        (nn.Conv2d(4, 4, 3, groups=2), "Grouped convolution"),
        (nn.Conv2d(4, 8, 1), "Pointwise convolution"),
        (nn.Conv2d(4, 8, (1, 3)), "Standard convolution"),
        (nn.ConvTranspose2d(4, 4, 2), "Transposed convolution"),
        (nn.BatchNorm2d(4), "BatchNorm"),
        (nn.Linear(4, 4), "Linear"),
        (nn.GroupNorm(2, 4), "GroupNorm"),
    ],
)
def test_the_type_of_a_layer(layer: nn.Module, expected: str) -> None:
    assert list(parameters.measure(layer, IMAGE, NO_COMPONENTS).views["by_type"]) == [expected]
