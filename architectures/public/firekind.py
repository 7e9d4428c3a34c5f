"""Firekind, six 3x3 convolutions with ReLU before BatchNorm: 6,174 parameters.

Source: github.com/firekind/ERA4, `session-6`, "Model 4": README of commit 57244f8, notebook of
commit 9777616; written anew from its layer list. It publishes 99.47 % (the last epoch; its log's
best is 99.48 %), one run of seed 1, trained on all 60,000 images. Here 54,000 train and 6,000
validate.
Reading: all six convolutions have a bias, ReLU and BatchNorm follow each, the last included, so
that the logits are averages of what BatchNorm gives: 6,174 parameters. Dropout stands behind both
poolings and on the logits.
Recipe: as published, `StepLR(10, 0.1)` at the end of each epoch; Adam's other settings are torch's
defaults, interpolation is torchvision's, nearest. The source turns and shifts in one step; here
an image is turned, then shifted by whole pixels, and loses what the turn moves out of the frame.
Evidence: `results/reference/mnist/firekind/`, one record a seed, none left out; they decide the
claims of `claims/firekind.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Firekind"

RECIPE = Recipe(
    peak_learning_rate=0.01,
    warmup_fraction=0.0,
    schedule="step",
    step_fractions=(10 / 15,),  # StepLR(10, 0.1) over 15 epochs
    augmentation=Augmentation(rotation_degrees=10.0, translate=0.1),
)

COMPONENTS: dict[str, str] = {}


def convolution(channels_in: int, channels_out: int, padding: int = 0) -> nn.Sequential:
    """Convolution 3x3 with bias, ReLU, BatchNorm, in this order."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=padding),
        nn.ReLU(),
        nn.BatchNorm2d(channels_out),
    )


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(
            convolution(1, 8, padding=1),
            convolution(8, 8, padding=1),
            nn.MaxPool2d(2),
            nn.Dropout(0.1),
        )
        self.block2 = nn.Sequential(
            convolution(8, 12, padding=1),
            convolution(12, 12, padding=1),
            nn.MaxPool2d(2),
            nn.Dropout(0.1),
        )
        self.block3 = nn.Sequential(convolution(12, 16), convolution(16, 10))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 8, 14, 14)
        x = self.block2(x)  # (batch, 12, 7, 7)
        x = self.block3(x)  # (batch, 10, 3, 3)
        x = self.dropout(self.pool(x).flatten(1))  # (batch, 10)
        return functional.log_softmax(x, dim=1)
