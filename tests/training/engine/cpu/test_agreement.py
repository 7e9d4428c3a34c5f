"""What decides between torch's way and ours is which is nearer to float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.training.engine.cpu import fused
from bench.training.engine.cpu.agreement import FAR, TOLERANCE, moved, require_agreement
from bench.training.engine.cpu.batch_norm import Affine
from bench.training.engine.cpu.kernels import Floats
from bench.training.engine.cpu.observation import Observed, in_float64, observed, share_dropout
from bench.training.engine.cpu.rewriting import NotRewritable, Rewritten

SHAPE = (1, 8, 8)


class FarFromZero(nn.Module):
    """Images whose mean is so many of their standard deviations, exact in float32."""

    def __init__(self, mean: float = 100_000) -> None:
        super().__init__()
        self.mean = mean
        self.first = nn.BatchNorm2d(1)
        self.conv, self.norm = nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 10)

    def features(self, x: Tensor) -> Tensor:
        x = self.first((16 * x).round() / 16 + self.mean)
        return torch.relu(self.norm(self.conv(x))).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class WithNoise(FarFromZero):
    """Float64 draws other values."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) + 1e-6 * torch.rand_like(x[:, :, 0, :6].squeeze(1))


class InFloat32Alone(FarFromZero):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x.float())


class WithDropout(FarFromZero):
    """Of maps, and of what is no map: torch draws the same values in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.3)

    def features(self, x: Tensor) -> Tensor:
        return self.dropout(super().features(self.dropout(x)))


class OnePixelHigh(nn.Module):
    """Torch puts the gradient of this norm in other places: its layout is not the map's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x).mean(2, keepdim=True))  # (n, 6, 1, width)
        return self.head(x.permute(0, 3, 1, 2).squeeze(-1)).mean(1)


Build = Callable[[], nn.Module]


def built(kind: Build) -> nn.Module:
    torch.manual_seed(0)
    return kind()


def three_ways(kind: Build) -> tuple[Observed, Observed, Observed]:
    """As torch does, rewritten, in float64."""
    network = moved(built(kind))
    plain, exact = copy.deepcopy(network), in_float64(network)
    share_dropout(plain)
    share_dropout(exact, torch.float64)
    return (
        observed(plain, SHAPE),
        observed(Rewritten(copy.deepcopy(network)), SHAPE),
        observed(exact, SHAPE, torch.float64),
    )


def apart(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


def farthest(found: Observed, exact: Observed) -> float:
    """Of the outputs of all steps."""
    return max(apart(*pair) for pair in zip(found.outputs, exact.outputs, strict=True))


@pytest.mark.parametrize("kind", [FarFromZero, WithDropout])
def test_the_nearer_way_is_not_refused(kind: type[nn.Module]) -> None:
    """Torch's channels_last loses a variance that is small beside the squared mean."""
    torchs, ours, exact = three_ways(kind)
    assert farthest(torchs, exact) > TOLERANCE
    assert farthest(ours, exact) < 1e-6
    require_agreement(lambda: built(kind), SHAPE)


def test_a_gradient_that_torch_misplaces_is_not_the_measure() -> None:
    """Maps of one line: the network was trained as it is written, by another gradient."""
    torchs, ours, exact = (each.gradients[0]["conv.weight"] for each in three_ways(OnePixelHigh))
    assert apart(torchs, exact) > 0.5
    assert apart(ours, exact) < 1e-5
    require_agreement(lambda: built(OnePixelHigh), SHAPE)


@pytest.mark.parametrize("kind", [WithNoise, InFloat32Alone])
def test_without_a_witness_torch_is_the_measure(kind: type[nn.Module]) -> None:
    with pytest.raises(NotRewritable, match="in a trial of the faster step"):
        require_agreement(lambda: built(kind), SHAPE)


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 1e6))
def test_a_large_mean_never_refuses_a_network(mean: float) -> None:
    """Whole means and sixteenths of a pixel are exact, so that both ways get the same images."""
    require_agreement(lambda: built(lambda: FarFromZero(round(mean))), SHAPE)


@settings(max_examples=15, deadline=None)
@given(
    mean=st.floats(0, 1e6), share=st.floats(5 * FAR, 1), part=st.sampled_from(["scale", "shift"])
)
def test_a_wrong_way_is_refused_however_wrong_torch_is(
    mean: float, share: float, part: str
) -> None:
    right = fused.of_batch

    def wrong(norm: nn.BatchNorm2d, x: Tensor) -> Affine:
        found = right(norm, x)
        getattr(found, part)[:] *= 1 + share
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fused, "of_batch", wrong)
        with pytest.raises(NotRewritable, match="differs by"):
            require_agreement(lambda: built(lambda: FarFromZero(round(mean))), SHAPE)


def test_a_wrong_gradient_is_refused_though_torchs_is_worse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = fused.through_statistics

    def wrong(*arguments: Any) -> tuple[Floats, Floats]:
        slope, offset = right(*arguments)
        return 1.5 * slope, offset

    monkeypatch.setattr(fused, "through_statistics", wrong)
    torchs, ours, exact = (each.gradients[0]["conv.weight"] for each in three_ways(OnePixelHigh))
    assert FAR < apart(ours, exact) < apart(torchs, exact)
    with pytest.raises(NotRewritable, match="gradient of conv"):
        require_agreement(lambda: built(OnePixelHigh), SHAPE)
