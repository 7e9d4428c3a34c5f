"""One convolution in every orientation, used several times in a row."""

from __future__ import annotations

from _turned import Turned
from torch import Tensor, nn
from torch.nn import functional


class TurnedTied(nn.Module):
    """Maps to as many maps, each side 2 smaller at each use; each use has a BatchNorm, and SiLU."""

    def __init__(self, channels: int, orientations: int, times: int) -> None:
        super().__init__()
        self.convolution = Turned(channels, channels, orientations)
        self.norms = nn.ModuleList(nn.BatchNorm2d(orientations * channels) for _ in range(times))

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = functional.silu(norm(self.convolution(x)))
        return x
