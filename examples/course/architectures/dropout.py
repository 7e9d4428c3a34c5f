"""Dropout: the network with batch normalisation and a dropout of 10 %, 2,942 parameters."""

from _blocks import RECIPE, ThreeConvolutions

DISPLAY_NAME = "Dropout"


class Network(ThreeConvolutions):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""

    def __init__(self) -> None:
        super().__init__(batch_norm=True, dropout=0.1)
