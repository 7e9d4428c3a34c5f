"""`fine_7344` with a BatchNorm momentum of 0.01 instead of 0.1: 7,344 parameters.

Source: `architectures/record/fine_7344.py`; its running statistics are means over about a hundred
steps instead of ten. It tells what that momentum is worth to that network.
Evidence: `results/reference/mnist/fine_7344_momentum/`; docs/record.md has the effect.
"""

from __future__ import annotations

from typing import Self

from torch import nn

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Fine stack 7,344, BatchNorm momentum 0.01"

RECIPE = Recipe(
    peak_learning_rate=0.02,
    warmup_fraction=0.1,
    schedule="cosine",
    final_fraction=0.2,
    weight_decay=0.01,
    decay_norm_and_bias=False,
    optimizer="adamw",
    ema_decay=0.9995,
    augmentation=Augmentation(
        rotation_degrees=6.0,
        translate=0.08,
        scale_min=0.94,
        scale_max=1.06,
        shear_degrees=2.0,
        interpolation="bilinear",
    ),
)

COMPONENTS: dict[str, str] = {}


def unit(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 without padding or bias, BatchNorm, SiLU: each side is 2 smaller."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, bias=False),
        nn.BatchNorm2d(channels_out, momentum=0.01),
        nn.SiLU(),
    )


class Network(nn.Sequential):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def __init__(self) -> None:
        super().__init__(  # shapes while it trains; in evaluation
            unit(1, 10),  # (10, 26, 26)
            unit(10, 10),  # (10, 24, 24)
            nn.MaxPool2d(2),  # (10, 12, 12); (10, 23, 23)
            unit(10, 16),  # (16, 10, 10); (16, 19, 19)
            unit(16, 16),  # (16, 8, 8); (16, 15, 15)
            unit(16, 16),  # (16, 6, 6); (16, 11, 11)
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )

    def train(self, mode: bool = True) -> Self:
        """Sets the mode, and with it the output stride: 2 in training, 1 in evaluation."""
        super().train(mode)
        rate = 1
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                layer.dilation = (rate, rate)
            elif isinstance(layer, nn.MaxPool2d):
                layer.stride, layer.dilation = (2 if mode else 1), rate
                rate *= 1 if mode else 2
        return self
