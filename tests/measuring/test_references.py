"""torchvision's networks at 224 pixels: published figures, and torchinfo's count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchinfo
from torch import nn
from torchvision import models

from bench.measuring import measures
from bench.measuring.measures import receptive_field
from bench.spec import Measured

IMAGE = torch.zeros(1, 3, 224, 224)
# Parameters: torchvision's model cards. Receptive fields: 435 of ResNet-18's last stage and 491 of
# MobileNetV2's last convolution, by the recurrence of Araujo et al. 2019 on the published layers.
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "resnet18": (models.resnet18, 11_689_512, 435),
    "mobilenet_v2": (models.mobilenet_v2, 3_504_872, 491),
}


@pytest.fixture(scope="module", params=PUBLISHED)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module, dict[str, Measured]]:
    torch.set_num_threads(1)
    model = PUBLISHED[request.param][0]()
    return request.param, model, measures.measure_all(model, IMAGE, {})


Network = tuple[str, nn.Module, dict[str, Measured]]


def test_the_published_figures(network: Network) -> None:
    name, _, found = network
    _, n_parameters, pixels = PUBLISHED[name]
    assert found["parameters"].values["n_parameters"] == n_parameters
    assert found["receptive_field"].values["receptive_field_pixels"] == pixels
    for measure, column in (("parameters", "n_parameters"), ("multiply_adds", "multiply_adds")):
        total = found[measure].values[column]
        assert {sum(view.values()) for view in found[measure].views.values()} == {total}


def counted_by_torchinfo_alone(model: nn.Module) -> int:
    """Its own additions: a norm's parameters once an image, a bias once an output element."""
    total = 0
    for name, layer in model.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            total += sum(parameter.numel() for parameter in layer.parameters())
        elif isinstance(layer, nn.Linear):
            total += layer.out_features
        elif isinstance(layer, nn.Conv2d):
            assert layer.bias is None, name
    return total


def test_torchinfo_counts_the_same(network: Network) -> None:
    _, model, found = network
    oracle = torchinfo.summary(model, input_data=IMAGE, verbose=0)
    assert found["parameters"].values["n_parameters"] == oracle.total_params
    alone = counted_by_torchinfo_alone(model)
    assert found["multiply_adds"].values["multiply_adds"] == oracle.total_mult_adds - alone


def test_torchs_counter_and_the_closed_form_agree(network: Network) -> None:
    _, _, found = network
    total = found["multiply_adds"].tables["reconciliation"][-1]
    assert total["torch_flops"] == 2 * total["multiply_adds"] == 2 * total["closed_form"]


def test_resnets_stages_by_the_recurrence() -> None:
    rows = receptive_field.measure(models.resnet18(), IMAGE, {}).layers
    stages = ("conv1", "maxpool", *(f"layer{n}.1.conv2" for n in (1, 2, 3, 4)))
    seen = [(rows[name]["receptive_field"], rows[name]["jump"]) for name in stages]
    assert seen == [(7, 2), (11, 4), (43, 4), (99, 8), (211, 16), (435, 32)]
