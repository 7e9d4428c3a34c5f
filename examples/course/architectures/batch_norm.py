"""BatchNorm: the plain network with batch normalisation, 2,942 parameters."""

from _blocks import ONE_EPOCH, ThreeConvolutions

DISPLAY_NAME = "BatchNorm"
RECIPE = ONE_EPOCH


class Network(ThreeConvolutions):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def __init__(self) -> None:
        super().__init__(batch_norm=True)
