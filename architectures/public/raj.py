"""Raj, nine plain convolutions and a 1x1 classifier: 7,918 parameters.

Source: github.com/snehanshu-raj/ERA, `assignment_6`, "Model 3", commit bcde181; written anew from
its layer list. It publishes 99.52 % (the best of 15 epochs, chosen on the test set) and 99.50 %
(the last epoch), one run without a seed, trained on all 60,000 images. Here 54,000 train and 6,000
validate.
Reading: no convolution has a bias; BatchNorm and ReLU follow all but the last, which is a 1x1
convolution behind the average pooling: 7,918 parameters.
Recipe: as published, `StepLR(8, 0.1)` at the end of each epoch; Adam's other settings are torch's
defaults, interpolation is torchvision's, nearest.
Evidence: `results/reference/mnist/raj/`, one record a seed, none left out; they decide the
claims of `claims/raj.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Raj"

RECIPE = Recipe(
    peak_learning_rate=0.005,
    warmup_fraction=0.0,
    schedule="step",
    step_fractions=(8 / 15,),  # StepLR(8, 0.1) over 15 epochs
    batch_size=64,
    augmentation=Augmentation(rotation_degrees=7.0),
)

COMPONENTS: dict[str, str] = {}


def convolution(
    channels_in: int, channels_out: int, kernel: int = 3, padding: int = 0
) -> nn.Sequential:
    """Convolution without bias, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(
            convolution(1, 10, padding=1),
            convolution(10, 10, padding=1),
            convolution(10, 10, padding=1),
            nn.MaxPool2d(2),
        )
        self.block2 = nn.Sequential(
            convolution(10, 16),
            convolution(16, 16),
            convolution(16, 8),
            convolution(8, 8),
        )
        self.block3 = nn.Sequential(convolution(8, 8, kernel=1), convolution(8, 16, kernel=1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(16, 10, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 10, 14, 14)
        x = self.block2(x)  # (batch, 8, 6, 6)
        x = self.block3(x)  # (batch, 16, 6, 6)
        x = self.classifier(self.pool(x)).flatten(1)  # (batch, 10)
        return functional.log_softmax(x, dim=1)
