"""Multiply-adds on nets small enough to count by hand."""

from __future__ import annotations

import pytest
import torch
import torchinfo
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.measures import multiply_adds

NO_COMPONENTS: dict[str, str] = {}


def headline(model: nn.Module, example: Tensor) -> int:
    """The measure's first figure."""
    value = multiply_adds.measure(model, example, NO_COMPONENTS).values["multiply_adds"]
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(4, 6, 3), 6 * 6 * 6 * 4 * 9),  # 6 maps of 6 x 6, each of 4 x 9 products
        (nn.Conv2d(4, 6, 3, bias=False), 6 * 6 * 6 * 4 * 9),  # bias additions do not count
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), 4 * 8 * 8 * 9),  # depthwise
        (nn.Conv2d(4, 6, 3, stride=2, padding=1), 6 * 4 * 4 * 4 * 9),
        (nn.Conv2d(4, 6, 3, dilation=2), 6 * 4 * 4 * 4 * 9),  # holes cost nothing
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 10)), 2560),
        (nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)), 0),
    ],
)
def test_one_image_by_hand(layer: nn.Module, expected: int) -> None:
    assert headline(layer, torch.zeros(1, 4, 8, 8)) == expected
    assert headline(layer, torch.zeros(3, 4, 8, 8)) == expected  # one image, whatever the batch


class Loose(nn.Module):
    """A convolution as a function, a layer called twice, and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, 3, 3))
        self.mix = nn.Conv2d(2, 2, 1)
        self.spare = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.weight)  # (n, 2, 6, 6)
        return torch.sigmoid(self.mix(self.mix(x))).mean((2, 3))


def test_functions_and_repeated_calls_are_counted_and_the_rest_is_told() -> None:
    measured = multiply_adds.measure(Loose(), torch.zeros(1, 1, 8, 8), {"mix": "Mixing"})
    counts = {name: row["multiply_adds"] for name, row in measured.layers.items()}
    assert counts == {"mix": 2 * 144, "(model)": 648, "spare": 0}
    assert measured.values["multiply_adds"] == 648 + 288
    assert sum(measured.components.values()) == 648 + 288
    assert measured.components["Mixing"] == 288
    assert "not counted by fvcore (operator: times): mean: 1, sigmoid: 1" in measured.notes
    assert "never called, so not counted: spare" in measured.notes


def test_an_unknown_operator_never_counts_as_zero() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(MeasureError, match=r"scaled_dot_product_attention.*add it to FREE"):
        multiply_adds.measure(Attention(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)


def test_torchinfo_counts_the_same_where_its_convention_is_the_same() -> None:
    model = nn.Sequential(  # without biases and norms, which torchinfo counts
        nn.Conv2d(1, 6, 3, stride=2, bias=False),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=3, padding=1, bias=False),
        nn.Flatten(),
        nn.Linear(6 * 13 * 13, 10, bias=False),
    )
    example = torch.zeros(1, 1, 28, 28)
    oracle = torchinfo.summary(model, input_data=example, verbose=0)
    assert headline(model, example) == oracle.total_mult_adds
