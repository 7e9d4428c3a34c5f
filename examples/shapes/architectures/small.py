"""Small: two convolutions on colour images of 20 x 20 pixels, 3,899 parameters."""

from torch import Tensor, nn

from bench.spec import Augmentation, Recipe

DISPLAY_NAME = "Small"
INPUT = (3, 20, 20)  # channels, height, width
CLASSES = 3
RECIPE = Recipe(
    peak_learning_rate=0.01,
    warmup_fraction=0.2,
    epochs=10,
    batch_size=32,
    pixel_mean=0.25,
    pixel_std=0.2,
    augmentation=Augmentation(flip_probability=0.5),
)


class Network(nn.Module):
    """(batch, 3, 20, 20) images -> (batch, 3) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2, bias=False),  # (batch, 8, 20, 20)
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (batch, 8, 10, 10)
            nn.Conv2d(8, 16, 5, padding=2, bias=False),  # (batch, 16, 10, 10)
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(1),  # (batch, 16, 1, 1)
        )
        self.head = nn.Linear(16, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).flatten(1))  # (batch, 3)
