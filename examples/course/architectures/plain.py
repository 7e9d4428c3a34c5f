"""Plain: three convolutions, 2,870 parameters."""

from _blocks import ONE_EPOCH, ThreeConvolutions

DISPLAY_NAME = "Plain"
RECIPE = ONE_EPOCH


class Network(ThreeConvolutions):
    """(batch, 1, 28, 28) images -> (batch, 10) logits."""
