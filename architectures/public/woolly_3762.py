"""Woolly, nine padded 3x3 convolutions and a 1x1 classifier: 3,762 parameters.

Source: github.com/adilsammar/woolly-of-cv, `assets/mnist`: notebook
`MNIST_ALBUMENTATION_3762_99.52`, network, schedule and images of commit 7ade209; written anew from
its layer list. It publishes 99.52 % (the last of 15 epochs, and the best), one run of seed 1,
trained on all 60,000 images and scored on the test set after each epoch. Here 54,000 train and
6,000 validate.
Reading: every convolution has a bias; BatchNorm and ReLU follow all but the last, which is a 1x1
convolution behind the average pooling: 3,762 parameters. Dropout stands behind both poolings; the
third layer of it is never called. Weights of convolutions begin as Xavier's uniform ones, biases
at zero.
Recipe: the learning rate of each epoch as the log prints it. The source counts a step too few an
epoch: its second to fifteenth rates begin 0 to 13 steps early, and the last 14 steps have none. It
gives SGD no momentum, and builds a `OneCycleLR` that it never steps: as it is built, that sets the
optimiser's momentum to 0.95, and nothing sets it back. Half of its images are turned, shifted and
scaled in one bilinear step, with mirrored edges; here one half is turned and one half, drawn
apart, shifted and scaled, with black edges. On half of its images it multiplies grey levels by 0.8
to 1.2 and adds -51 to 51; no recipe adds, so here they are only multiplied.
Evidence: `results/reference/mnist/woolly_3762/`, one record a seed, none left out; they decide the
claims of `claims/woolly_3762.toml`.
"""

from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Woolly 3,762"

RECIPE = Recipe(
    optimizer="sgd",
    momentum=0.95,
    nesterov=False,
    peak_learning_rate=0.1,
    warmup_fraction=0.0,
    schedule="table",
    # numpy.interp(epoch - 1, [0, 2, 8, 12, 15], [0.05, 0.1, 0.01, 0.005, 0])
    learning_rate_table=(
        (1, 0.05),
        (2, 0.075),
        (3, 0.1),
        (4, 0.085),
        (5, 0.07),
        (6, 0.055),
        (7, 0.04),
        (8, 0.025),
        (9, 0.01),
        (10, 0.00875),
        (11, 0.0075),
        (12, 0.00625),
        (13, 0.005),
        (14, 0.005 * 2 / 3),
        (15, 0.005 / 3),
    ),
    batch_size=32,
    augmentation=Augmentation(
        rotation_degrees=7.0,
        rotation_probability=0.5,
        translate=0.09,
        scale_min=0.91,
        scale_max=1.09,
        affine_probability=0.5,
        interpolation="bilinear",
        brightness=0.2,
        jitter_probability=0.5,
    ),
)

COMPONENTS: dict[str, str] = {}


def convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    """Padded convolution 3x3 with bias, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
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
            convolution(1, 4),
            convolution(4, 4),
            convolution(4, 4),
            nn.MaxPool2d(2),
            nn.Dropout(0.01),
        )
        self.block2 = nn.Sequential(
            convolution(4, 8),
            convolution(8, 8),
            convolution(8, 8),
            nn.MaxPool2d(2),
            nn.Dropout(0.01),
        )
        self.block3 = nn.Sequential(convolution(8, 8), convolution(8, 8), convolution(8, 8))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(8, 10, 1)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block1(images)  # (batch, 4, 14, 14)
        x = self.block2(x)  # (batch, 8, 7, 7)
        x = self.block3(x)  # (batch, 8, 7, 7)
        x = self.classifier(self.pool(x)).flatten(1)  # (batch, 10)
        return functional.log_softmax(x, dim=1)
