"""Model_3, Model_2 with squeeze-and-excitation: 7,518 parameters.

Source: the course README "Session-6: MNIST CNN Optimization", section "Model_3". It publishes
99.33 % (best validation epoch) and 99.35 % (test), one run of seed 42.
The README says dropout .03, .03, .02; its authors' code used .02, .02 and .01: this file follows
the README. Its snippet's Linear layers have biases, its table of 256 parameters does not: this
file follows the table, which alone gives the published total.
Evidence: `results/reference/mnist/model_3/`, one record a seed; `reports/reference/` shows them.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Model_3"

RECIPE = Recipe(
    peak_learning_rate=0.012,
    warmup_fraction=0.1,
    weight_decay=3e-5,
    augmentation=Augmentation(
        rotation_degrees=6.0, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2.0
    ),
)

COMPONENTS = {"skip": "Skip Connections", "gate1": "SE Attention", "gate2": "SE Attention"}


def convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 with bias and padding 1, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def separable(channels_in: int, channels_out: int) -> nn.Sequential:
    """Depthwise 3x3, pointwise 1x1 (both with bias), BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in),
        nn.Conv2d(channels_in, channels_out, 1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Gate(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018, arXiv 1709.01507): a factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 8, 4)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excitation = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        factors = self.excitation(self.squeeze(x).flatten(1))  # (batch, channels)
        return x * factors[:, :, None, None]


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(convolution(1, 8), separable(8, 12))
        self.gate1 = Gate(12)
        self.block2 = nn.Sequential(convolution(12, 16), separable(16, 20))
        self.gate2 = Gate(20)
        self.skip = nn.Conv2d(12, 20, 1)
        self.shrink = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.03)
        self.block3 = nn.Sequential(convolution(20, 16), nn.Conv2d(16, 10, 3, padding=1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.logit_dropout = nn.Dropout(0.02)

    def forward(self, images: Tensor) -> Tensor:
        x = self.gate1(self.block1(images))  # (batch, 12, 28, 28)
        x = self.dropout(self.shrink(x))  # (batch, 12, 14, 14)
        x = self.gate2(self.block2(x)) + self.skip(x)  # (batch, 20, 14, 14)
        x = self.dropout(self.shrink(x))  # (batch, 20, 7, 7)
        x = self.block3(x)  # (batch, 10, 7, 7)
        x = self.logit_dropout(self.pool(x).flatten(1))  # (batch, 10)
        return functional.log_softmax(x, dim=1)
