"""Plain: three convolutions, 2,870 parameters."""

from _blocks import RECIPE, ThreeConvolutions

DISPLAY_NAME = "Plain"


class Network(ThreeConvolutions):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""
