"""Nagalakshmi, five unpadded 3x3 convolutions and a linear layer: 6,188 parameters.

Source: github.com/nagalakshmi-nimmagadda/MNIST-CNN-COLAB, "Model 3": README of commit 408f1a1,
notebook of commit 2ef7e03; written anew from its layer list. It publishes 99.54 % (the best of 15
epochs, chosen on the test set), its notebook 99.44 % (the last epoch), one run of seed 5, trained
on all 60,000 images. Here 54,000 train and 6,000 validate.
Reading: neither the convolutions nor the linear layer have a bias, BatchNorm follows each of the
five convolutions: 6,188 parameters. Dropout stands behind both poolings and before the linear
layer.
Recipe: as published, `OneCycleLR` with a last learning rate of its first / 1,000 instead of torch's
10,000; Adam's other settings are torch's defaults, interpolation is torchvision's, nearest.
Evidence: `results/reference/mnist/nagalakshmi/`, one record a seed, none left out; they decide the
claims of `claims/nagalakshmi.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Nagalakshmi"

RECIPE = Recipe(
    peak_learning_rate=0.003,
    warmup_fraction=0.2,
    weight_decay=5e-5,
    final_div_factor=1e3,
    augmentation=Augmentation(rotation_degrees=5.0, translate=0.05, scale_min=0.98, scale_max=1.02),
)

COMPONENTS: dict[str, str] = {}


def convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution 3x3 without bias or padding, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(
            convolution(1, 8),
            convolution(8, 10),
            nn.MaxPool2d(2),
            nn.Dropout(0.008),
        )
        self.block2 = nn.Sequential(
            convolution(10, 12),
            convolution(12, 16),
            nn.MaxPool2d(2),
            nn.Dropout(0.008),
        )
        self.block3 = convolution(16, 16)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.008)
        self.classifier = nn.Linear(16, 10, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 10, 12, 12)
        x = self.block2(x)  # (batch, 16, 4, 4)
        x = self.block3(x)  # (batch, 16, 2, 2)
        x = self.dropout(self.pool(x).flatten(1))  # (batch, 16)
        return functional.log_softmax(self.classifier(x), dim=1)  # (batch, 10)
