"""What the three networks share; the underscore says that this file is no network."""

from torch import Tensor, nn

from bench.spec import Recipe

ONE_EPOCH = Recipe(peak_learning_rate=0.01, warmup_fraction=0.2, epochs=1)


class ThreeConvolutions(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def __init__(self, *, batch_norm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()

        def block(channels_in: int, channels_out: int) -> nn.Sequential:
            layers = [nn.Conv2d(channels_in, channels_out, 3, padding=1)]
            layers += [nn.BatchNorm2d(channels_out)] if batch_norm else []
            layers += [nn.ReLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
            return nn.Sequential(*layers)

        self.features = nn.Sequential(
            block(1, 8),  # (batch, 8, 28, 28)
            nn.MaxPool2d(2),  # (batch, 8, 14, 14)
            block(8, 12),  # (batch, 12, 14, 14)
            nn.MaxPool2d(2),  # (batch, 12, 7, 7)
            block(12, 16),  # (batch, 16, 7, 7)
            nn.AdaptiveAvgPool2d(1),  # (batch, 16, 1, 1)
        )
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).flatten(1))  # (batch, 10)
