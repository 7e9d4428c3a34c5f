"""NETWORK_NAME: say in one line what it is and how many parameters it has.

Source: where it comes from (paper, README, your own idea).
Evidence: what was measured, with how many seeds; comments and docstrings do not change the
digest of a file, so this text may be written after the runs.
"""

from torch import Tensor, nn

from bench.spec import Augmentation, Recipe

# How the network is called in tables and figures.
DISPLAY_NAME = "NETWORK_NAME"

# How it is trained: Adam, cross-entropy, one-cycle learning rate. Each field is part of a run's
# key: a changed recipe makes new runs, and the old records stay. Other fields, each with a default
# (https://manyseeds.github.io/manyseeds/python.html tells their meanings; a field without effect is
# refused):
#   optimizer="adamw", "sgd" or "rmsprop", decay_norm_and_bias=False, momentum=0.9
#   schedule="cosine" or "linear" with final_fraction=0.01; "step" with step_epochs=(8, 12);
#   schedule="constant", "cosine_restarts", "table" or "plateau"; lines of a PyTorch script
#   as fields: https://manyseeds.github.io/manyseeds/recipes.html
#   label_smoothing=0.1, ema_decay=0.999, batch_size=64, epochs=20, unaugmented_epochs=2
RECIPE = Recipe(
    peak_learning_rate=0.01,
    warmup_fraction=0.2,
    weight_decay=1e-4,
    augmentation=Augmentation(
        rotation_degrees=6.0, translate=0.08, scale_min=0.94, scale_max=1.06, shear_degrees=2.0
    ),
)

# Optional: which component a module's parameters are counted under, by the module's name. What
# is not named here is counted by its type (Conv Layers, BatchNorm, Final Linear, Other).
COMPONENTS = {"head": "Final Linear"}

# Optional: the images that it takes, (channels, height, width), and the number of its classes.
INPUT = (1, 28, 28)
CLASSES = 10

# Optional: "channels_last" (the default) or "contiguous_format"; try both, one is faster.
MEMORY_FORMAT = "channels_last"


class Network(nn.Module):
    """(batch, 1, 28, 28) normalised images -> (batch, 10) logits or log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),  # (batch, 8, 28, 28)
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (batch, 8, 14, 14)
            nn.Conv2d(8, 16, 3, padding=1, bias=False),  # (batch, 16, 14, 14)
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (batch, 16, 7, 7)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.features(images)).flatten(1)  # (batch, 16)
        return self.head(x)  # (batch, 10)
