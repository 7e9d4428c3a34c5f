"""Means and factors by channel against torch in float64."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.nn import functional

from bench.training.engine.cpu.fused_gate import global_mean, product
from bench.training.engine.cpu.rewriting import Rewritten

SIDES = st.sampled_from([1, 2, 3, 7, 14])


def gradients(function: Callable[..., Tensor], inputs: list[Tensor], outer: Tensor) -> list[Tensor]:
    leaves = [each.clone().requires_grad_() for each in inputs]
    out = function(*leaves)
    (out * outer.to(out.dtype)).sum().backward()
    return [out.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def require_equal(ours: list[Tensor], plain: list[Tensor]) -> None:
    assert len(ours) == len(plain)
    for left, right in zip(ours, plain, strict=True):
        assert left.shape == right.shape
        assert torch.allclose(left.double(), right, rtol=1e-5, atol=1e-5)


@settings(max_examples=50)
@given(
    n=st.integers(1, 4),
    channels=st.integers(1, 33),
    height=SIDES,
    width=SIDES,
    swapped=st.booleans(),
    last=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_both_equal_torch_in_float64(
    n: int, channels: int, height: int, width: int, swapped: bool, last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(n, channels, height, width)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    factors, outer = torch.rand(n, channels, 1, 1), torch.randn(n, channels, height, width)
    pair = [factors, x] if swapped else [x, factors]
    doubles = [each.double() for each in pair]
    require_equal(gradients(product, pair, outer), gradients(operator.mul, doubles, outer))
    mean = lambda each: functional.adaptive_avg_pool2d(each, 1)  # noqa: E731
    few = outer[:, :, :1, :1]
    require_equal(gradients(global_mean, [x], few), gradients(mean, [x.double()], few))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (torch.randn(2, 3), torch.randn(2, 3)),
        (torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)),
        (torch.randn(2, 3, 4, 4), torch.randn(1, 3, 1, 1)),
        (torch.randn(2, 3, 4, 4), 0.5),
        (2, torch.randn(2, 3, 4, 4)),
        (torch.randn(2, 3, 4, 4).double(), torch.randn(2, 3, 1, 1).double()),
        (torch.randn(2, 3, 1, 1), torch.randn(2, 3, 1, 1)),
    ],
)
def test_other_products_are_torchs(left: Tensor | float, right: Tensor | float) -> None:
    assert torch.equal(product(left, right), left * right)


def test_not_a_number_reaches_the_output() -> None:
    x, factors = torch.ones(1, 2, 3, 3), torch.ones(1, 2, 1, 1)
    x[0, 0, 1, 1] = float("nan")
    assert product(x, factors).isnan().sum() == 1
    assert global_mean(x).isnan().flatten().tolist() == [True, False]


def test_the_gate_of_a_network_is_rewritten() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.squeeze = nn.AdaptiveAvgPool2d(1)

        def forward(self, x: Tensor) -> Tensor:
            return x * self.squeeze(x).sigmoid()

    rewritten = Rewritten(Gated())
    called = {node.target for node in _graph(rewritten).nodes if node.op == "call_function"}
    assert {product, global_mean} <= called


def _graph(rewritten: Rewritten) -> fx.Graph:
    assert isinstance(rewritten.for_training, fx.GraphModule)
    return rewritten.for_training.graph
