"""Model_3 without squeeze-and-excitation: 7,262 parameters.

Source: `architectures/model_3.py` less its two gates (256 parameters); recipe, dropout and
everything else are Model_3's. The course README says that the gates give "better feature focus":
this is the network that tells what they are worth.
Evidence: `results/reference/mnist/model_3_without_se/`; it decides the claim
`model_3.se_gain` in `claims/session6.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Model_3 without SE"

RECIPE = Recipe(
    peak_learning_rate=0.012,
    warmup_fraction=0.1,
    weight_decay=3e-5,
    augmentation=Augmentation(
        rotation_degrees=6.0, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2.0
    ),
)

COMPONENTS = {"skip": "Skip Connections"}


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


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(convolution(1, 8), separable(8, 12))
        self.block2 = nn.Sequential(convolution(12, 16), separable(16, 20))
        self.skip = nn.Conv2d(12, 20, 1)
        self.shrink = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.03)
        self.block3 = nn.Sequential(convolution(20, 16), nn.Conv2d(16, 10, 3, padding=1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.logit_dropout = nn.Dropout(0.02)

    def forward(self, images: Tensor) -> Tensor:
        x = self.dropout(self.shrink(self.block1(images)))  # (batch, 12, 14, 14)
        x = self.block2(x) + self.skip(x)  # (batch, 20, 14, 14)
        x = self.dropout(self.shrink(x))  # (batch, 20, 7, 7)
        x = self.block3(x)  # (batch, 10, 7, 7)
        x = self.logit_dropout(self.pool(x).flatten(1))  # (batch, 10)
        return functional.log_softmax(x, dim=1)
