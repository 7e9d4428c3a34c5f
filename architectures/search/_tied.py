"""One convolution used several times in a row: depth that costs a BatchNorm each."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Tied(nn.Module):
    """(n, channels, height, width): each use makes both sides 2 smaller; no padding, SiLU."""

    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(times))

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = functional.silu(norm(self.convolution(x)))
        return x
