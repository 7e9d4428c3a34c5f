"""Model_1 trained by Model_2's recipe: 9,850 parameters.

Source: the network of `architectures/model_1.py`, the recipe of `architectures/model_2.py`. The
course README changes both at once from one model to the next; with the recipe held fixed, what is
left between this and Model_2 is the architecture.
Evidence: `results/reference/mnist/model_1_recipe_of_model_2/`; it decides the claim
`model_2.gain_at_its_recipe` in `claims/session6.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Model_1, recipe of Model_2"

RECIPE = Recipe(
    peak_learning_rate=0.015,
    warmup_fraction=0.15,
    weight_decay=5e-5,
    augmentation=Augmentation(
        rotation_degrees=6.0, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2.0
    ),
)

COMPONENTS: dict[str, str] = {}


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
        self.block1 = nn.Sequential(
            convolution(1, 6),
            convolution(6, 12),
            nn.MaxPool2d(2),
            nn.Dropout(0.05),
        )
        self.block2 = nn.Sequential(
            convolution(12, 16),
            convolution(16, 20),
            nn.MaxPool2d(2),
            nn.Dropout(0.05),
        )
        self.block3 = nn.Sequential(
            convolution(20, 16),
            nn.Conv2d(16, 10, 3, padding=1),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 12, 14, 14)
        x = self.block2(x)  # (batch, 20, 7, 7)
        x = self.block3(x)  # (batch, 10, 7, 7)
        x = self.pool(x).flatten(1)  # (batch, 10)
        return functional.log_softmax(x, dim=1)
