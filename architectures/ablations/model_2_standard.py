"""Model_2 with standard instead of depthwise separable convolutions: 10,350 parameters.

Source: `architectures/model_2.py` with each depthwise 3x3 and pointwise 1x1 pair replaced by the
one 3x3 convolution that it stands for; recipe, skip and everything else are Model_2's. The course
README says that the pairs reduce parameters by about 40 %: this is what they are compared with.
Evidence: `results/reference/mnist/model_2_standard/`; it decides the claim
`model_2.separable_gain` in `claims/session6.toml`; for
`model_2.separable_saving` its measured portrait is enough.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Model_2 standard"

RECIPE = Recipe(
    peak_learning_rate=0.015,
    warmup_fraction=0.15,
    weight_decay=5e-5,
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


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(convolution(1, 8), convolution(8, 12))
        self.block2 = nn.Sequential(convolution(12, 16), convolution(16, 20))
        self.skip = nn.Conv2d(12, 20, 1)
        self.shrink = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.03)
        self.block3 = nn.Sequential(convolution(20, 16), nn.Conv2d(16, 10, 3, padding=1))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.dropout(self.shrink(self.block1(images)))  # (batch, 12, 14, 14)
        x = self.block2(x) + self.skip(x)  # (batch, 20, 14, 14)
        x = self.dropout(self.shrink(x))  # (batch, 20, 7, 7)
        x = self.block3(x)  # (batch, 10, 7, 7)
        x = self.pool(x).flatten(1)  # (batch, 10)
        return functional.log_softmax(x, dim=1)
