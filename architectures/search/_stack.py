"""What the candidates of the search share: plain stacks of 3x3 convolutions, and one recipe."""

from __future__ import annotations

from torch import nn

from bench.spec import Augmentation, Recipe

# The learning rate decays to nearly zero, a running average of the weights is evaluated, and the
# images are shifted, turned and scaled a little: what public training logs agree on.
RECIPE = Recipe(
    peak_learning_rate=0.02,
    warmup_fraction=0.25,
    weight_decay=0.01,
    decay_norm_and_bias=False,
    optimizer="adamw",
    ema_decay=0.999,
    augmentation=Augmentation(
        rotation_degrees=6.0,
        translate=0.08,
        scale_min=0.94,
        scale_max=1.06,
        shear_degrees=2.0,
        interpolation="bilinear",
    ),
)


class Stack(nn.Sequential):
    """(n, 1, 28, 28) images -> (n, 10) logits.

    Args:
        blocks: Channels of each block's convolutions; max-pooling by two stands between blocks.
    """

    def __init__(self, *blocks: tuple[int, ...]) -> None:
        layers: list[nn.Module] = []
        channels = 1
        for number, block in enumerate(blocks):
            if number:
                layers.append(nn.MaxPool2d(2))
            for width in block:
                layers.append(unit(channels, width))
                channels = width
        pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
        super().__init__(*layers, *pooled)


def unit(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 without padding or bias, BatchNorm, ReLU: each side is 2 smaller."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
