"""Dropout layers: every call has a row, with the probability that the layer was made with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.measuring.measures import dropout

IMAGES = torch.zeros(1, 1, 28, 28)


class Trap(nn.Module):
    """A layer used twice, a channel dropout, one without effect, and dropout as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.twice = nn.Dropout(0.03)
        self.channels = nn.Dropout2d(0.1)
        self.none = nn.Dropout(0.0)
        self.idle = nn.AlphaDropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channels(self.twice(self.conv(x)))
        return self.none(self.twice(functional.dropout(x, 0.7)))


def test_every_call_has_a_row_in_the_order_of_the_calls() -> None:
    found = dropout.measure(Trap(), IMAGES, {})
    assert {name: row["dropout_probability"] for name, row in found.layers.items()} == {
        "twice": 0.03,
        "channels": 0.1,
        "twice (call 2)": 0.03,
        "none": 0.0,
        "idle": 0.5,  # never called, so it comes last
    }
    assert list(found.layers) == ["twice", "channels", "twice (call 2)", "none", "idle"]
    assert found.values == {"n_dropout_layers": 4}
    assert found.notes == [dropout.NOTE]


def test_a_network_without_dropout_has_none() -> None:
    found = dropout.measure(nn.Conv2d(1, 1, 3), IMAGES, {})
    assert (found.values, found.layers) == ({"n_dropout_layers": 0}, {})
