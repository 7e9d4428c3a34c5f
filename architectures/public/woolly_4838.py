"""Woolly, six padded 3x3 convolutions and a 1x1 classifier: 4,838 parameters.

Source: github.com/adilsammar/woolly-of-cv, `assets/mnist`: `docs/MNIST.md` and notebook
`MNIST_4838_9942`, commit a057f22; written anew from its layer list. It publishes 99.42 % (the best
of 12 epochs, the eighth, chosen on the test set) and 99.41 % (the last epoch), one run of seed 1,
trained on all 60,000 images. Here 54,000 train and 6,000 validate.
Reading: every convolution has a bias; ReLU and BatchNorm follow all but the last, which is a 1x1
convolution before the average pooling: 4,838 parameters. Dropout stands behind both poolings and
before the last convolution. Weights of convolutions begin as Xavier's uniform ones, biases at zero.
Recipe: the learning rate of each epoch as the notebook sets it. It builds a `OneCycleLR` that it
never steps: as it is built, that sets Adam's beta1 to 0.95. Its other settings are torch's
defaults. The source cuts out a rectangle of 85 to 100 % of the image's area, enlarges it to the
whole and then turns it by the nearest pixel. No recipe cuts: here an image is turned, then enlarged
by up to 1 / sqrt(0.85) and shifted by up to the rectangle's margin, 0.04 of a side, all bilinear,
height and width alike.
Evidence: `results/reference/mnist/woolly_4838/`, one record a seed, none left out; they decide the
claims of `claims/woolly_4838.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Woolly 4,838"

RECIPE = Recipe(
    momentum=0.95,
    peak_learning_rate=0.01,
    warmup_fraction=0.0,
    schedule="table",
    # numpy.interp(epoch - 1, [0, 2, 5, 12], [0.001, 0.01, 0.0002, 0])
    learning_rate_table=(
        (1, 0.001),
        (2, 0.0055),
        (3, 0.01),
        (4, 0.01 - 0.0098 / 3),
        (5, 0.01 - 0.0098 * 2 / 3),
        (6, 0.0002),
        (7, 0.0002 * 6 / 7),
        (8, 0.0002 * 5 / 7),
        (9, 0.0002 * 4 / 7),
        (10, 0.0002 * 3 / 7),
        (11, 0.0002 * 2 / 7),
        (12, 0.0002 / 7),
    ),
    batch_size=64,
    epochs=12,
    augmentation=Augmentation(
        rotation_degrees=5.0,
        translate=0.04,
        scale_min=1.0,
        scale_max=1.085,  # 1 / sqrt(0.85)
        interpolation="bilinear",
    ),
)

COMPONENTS: dict[str, str] = {}


def convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    """Padded convolution 3x3 with bias, ReLU, BatchNorm, in this order."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(channels_out),
    )


def initialise(module: nn.Module) -> None:
    """Xavier's uniform weights and no bias, for a convolution."""
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


class Network(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = nn.Sequential(
            convolution(1, 4), convolution(4, 4), nn.MaxPool2d(2), nn.Dropout(0.01)
        )
        self.block2 = nn.Sequential(
            convolution(4, 8), convolution(8, 8), nn.MaxPool2d(2), nn.Dropout(0.01)
        )
        self.block3 = nn.Sequential(convolution(8, 16), convolution(16, 16), nn.Dropout(0.01))
        self.classifier = nn.Conv2d(16, 10, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 4, 14, 14)
        x = self.block2(x)  # (batch, 8, 7, 7)
        x = self.block3(x)  # (batch, 16, 7, 7)
        x = self.pool(self.classifier(x)).flatten(1)  # (batch, 10)
        return functional.log_softmax(x, dim=1)
