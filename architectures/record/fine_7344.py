"""A plain stack of valid 3x3 convolutions and SiLU, 10-10, pool, 16-16-16: 7,344 parameters.

Source: ours, the tier under 8,000 parameters: `averaged_7344`, evaluated at a finer output stride
than it is trained at, as DeepLabv3 (Chen et al., 2017) is. While it trains, the pooling halves the
sides. In evaluation it has no stride and what follows is dilated instead, so that the mean at the
end is taken over all positions, not about every third: 1.9 million multiply-adds, not 0.95. One
pass, one image, no copies of it; that mean is a weighted one over the network's four ways to lay
its pooling grid. docs/record.md tells how it was chosen.
Evidence: 42 runs, seeds 30 to 71, none left out: 42 with 9,940 or more of 10,000 right, the worst
9,943, mean 99.541 %; records in `results/reference/mnist/fine_7344/`.
"""

from __future__ import annotations

from typing import Self

from torch import nn

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Fine stack 7,344"

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
        nn.BatchNorm2d(channels_out),
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
